#!/bin/sh
# Runs vesta-gateway as the [[gateway]] whose `back_endpoint` is at this pod's address.
#
# Pods of a Deployment are alike, and their addresses are known only once they run; gateways have a number of
# their own, and the sequencer must know where each one is. So a pod waits until the configuration that is mounted
# here names its address (the kubelet renews the file), and then is that gateway. A pod that nobody named waits, is
# not ready, and does no harm.
#
#   VESTA_CONFIG  the configuration file, default /etc/vesta/vesta.toml
#   POD_IP        this pod's IPv4 address
#   GATEWAY_ID    be this gateway, and look for none
#
# Arguments are handed on. Exit status: that of vesta-gateway; 0 when told to stop while waiting; 2 without POD_IP.
set -eu

config=${VESTA_CONFIG:-/etc/vesta/vesta.toml}

# Prints the id of the [[gateway]] at address $1; nothing where there is none.
gateway_at() {
    awk -v address="$1" '
        /^[ \t]*\[/ { entry = ($0 ~ /^[ \t]*\[\[gateway\]\]/); id = ""; at = "" }
        !entry { next }
        /^[ \t]*id[ \t]*=/ { id = $0; sub(/^[^=]*=[ \t]*/, "", id); sub(/[ \t]*(#.*)?$/, "", id) }
        /^[ \t]*back_endpoint[ \t]*=/ { at = $0; sub(/^[^"]*"/, "", at); sub(/:[0-9]+".*$/, "", at) }
        id != "" && at == address { print id; exit }
    ' "$config" 2>/dev/null || true
}

id=${GATEWAY_ID:-}
if [ -z "$id" ] && [ -z "${POD_IP:-}" ]; then
    echo "gateway-entry: neither GATEWAY_ID nor POD_IP is set" >&2
    exit 2
fi

# As the first process of a container a shell ignores SIGTERM unless it is told otherwise.
trap 'exit 0' TERM INT
told=
while [ -z "$id" ]; do
    id=$(gateway_at "$POD_IP")
    [ -z "$id" ] || break
    if [ -z "$told" ]; then
        told=yes
        echo "gateway-entry: no [[gateway]] of $config has its back_endpoint at $POD_IP; waiting for one" >&2
    fi
    sleep 1 &
    wait $!
done
trap - TERM INT

echo "gateway-entry: gateway $id" >&2
exec vesta-gateway --config "$config" --gateway "$id" "$@"
