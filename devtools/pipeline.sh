# Tools that only the pipeline's tests need and that this system does not carry in the version wanted: kustomize from Debian
# unstable, awscli and moto (which answers like AWS) from PyPI, npm-groovy-lint from npm. All pinned, all in the cache.
# Sourced after common.sh and roots.sh. It may write below cache_dir only.
# shellcheck shell=bash

kustomize_packages=(kustomize)
aws_requirements=('awscli==1.46.3' 'moto[server]==5.2.5')

# A static program: it runs as it is unpacked.
build_kustomize_root() {
    unstable_root "$1" "${kustomize_packages[@]}"
    "$1/usr/bin/kustomize" version
}

# Its scripts name the directory it was made in, so call what it holds as `bin/python -m NAME`.
build_aws_tools() {
    python3 -m venv "$1"
    tries 3 "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir "${aws_requirements[@]}"
    "$1/bin/python" -m awscli --version
}

# build_groovy_lint DIR PACKAGE.JSON
build_groovy_lint() {
    cp "$2" "$1/package.json"
    (cd "$1" && tries 3 npm install --fetch-retries=5 --no-audit --no-fund --no-package-lock --loglevel=error)
}

kustomize_root() { CACHED_FROM=pipeline.sh cached kustomize "${kustomize_packages[*]}" build_kustomize_root; }
aws_tools() {
    CACHED_FROM=pipeline.sh cached aws-tools "${aws_requirements[*]} $(python3 -c 'import sys; print(sys.version_info[:2], sys.prefix)')" \
        build_aws_tools
}
# groovy_lint PACKAGE.JSON
groovy_lint() { CACHED_FROM=pipeline.sh cached groovy-lint "$(cat "$1") $(node --version)" build_groovy_lint "$1"; }
