# Tools for terraform/: terraform and its provider are looked for, not brought along; tflint, checkov and the AWS double moto are
# made in the cache, pinned. Sourced after common.sh and roots.sh. It may write below cache_dir only.
# shellcheck shell=bash

tflint_module=github.com/terraform-linters/tflint@v0.64.0
checkov_package=checkov==3.3.30
moto_package='moto[server]==5.2.5'

# What terraform/ asks of it, and the one version of the provider that the lock files name.
terraform_minimum=1.11.0
provider_version=5.100.0

# find_terraform: prints the terraform to use: TRIVET_TERRAFORM, else the one in PATH. Fails where there is none new enough.
find_terraform() {
    local program=${TRIVET_TERRAFORM:-terraform} version
    program=$(command -v "$program") || return 1
    version=$(CHECKPOINT_DISABLE=1 TF_CLI_CONFIG_FILE=/dev/null "$program" version 2>/dev/null | sed -n 's/^Terraform v//p' | head -n 1)
    printf '%s\n' "$terraform_minimum" "$version" | sort -CV || return 1
    printf '%s\n' "$program"
}

# find_terraform_plugins: prints a directory that `terraform init -plugin-dir` takes and that holds the aws provider: what
# TRIVET_TERRAFORM_PLUGINS names, else a place where people keep such, else wherever one lies below the usual roots.
find_terraform_plugins() {
    local place file
    local -a places roots=()
    if [ -n "${TRIVET_TERRAFORM_PLUGINS:-}" ]; then
        places=("$TRIVET_TERRAFORM_PLUGINS")
    else
        places=("${TF_PLUGIN_CACHE_DIR:-}" "${HOME:-}/.terraform.d/plugin-cache" "${HOME:-}/.terraform.d/plugins"
            /usr/local/share/terraform/plugins /usr/share/terraform/plugins)
        for place in /opt /usr/local /usr/share /var/lib "${HOME:-}/.terraform.d"; do
            if [ -d "$place" ]; then roots+=("$place"); fi
        done
        # PLUGINS/HOST/hashicorp/aws/VERSION/SYSTEM/PROGRAM
        while IFS= read -r file; do places+=("${file%/*/hashicorp/aws/*}"); done < <(
            find "${roots[@]}" -xdev -maxdepth 8 -path "*/hashicorp/aws/$provider_version/*" -name 'terraform-provider-aws_v*' 2>/dev/null
        )
    fi
    for place in "${places[@]}"; do
        if [ -n "$place" ] && [ -n "$(provider_program "$place")" ]; then
            printf '%s\n' "$place"
            return
        fi
    done
    return 1
}

# provider_program PLUGINS: the provider's program for this machine in that directory.
provider_program() {
    local machine
    case $(uname -m) in
    x86_64) machine=amd64 ;;
    aarch64) machine=arm64 ;;
    *) machine=$(uname -m) ;;
    esac
    find "$1" -path "*/hashicorp/aws/$provider_version/linux_$machine/terraform-provider-aws_v*" -print -quit 2>/dev/null
}

# build_python_tool DIR PACKAGE: a virtual environment of its own.
build_python_tool() {
    # Its programs name their interpreter by path, which is to be the final one.
    python3 -m venv "$1"
    tries 3 "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$2"
    grep -rlIZ "^#!$1/" "$1/bin" | xargs -0 -r sed -i "1s|^#!$1/|#!$FINAL/|"
}

moto_root() { CACHED_FROM=terraform.sh cached moto "$moto_package $(python3 --version)" build_python_tool "$moto_package"; }
checkov_root() { CACHED_FROM=terraform.sh cached checkov "$checkov_package $(python3 --version)" build_python_tool "$checkov_package"; }

build_tflint() {
    local dir=$1 go
    go=$(find_go)
    # The sources and object files are needed once: not in the user's own Go directories.
    tries 3 env -u GOROOT -u GOFLAGS GOBIN="$dir" GOPATH="$dir/path" GOCACHE="$dir/objects" GOTOOLCHAIN=local CGO_ENABLED=0 \
        "$go" install -trimpath -ldflags=-s "$tflint_module"
    chmod -R u+w "$dir/path"
    rm -rf "$dir/path" "$dir/objects"
}

tflint_root() { CACHED_FROM=terraform.sh cached tflint "$tflint_module" build_tflint; }

# find_tflint_aws: prints the directory of tflint's AWS rules, where someone put them: TFLINT_PLUGIN_DIR or tflint's own place.
find_tflint_aws() {
    local place
    for place in "${TFLINT_PLUGIN_DIR:-}" "${HOME:-}/.tflint.d/plugins"; do
        if [ -n "$place" ] && [ -x "$place/tflint-ruleset-aws" ]; then
            printf '%s\n' "$place"
            return
        fi
    done
    return 1
}
