# What the images' assemble scripts share after `closure` has run. Sourced while an image is built, and nowhere else.
# shellcheck shell=bash

# finish_image DIR NAME [PACKAGE...]: more packages that something came from; writes the SBOM.
finish_image() {
    local image=$1 name=$2 package
    shift 2
    for package in "$@"; do
        printf '%s\n' "$package" >>"$image/.packages"
        dpkg-query -s "$package" >"$image/var/lib/dpkg/status.d/$package"
        install -D -m 0644 "/usr/share/doc/$package/copyright" "$image/usr/share/doc/$package/copyright"
    done
    sort -u -o "$image/.packages" "$image/.packages"
    mkdir -p "$image/usr/share/sbom" "$image/etc"
    sbom "$name" "$VERSION" "$image/.packages" >"$image/usr/share/sbom/$name.spdx.json"
    rm "$image/.packages"
    ln -sf ../usr/lib/os-release "$image/etc/os-release"
}

# Everything gets one time, so that the same content is the same image.
same_times() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }
