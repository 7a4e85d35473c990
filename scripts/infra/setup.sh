#!/usr/bin/env bash
# What the checks of the infrastructure need beside what scripts/setup.sh installs. To be sourced:
# `infra_setup` puts it in place and says what it does; a second call finds all there. The caller may
# have `say` and `fail` of its own.

infra_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
infra_tools=$infra_root/target/tools

# shellcheck source=scripts/infra/deploy_tools.sh
source "$infra_root/scripts/infra/deploy_tools.sh"

declare -F say >/dev/null || say() { printf 'setup: %s\n' "$*"; }
declare -F fail >/dev/null || fail() {
    local code=$1
    shift
    printf 'setup: error: %s\n' "$*" >&2
    exit "$code"
}

# infra_venv NAME PROGRAM: a virtual environment of its own for each tool, because their pins disagree.
# It is made anew when its list of pins changes.
infra_venv() {
    local name=$1 program=$2 python
    local venv=$infra_tools/$name pins=$infra_root/scripts/infra/requirements-$name.txt
    if [[ -x $venv/bin/$program ]] && cmp -s "$pins" "$venv/pins.txt"; then
        say "$name: $(sed -n -E "s/^$name(\[[a-z]+\])?==//p" "$pins") is there"
        return
    fi
    for python in python3 /usr/bin/python3; do
        rm -rf "$venv"
        "$python" -m venv "$venv" >/dev/null 2>&1 && break
    done
    [[ -x $venv/bin/python ]] || fail 1 "python3 can not make a virtual environment in $venv"
    say "$name: installing $(grep -c == "$pins") pinned packages into target/tools/$name"
    "$venv/bin/python" -m pip --disable-pip-version-check -q install --no-compile --requirement "$pins" ||
        fail 1 "pip could not install $name: is the network there?"
    [[ -x $venv/bin/$program ]] || fail 1 "$name was installed, but there is no $program in it"
    cp "$pins" "$venv/pins.txt"
}

# Of Debian and Ubuntu, for the checks of tuning/: systemd is there for systemd-analyze.
readonly INFRA_TUNING_PACKAGES=(bats ethtool iproute2 procps shellcheck systemd)

infra_tuning_packages() {
    local package missing=()
    for package in "${INFRA_TUNING_PACKAGES[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        say "packages for the tuning: all there"
        return
    fi
    say "packages for the tuning: installing ${missing[*]}"
    infra_apt_install "${missing[@]}"
}

infra_apt_update() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    "${as_root[@]}" apt-get -qq update </dev/null || fail 2 "apt-get update failed: is the network there?"
}

infra_apt_install() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    infra_apt_update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
        --no-install-recommends "$@" </dev/null || fail 2 "apt-get could not install $*"
}

# Side by side: each waits for the network half of the time.
infra_setup() {
    local lane lanes=()
    mkdir -p "$infra_tools/bin"
    infra_tuning_packages
    infra_venv moto moto_server &
    lanes+=($!)
    infra_venv checkov checkov &
    lanes+=($!)
    infra_deploy_tools &
    lanes+=($!)
    for lane in "${lanes[@]}"; do
        wait "$lane" || fail 1 "not all that the checks of the infrastructure need is there: see above"
    done
}

# Called by itself it does the same.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    infra_setup
fi
