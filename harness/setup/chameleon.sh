#!/usr/bin/env bash
# Provides both versions of pg_chameleon from PyPI, each in a virtual environment of its own: 1.8.2, which makes
# and runs 1.7 catalogues, and 2.0.21, the original upgrade and the daemon that must run on our result.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"

# new_environment FOLDER: an empty virtual environment. It must not be moved afterwards.
new_environment() {
    local python
    python=$(python_with_venv) || return 1
    rm -rf "$1"
    quietly "$python" -m venv "$1"
}

# Its libraries are of its time: newer ones have dropped what it calls. Python 3.12 and later have dropped distutils,
# which the setuptools of its time needs: the last one that has pkg_resources brings its own. Its data files carry the
# absolute path of the environment they were built in, so it never comes from pip's cache.
install_1() {
    local pip=$tools/chameleon1/bin/pip setuptools='setuptools<60'
    new_environment "$tools/chameleon1" || return 1
    "$tools/chameleon1/bin/python" -c 'import distutils' 2>/dev/null || setuptools='setuptools<81'
    quietly "$pip" install "$setuptools" wheel &&
        quietly "$pip" install --no-build-isolation PyYAML==5.3.1 mysql-replication==0.31 'PyMySQL<1.0' tabulate \
            psycopg2-binary &&
        quietly "$pip" install --no-cache-dir --no-deps --no-build-isolation pg_chameleon==1.8.2
}

install_2() {
    # It asks for pkg_resources, which Python 3.12 and later don't bring, nor setuptools from 81 on.
    new_environment "$tools/chameleon2" && quietly "$tools/chameleon2/bin/pip" install pg_chameleon==2.0.21 'setuptools<81'
}

# An earlier release, as it may be on a user's machine still: it shares what it runs with.
install_2_earlier() {
    local environment=$tools/chameleon2-earlier shared
    new_environment "$environment" && shared=$(echo "$tools"/chameleon2/lib/python3*/site-packages) &&
        quietly "$environment/bin/pip" install --no-deps pg_chameleon==2.0.20 'setuptools<81' &&
        echo "$shared" >"$(echo "$environment"/lib/python3*/site-packages)/shared.pth"
}

# MySQL's accounts are let in without TLS by what this encrypts (caching_sha2_password).
with_cryptography() {
    "$tools/$1/bin/python" -c 'import cryptography' 2>/dev/null || quietly "$tools/$1/bin/pip" install cryptography
}

# Its program is installed last, and names the Python of the environment that it was built in: that tells a
# finished environment from an interrupted one, and from one that has been moved here.
complete() { head -n 2 "$tools/$1/bin/$2" 2>/dev/null | grep -qF "$tools/$1/bin/python"; }

# provide NAME PROGRAM TITLE INSTALL
provide() {
    if ! complete "$1" "$2"; then
        say "Installing $3 from PyPI…"
        if ! $4 || ! complete "$1" "$2"; then
            missing "$1" "$3" "it could not be installed from PyPI: $(tail -n 1 "$log")"
            return
        fi
    fi
    if ! with_cryptography "$1"; then
        missing "$1" "$3" "its library cryptography could not be installed from PyPI: $(tail -n 1 "$log")"
        return
    fi
    provided "$1"
}

provide chameleon1 chameleon.py 'pg_chameleon 1.8.2' install_1
provide chameleon2 chameleon 'pg_chameleon 2.0.21' install_2
provide chameleon2-earlier chameleon 'pg_chameleon 2.0.20' install_2_earlier

# The schema files of earlier releases of 2.0, each named after the catalogue that it makes, with the last release that
# has it. Nothing of them is installed; the first environment's pip has what it takes to look at packages of their time.
earlier='2.0.0:2.0.2 2.0.1:2.0.4 2.0.2:2.0.5 2.0.3:2.0.7 2.0.4:2.0.8 2.0.5:2.0.9 2.0.6:2.0.13 2.0.7:2.0.16 2.0.8:2.0.17
    2.0.9:2.0.20'

fetch_earlier() {
    local folder=$tools/earlier.new pair release package file
    rm -rf "$folder" && mkdir -p "$folder/of-their-time" || return 1
    # Their setup.py imports setuptools from itself, as it could be when they were made.
    echo 'import setuptools; setuptools.setuptools = setuptools' >"$folder/of-their-time/sitecustomize.py"
    for pair in $earlier; do
        release=${pair#*:}
        package=$folder/pg_chameleon-$release.tar.gz
        quietly env PYTHONPATH="$folder/of-their-time" "$tools/chameleon1/bin/pip" download --no-deps --no-binary :all: --no-build-isolation --dest "$folder" \
            "pg_chameleon==$release" || return 1
        file=$(tar -tzf "$package" | awk '/\/sql\/create_schema\.sql$/ { print }') || return 1
        tar -xzOf "$package" "$file" >"$folder/${pair%:*}.sql" || return 1
        rm "$package"
    done
    rm -rf "$tools/earlier" "$folder/of-their-time" && mv "$folder" "$tools/earlier"
}

if [ -d "$tools/earlier" ] || { say 'Fetching earlier releases of pg_chameleon 2.0 from PyPI…' && fetch_earlier; }; then
    provided earlier
else
    missing earlier 'earlier releases of pg_chameleon 2.0' "they could not be fetched from PyPI: $(tail -n 1 "$log")"
fi
