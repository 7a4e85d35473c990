#!/usr/bin/env bash
# Puts in place what building and testing Vesta needs, on a bare Debian or Ubuntu with a Rust
# toolchain. Every step looks at the real state first, so a second run changes nothing and needs no
# network. `setup.sh build` leaves out what only `make test` wants.
#
# Exit codes: 0 all in place; 2 a system package is missing and can not be installed from here;
# 1 anything else (the message says what, and what to do).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# gcc to libbsd-dev are for Aeron and its bindings, python3-venv for cmake, iproute2 and nftables for the
# namespaces test, valgrind counts instructions, and shellcheck is for the scripts themselves.
readonly PACKAGES=(gcc g++ make pkg-config libclang-dev uuid-dev libbsd-dev python3-venv git
    iproute2 nftables shellcheck valgrind)
# Aeron 1.54 asks for 3.30 or later; 4 refuses the policies of what it bundles.
readonly CMAKE_REQUIREMENT='cmake>=3.30,<4'
# Earlier ones do not know today's licence names; this one is known to build on our toolchain.
readonly DENY_VERSION=0.20.2
# Library and runner must be of one version; Cargo.lock has that of the library.
GUNGRAUN_VERSION=$(sed -n '/^name = "gungraun"$/ { n; s/version = "\(.*\)"/\1/p; }' Cargo.lock)
readonly GUNGRAUN_VERSION
readonly TOOLS=$PWD/target/tools

changed=0

say() { printf 'setup: %s\n' "$*"; }

fail() {
    local code=$1
    shift
    printf 'setup: error: %s\n' "$*" >&2
    exit "$code"
}

# Runs a program with `--version` and prints the first version number in its answer.
version_of() {
    { "$1" --version 2>/dev/null || true; } | sed -n -E '1s/[^0-9]*([0-9]+(\.[0-9]+)+).*/\1/p'
}

