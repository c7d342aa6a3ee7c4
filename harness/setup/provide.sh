# Sourced by the scripts beside it: where provided programs go, and what becomes of those that can't be had.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=${CHAMELEON_TOOLS:-$root/target/tools}
mkdir -p "$tools"
tools=$(cd "$tools" && pwd -P)
log=$tools/setup.log

say() { printf '%s\n' "$*" >&2; }

is_root() { [ "$(id -u)" = 0 ]; }

# Runs a command, and shows what it printed only when it fails.
quietly() {
    if ! "$@" >"$log" 2>&1 </dev/null; then
        say "failed: $*"
        tail -n 20 "$log" >&2
        return 1
    fi
}

provided() { rm -f "$tools/$1.missing"; }

# missing NAME TITLE REASON: goes on without it, unless CI=true says that nothing may be missing. The reason is
# kept where the tests that need the program find it.
missing() {
    printf '%s\n' "$3" >"$tools/$1.missing"
    say "$2 is missing: $3"
    if [ "${CI:-}" = true ]; then
        say "CI=true: nothing may be missing"
        exit 1
    fi
    say "The tests that need it will be skipped."
}

can_install() { is_root && command -v apt-get >/dev/null; }

# Installs Debian packages, without starting the services that come with them.
install_packages() {
    can_install || return 1
    local stamp=$tools/apt-updated
    if [ ! -e "$stamp" ]; then
        say "Reading Debian's package lists…"
        quietly apt-get update || return 1
        touch "$stamp"
    fi
    say "Installing $* …"
    without_services quietly env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"
}

without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    "$@" || status=$?
    rm -f "$policy"
    return "$status"
}

# A Python that can make virtual environments, of a version that pg_chameleon's old libraries can be built for,
# when there is one. Debian's own comes without them.
python_with_venv() {
    local python
    for python in python3.11 python3.10 python3.9 python3; do
        if command -v "$python" >/dev/null && "$python" -c 'import venv, ensurepip' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    install_packages python3 python3-venv || return 1
    command -v python3
}

# The pip of a virtual environment of our own: that of the system may be missing, old or forbidden.
pip_of_our_own() {
    if [ ! -x "$tools/pip/bin/pip" ]; then
        local python
        python=$(python_with_venv) || return 1
        rm -rf "$tools/pip"
        quietly "$python" -m venv "$tools/pip" || return 1
    fi
    printf '%s\n' "$tools/pip/bin/pip"
}
