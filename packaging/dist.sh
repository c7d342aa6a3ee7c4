#!/usr/bin/env bash
# Makes the packages of a release in target/dist, from one build of both programs for glibc 2.17, and tries each: installed,
# run and removed where its users would. At its end it says what it has made and what it has seen.
#
# A step that needs a program, or rights, that this machine lacks is left out by name; with CI=true that is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=harness/setup/provide.sh
. "$here/../harness/setup/provide.sh"
# shellcheck source=harness/setup/debian.sh
. "$here/../harness/setup/debian.sh"
cd "$root"

dist=$root/target/dist
work=$root/target/dist-work
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
triple=x86_64-unknown-linux-gnu
newest_glibc=2.17
# Times in the packages are that of the commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
export PATH=$tools/packaging/bin:$tools/cargo/bin:$PATH
seen=()

saw() {
    seen+=("$1")
    say "  ✓ $1"
}

# left_out WHAT REASON
left_out() {
    say "  left out: $1: $2"
    seen+=("LEFT OUT $1: $2")
    if [ "${CI:-}" = true ]; then
        say "CI=true: nothing may be left out"
        exit 1
    fi
}

fail() {
    say "failed: $*"
    exit 1
}

build() {
    say "Building both programs for glibc $newest_glibc with zig…"
    local package
    # One by one: together their features would be those of both.
    for package in chameleon-upgrade chameleon-harness; do
        nice -n 10 cargo zigbuild --quiet --release --locked --target "$triple.$newest_glibc" -p "$package" --bins
        install -D -m 755 "target/$triple/release/$package" "$work/bin/$package"
        strip "$work/bin/$package" 2>/dev/null || true
        check_glibc "$work/bin/$package"
        "$work/bin/$package" --version | grep -qx "$package $version" || fail "$package says another version"
    done
    saw "both programs ask for glibc $newest_glibc at most ($(newest "$work/bin/chameleon-upgrade"))"
}

newest() { objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1; }

check_glibc() {
    local symbol
    symbol=$(newest "$1")
    [ -n "$symbol" ] || fail "$1 has no symbols of glibc"
    [ "$(printf '%s\n' "$symbol" "GLIBC_$newest_glibc" | sort -V | tail -n 1)" = "GLIBC_$newest_glibc" ] ||
        fail "$1 asks for $symbol"
}

# The pages and completions that the programs themselves write.
papers() {
    local program shell
    mkdir -p "$work/share/man/man1" "$work/share/completions"
    for program in chameleon-upgrade chameleon-harness; do
        "$work/bin/$program" man --output "$work/share/man/man1" >"$log"
        for shell in bash zsh fish; do
            "$work/bin/$program" completions $shell >"$work/share/completions/$program.$shell"
        done
    done
    # As the assets of both packages name them.
    mkdir -p "$work/share/zsh"
    for program in chameleon-upgrade chameleon-harness; do
        cp "$work/share/completions/$program.zsh" "$work/share/zsh/_$program"
    done
    saw "$(find "$work/share/man/man1" -name '*.1' | wc -l) manual pages, completions for bash, zsh and fish"
}

