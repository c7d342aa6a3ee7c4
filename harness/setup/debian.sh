# Sourced after provide.sh: systems of other Debian releases, each in a folder of its own, that take their packages
# from where this machine takes them.
# shellcheck shell=bash

# mirror ARCHIVE: where this machine's apt gets the archive `debian`, `debian-security` or `ubuntu` from.
mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed 's|/*$||' | grep "/$1\$" | head -n 1 | grep . || echo "http://deb.debian.org/$1"
}

# sources RELEASE: the lines of sources.list, that of the release itself first.
sources() {
    local release=$1 archive=debian security=debian-security
    if grep -qx ID=ubuntu /etc/os-release && grep -qx "VERSION_CODENAME=$release" /etc/os-release; then
        archive=ubuntu security=ubuntu
    fi
    echo "deb $(mirror $archive) $release main"
    echo "deb $(mirror $archive) $release-updates main"
    echo "deb $(mirror $security) $release-security main"
}

# new_debian RELEASE FOLDER [PACKAGE…]: the smallest system of that release with all its updates, and these packages.
new_debian() {
    local release=$1 folder=$2
    shift 2
    # shellcheck disable=SC2154 # of provide.sh
    can_install || { echo "making a system of Debian needs root and apt-get" >"$log"; return 1; }
    command -v debootstrap >/dev/null || install_packages debootstrap || return 1
    rm -rf "$folder"
    quietly debootstrap --variant=minbase --include=ca-certificates "$release" "$folder" \
        "$(sources "$release" | awk 'NR == 1 { print $2 }')" &&
        pass_on_settings "$release" "$folder" &&
        install_in "$folder" dist-upgrade &&
        { [ $# = 0 ] || install_in "$folder" install "$@"; } &&
        rm -rf "$folder"/var/cache/apt/archives/*.deb
}

# install_in FOLDER WORD…: runs apt-get in that system.
install_in() {
    local folder=$1 status=0
    shift
    printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
    chmod +x "$folder/usr/sbin/policy-rc.d"
    quietly chroot "$folder" apt-get update &&
        quietly chroot "$folder" env DEBIAN_FRONTEND=noninteractive \
            apt-get -y --no-install-recommends "$@" || status=$?
    rm -f "$folder/usr/sbin/policy-rc.d"
    return "$status"
}

# What this machine needs to reach the registries: addresses, proxies, certificates.
pass_on_settings() {
    local release=$1 folder=$2
    sources "$release" >"$folder/etc/apt/sources.list"
    # What is made here may be lost with the machine.
    echo force-unsafe-io >"$folder/etc/dpkg/dpkg.cfg.d/unsafe-io"
    apt-config dump | grep -E '^Acquire::(http|https|Check|Max-Valid|Retries)' >"$folder/etc/apt/apt.conf.d/90host" || true
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >"$folder/etc/hosts"
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$folder/etc/pip.conf"
    cp -RL /usr/local/share/ca-certificates "$folder/usr/local/share/" 2>/dev/null || true
    quietly chroot "$folder" update-ca-certificates
}
