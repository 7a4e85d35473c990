#!/usr/bin/env bash
# Shared by the scripts of the infrastructure's checks; to be sourced.

infra_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
infra_work=${VESTA_INFRA_WORK:-$infra_root/target/infra}

# Where this machine keeps providers for use without the registry: a folder that holds
# registry.terraform.io/hashicorp/aws. Prints nothing where there is none. What an `init` left somewhere
# looks the same, but does not stay: temporary folders and .terraform do not count.
infra_mirror() {
    local known=$infra_work/mirror found
    if [[ -s $known && -d $(<"$known")/registry.terraform.io/hashicorp/aws ]]; then
        cat "$known"
        return
    fi
    found=$(timeout 30 find / -xdev -maxdepth 8 \( -path /proc -o -path /sys -o -path /tmp -o -path /var/tmp -o -path "$infra_root" \
        -o -name .terraform -o -name plugin-cache \) -prune -o -type d \
        -path '*/registry.terraform.io/hashicorp/aws' -print -quit 2>/dev/null || true)
    [[ -n $found ]] || return 0
    found=${found%/registry.terraform.io/hashicorp/aws}
    printf '%s\n' "$found" | tee "$known"
}

# Writes the CLI's configuration, and has terraform use it: no user's own takes part.
infra_cli_config() {
    local mirror
    mkdir -p "$infra_work/plugin-cache"
    mirror=$(infra_mirror)
    {
        echo 'disable_checkpoint = true'
        if [[ -n $mirror ]]; then
            printf 'provider_installation {\n  filesystem_mirror {\n    path    = "%s"\n' "$mirror"
            printf '    include = ["registry.terraform.io/*/*"]\n  }\n}\n'
        fi
    } >"$infra_work/terraform.tfrc"
    export TF_CLI_CONFIG_FILE=$infra_work/terraform.tfrc TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
    # A mirror is linked to; only what was downloaded is worth keeping.
    [[ -n $mirror ]] || export TF_PLUGIN_CACHE_DIR=$infra_work/plugin-cache
    # No account is ever reached, whatever the environment holds.
    unset AWS_PROFILE AWS_SESSION_TOKEN TF_DATA_DIR TF_WORKSPACE
    export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_EC2_METADATA_DISABLED=true
}

# infra_tree DIR: a copy of terraform/ that is initialised there, so that the checkout stays clean.
infra_tree() {
    local tree=$1
    rm -rf "$tree"
    mkdir -p "$(dirname "$tree")"
    cp -r "$infra_root/terraform" "$tree"
    find "$tree" \( -name .terraform -o -name .terraform.lock.hcl -o -name '*.tfstate*' \) -prune -exec rm -rf {} +
    infra_harness "$tree"
    terraform -chdir="$tree" init -no-color -backend=false >"$tree.init.log" 2>&1 || {
        cat "$tree.init.log"
        return 1
    }
}

# One configuration that calls every example and the root: one `validate` sees all of it.
infra_harness() {
    local tree=$1 module
    mkdir -p "$tree/harness"
    {
        for module in "$tree"/modules/*/; do
            module=$(basename "$module")
            printf 'module "example_%s" {\n  source = "../modules/%s/examples/basic"\n}\n\n' "$module" "$module"
        done
        printf 'module "root" {\n  source = "../"\n\n  tier          = "high"\n  bucket_prefix = "acme-vesta"\n'
        printf '  domain_name   = "trade.example.com"\n'
        printf '  release       = { bucket = "acme-releases", key = "vesta.tar.gz", sha256 = sha256("") }\n}\n'
    } >"$tree/harness/main.tf"
}