# at_least MIN VERSION
at_least() {
    [[ -n $2 && $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

cmake_fits() {
    local version
    version=$(version_of "$1")
    at_least 3.30 "$version" && ! at_least 4 "$version"
}

deny_fits() {
    local version
    version=$(version_of "$1")
    at_least "$DENY_VERSION" "$version" && ! at_least 1 "$version"
}

system_packages() {
    if ! command -v dpkg-query >/dev/null; then
        [[ ${VESTA_SETUP_NO_APT:-} == 1 ]] && { say "system packages: not looked at, as told"; return; }
        fail 2 "this is not a Debian or Ubuntu. Install what these packages hold (${PACKAGES[*]})," \
            "then run again with VESTA_SETUP_NO_APT=1"
    fi
    local package missing=()
    for package in "${PACKAGES[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        say "system packages: all there"
        return
    fi
    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            fail 2 "not root, and no sudo. As root: apt-get install ${missing[*]}"
        elif sudo -n true 2>/dev/null; then
            as_root=(sudo -n)
        elif [[ -t 0 ]]; then
            say "sudo may ask for your password, to install ${missing[*]}"
            as_root=(sudo)
        else
            fail 2 "sudo wants a password and nobody can type one. As root:" \
                "apt-get install ${missing[*]}"
        fi
    fi
    say "system packages: installing ${missing[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null ||
        fail 2 "apt-get update failed: is the network there? Missing: ${missing[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}" </dev/null ||
        fail 2 "apt-get could not install ${missing[*]}"
    changed=1
}

rust_toolchain() {
    command -v cargo >/dev/null ||
        fail 1 "no cargo on PATH: install Rust with rustup (https://rustup.rs)"
    local version
    # Where rustup is in charge this also installs the toolchain that rust-toolchain.toml names.
    version=$(cargo --version) || fail 1 "cargo does not run: see its message above"
    local component
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 ||
            fail 1 "cargo $component does not run: rustup component add rustfmt clippy"
    done
    say "rust: $version"
}

# Every tool that is not the system's is found in target/tools/bin, as itself or as a link.
cmake_tool() {
    local tool=$TOOLS/bin/cmake venv=$TOOLS/venv candidate python
    if cmake_fits "$tool"; then
        say "cmake: $(version_of "$tool") is there"
        return
    fi
    changed=1
    candidate=$(command -v cmake || true)
    if [[ -n $candidate ]] && cmake_fits "$candidate"; then
        ln -sfn "$candidate" "$tool"
        say "cmake: using the system's $(version_of "$tool")"
        return
    fi
    # A python on PATH may be one without the venv module; the system's has it (python3-venv).
    for python in python3 /usr/bin/python3; do
        rm -rf "$venv"
        "$python" -m venv "$venv" >/dev/null 2>&1 && break
    done
    [[ -x $venv/bin/python ]] || fail 1 "python3 can not make a virtual environment in $venv"
    say "cmake: installing $CMAKE_REQUIREMENT into target/tools/venv"
    "$venv/bin/python" -m pip --disable-pip-version-check -q install "$CMAKE_REQUIREMENT" ||
        fail 1 "pip could not install $CMAKE_REQUIREMENT: is the network there?"
    ln -sfn "$venv/bin/cmake" "$tool"
    cmake_fits "$tool" || fail 1 "the cmake just installed does not run: try $tool --version"
}

cargo_deny() {
    local tool=$TOOLS/bin/cargo-deny candidate
    if deny_fits "$tool"; then
        say "cargo-deny: $(version_of "$tool") is there"
        return
    fi
    changed=1
    candidate=$(command -v cargo-deny || true)
    if [[ -n $candidate ]] && deny_fits "$candidate"; then
        ln -sfn "$candidate" "$tool"
        say "cargo-deny: using the system's $(version_of "$tool")"
        return
    fi
    say "cargo-deny: building $DENY_VERSION into target/tools (a minute or two, once)"
    rm -f "$tool"
    # Without the default features it needs no network library of its own: we never fetch advisories. Not optimised:
    # to compile it takes longer than all that it does here.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --no-default-features --force \
        --root "$TOOLS" --version "$DENY_VERSION" cargo-deny ||
        fail 1 "cargo could not install cargo-deny $DENY_VERSION: is the network there?"
    deny_fits "$tool" || fail 1 "the cargo-deny just installed does not run: try $tool --version"
}

gungraun_runner() {
    local tool=$TOOLS/bin/gungraun-runner candidate
    if [[ $(version_of "$tool") == "$GUNGRAUN_VERSION" ]]; then
        say "gungraun-runner: $GUNGRAUN_VERSION is there"
        return
    fi
    changed=1
    candidate=$(command -v gungraun-runner || true)
    if [[ -n $candidate && $(version_of "$candidate") == "$GUNGRAUN_VERSION" ]]; then
        ln -sfn "$candidate" "$tool"
        say "gungraun-runner: using the system's $GUNGRAUN_VERSION"
        return
    fi
    say "gungraun-runner: building $GUNGRAUN_VERSION into target/tools (a minute or two, once)"
    rm -f "$tool"
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --force \
        --root "$TOOLS" --version "=$GUNGRAUN_VERSION" gungraun-runner ||
        fail 1 "cargo could not install gungraun-runner $GUNGRAUN_VERSION: is the network there?"
    [[ $(version_of "$tool") == "$GUNGRAUN_VERSION" ]] ||
        fail 1 "the gungraun-runner just installed does not run: try $tool --version"
}

# Those of the workspace, and those of the fuzz target, which has a lock file of its own.
crates() {
    local manifest
    for manifest in Cargo.toml fuzz/Cargo.toml; do
        if cargo fetch --locked --offline --quiet --manifest-path "$manifest" 2>/dev/null; then
            say "crates of $manifest: all there"
            continue
        fi
        say "crates of $manifest: fetching what its lock file names"
        cargo fetch --locked --quiet --manifest-path "$manifest" ||
            fail 1 "cargo fetch failed: see its message above"
        changed=1
    done
}

mkdir -p "$TOOLS/bin"
system_packages
rust_toolchain
if [[ ${1:-} != build ]]; then
    # Beside the rest: this waits for the network, that computes.
    # shellcheck source=scripts/infra/setup.sh
    (source scripts/infra/setup.sh && infra_setup) &
    infra=$!
    cargo_deny
    gungraun_runner
    cmake_tool
    crates
    wait "$infra" || fail 1 "not all that the checks of the infrastructure need is there: see above"
else
    cmake_tool
    crates
fi
if ((changed)); then say "done"; else say "nothing to do"; fi