wheel() {
    local share=$work/wheel-share venv=$work/venv program
    mkdir -p "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" \
        "$share/fish/vendor_completions.d"
    cp "$work"/share/man/man1/*.1 "$share/man/man1/"
    for program in chameleon-upgrade chameleon-harness; do
        cp "$work/share/completions/$program.bash" "$share/bash-completion/completions/$program"
        cp "$work/share/zsh/_$program" "$share/zsh/site-functions/"
        cp "$work/share/completions/$program.fish" "$share/fish/vendor_completions.d/"
    done
    say "Making the wheel…"
    "$tools/packaging/bin/python" packaging/wheel.py "$dist" "$version" manylinux2014_x86_64.manylinux_2_17_x86_64 \
        "$work/bin" "$share"
    local file
    file=$(echo "$dist"/*.whl)
    [ -f "$file" ] || fail "there is not one wheel in $dist"
    auditwheel show "$file" | tr '\n' ' ' | grep -q "manylinux_2_17" || fail "auditwheel has something against $file"
    say "Installing it beside pg_chameleon 2.0.21…"
    rm -rf "$venv"
    quietly "$(python_with_venv)" -m venv "$venv"
    quietly "$venv/bin/pip" install pg_chameleon==2.0.21 'setuptools<81' "$file"
    for program in chameleon-upgrade chameleon-harness; do
        (cd / && "$venv/bin/$program" --version) | grep -qx "$program $version" || fail "$program of the wheel doesn't run"
        check_glibc "$venv/bin/$program"
    done
    [ -f "$venv/share/man/man1/chameleon-upgrade-check.1" ] || fail "the wheel has no manual pages"
    # The checks ask it; both must go on beside each other.
    "$venv/bin/chameleon" --version | grep -qx 'pg-chameleon 2.0.21' || fail "pg_chameleon of the same environment doesn't run"
    quietly "$venv/bin/python" -c 'from pg_chameleon import replica_engine, mysql_source, pg_engine'
    quietly "$venv/bin/pip" check
    "$venv/bin/pip" uninstall --yes chameleon-upgrade >"$log" 2>&1
    for program in chameleon-upgrade chameleon-harness; do
        [ ! -e "$venv/bin/$program" ] || fail "the wheel leaves $program behind"
    done
    saw "wheel: manylinux_2_17 (auditwheel); in a new environment beside pg_chameleon 2.0.21 both programs and it run; removed"
}

deb() {
    say "Making the Debian package…"
    quietly cargo deb --no-build --no-strip --output "$dist/"
    local file
    file=$(echo "$dist"/*.deb)
    if command -v lintian >/dev/null; then
        lintian --allow-root --fail-on error,warning "$file" >"$log" 2>&1 || { cat "$log" >&2; fail "lintian"; }
        saw "Debian package: lintian finds no errors and no warnings"
    else
        left_out "lintian" "it is not installed"
    fi
    if ! can_install; then
        left_out "installing the Debian package" "that needs root and apt-get"
        return
    fi
    say "Installing it in an empty Debian 12…"
    local system=$tools/packaging-root
    [ -x "$system/usr/bin/dpkg" ] || new_debian bookworm "$system" || fail "no empty Debian 12 can be made: $(tail -n 1 "$log")"
    cp "$file" "$system/package.deb"
    # shellcheck disable=SC2016 # for the shell within
    quietly chroot "$system" sh -ec '
        dpkg -i /package.deb
        chameleon-upgrade --version; chameleon-harness --version
        dpkg -V chameleon-upgrade
        test -e /usr/share/bash-completion/completions/chameleon-upgrade
        dpkg -P chameleon-upgrade
        rm /package.deb
        ! command -v chameleon-upgrade
        test -z "$(find /usr /etc /var -name "*chameleon*" ! -path "/var/log/*")"' || fail "the package in an empty Debian 12"
    saw "Debian package: installed, run, verified and purged in an empty Debian 12; nothing is left"
}

rpm_package() {
    say "Making the RPM…"
    quietly cargo generate-rpm --payload-compress gzip --output "$dist/"
    local file system=$work/rpm-root
    file=$(echo "$dist"/*.rpm)
    if ! command -v rpm >/dev/null; then
        left_out "installing the RPM" "rpm is not installed"
        return
    fi
    rpm -K "$file" >"$log" 2>&1 || fail "rpm -K $file"
    ! rpm -qp --requires "$file" | grep -oE 'GLIBC_2\.(1[89]|[2-9][0-9])' || fail "the RPM asks for a newer glibc"
    if ! is_root; then
        left_out "installing the RPM" "that needs root"
        return
    fi
    mkdir -p "$system/var/lib/rpm" "$system/tmp"
    quietly rpm --root "$system" --initdb
    # An empty database of packages provides no libc.
    quietly rpm --root "$system" -i --nodeps "$file"
    "$system/usr/bin/chameleon-upgrade" --version | grep -qx "chameleon-upgrade $version" || fail "the RPM's program doesn't run"
    quietly rpm --root "$system" -V --nodeps chameleon-upgrade
    quietly rpm --root "$system" -e chameleon-upgrade
    [ ! -e "$system/usr/bin/chameleon-upgrade" ] || fail "the RPM leaves the program behind"
    saw "RPM: digests right, asks for glibc $newest_glibc at most; installed, run, verified and removed in an empty root"
}

tarball() {
    local name=chameleon-upgrade-$version-x86_64-linux
    rm -rf "${work:?}/$name"
    mkdir -p "$work/$name"
    cp -a "$work/bin" "$work/share" README.md CHANGELOG.md LICENSE "$work/$name/"
    rm -rf "$work/$name/share/zsh"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
        gzip -9n >"$dist/$name.tar.gz"
    tar -tzf "$dist/$name.tar.gz" | grep -qx "$name/share/man/man1/chameleon-upgrade.1" || fail "the tarball has no manual pages"
    saw "tarball: programs, manual pages and completions"
}

# From nothing: the program, the libraries that it names, the authorities that sign certificates.
image() {
    local folder=$work/image name=chameleon-upgrade:$version library
    if ! docker version >"$log" 2>&1; then
        left_out "the image" "no Docker engine answers"
        return
    fi
    rm -rf "$folder"
    mkdir -p "$folder/root/usr/bin" "$folder/root/etc/ssl/certs" "$folder/root/tmp"
    chmod 1777 "$folder/root/tmp"
    cp "$work/bin/chameleon-upgrade" "$folder/root/usr/bin/"
    ldd "$work/bin/chameleon-upgrade" | grep -o '/[^ ]*' | sort -u | while read -r library; do
        install -D -m 755 "$(readlink -f "$library")" "$folder/root$library"
    done
    cp -L /etc/ssl/certs/ca-certificates.crt "$folder/root/etc/ssl/certs/"
    echo 'hosts: files dns' >"$folder/root/etc/nsswitch.conf"
    echo 'nobody:x:65534:65534::/:/' >"$folder/root/etc/passwd"
    cp packaging/Dockerfile "$folder/"
    say "Making the image…"
    quietly docker build --tag "$name" "$folder"
    docker run --rm "$name" --version | grep -qx "chameleon-upgrade $version" || fail "the image's program doesn't run"
    # It reads a configuration that is given to it, and looks names up.
    printf '%s\n' 'pg_conn: {host: nowhere.invalid, port: 5432, user: u, password: p, database: d, charset: utf8}' \
        'sources: {s: {type: mysql, db_conn: {host: h, port: 3306, user: u, password: p, charset: utf8, connect_timeout: 1}, schema_mappings: {a: b}}}' \
        >"$folder/c.yml"
    docker create --name "chameleon-dist-$$" "$name" check --offline --config /tmp/c.yml >"$log"
    docker cp "$folder/c.yml" "chameleon-dist-$$:/tmp/c.yml" >"$log" 2>&1
    docker start --attach "chameleon-dist-$$" >"$log" 2>&1 && fail "the image's check of nothing succeeds"
    docker rm "chameleon-dist-$$" >/dev/null
    grep -q 'No PostgreSQL server can be reached at nowhere.invalid' "$log" || { cat "$log" >&2; fail "the image's check"; }
    docker save "$name" | gzip -9n >"$dist/chameleon-upgrade-$version-image.tar.gz"
    docker image rm "$name" >"$log" 2>&1
    saw "image: from nothing, runs as nobody; --version and a check run in it"
}

licences() {
    if ! command -v cargo-deny >/dev/null; then
        left_out "licences, bans and sources" "cargo-deny is not installed"
        return
    fi
    quietly cargo deny --offline check licenses bans sources
    saw "cargo-deny, offline: licences, bans and sources as deny.toml has them"
}

checksums() {
    (cd "$dist" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS SHA256SUMS && sha256sum --quiet --check SHA256SUMS)
    saw "SHA256SUMS, and all are right"
}

[ "$(uname -m)" = x86_64 ] || fail "packages are made for x86_64, on such a machine"
rm -rf "$dist" "$work"
mkdir -p "$dist" "$work"
licences
build
papers
wheel
deb
rpm_package
tarball
image
checksums

say
say "Made in target/dist:"
(cd "$dist" && du -h --apparent-size -- * | sed 's/^/  /') >&2
say "Seen:"
printf '  %s\n' "${seen[@]}" >&2
