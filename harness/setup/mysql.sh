#!/usr/bin/env bash
# Provides Oracle's MySQL, beside MariaDB the other source of the replicas that the tests run. Debian has it in its
# unstable release only: root makes a system of that, takes what the server needs of it, and removes it. What is left,
# target/tools/mysql, runs with the loader and the libraries that it was built for, as whoever starts it.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
# shellcheck source=harness/setup/debian.sh
. "$(dirname "$0")/debian.sh"

title="Oracle's MySQL"
folder=$tools/mysql
system=$tools/mysql-system

runs() { "$1/bin/mysqld" --no-defaults --version >"$log" 2>&1; }

# Its mounts end with a namespace of their own, where there may be one, whatever ends debootstrap.
make_system() {
    local isolated=(unshare --mount)
    "${isolated[@]}" true 2>/dev/null || isolated=()
    rm -rf "$system"
    quietly "${isolated[@]}" debootstrap --variant=minbase --include=mysql-server sid "$system" "$(mirror debian)" &&
        [ -x "$system/usr/sbin/mysqld" ]
}

# take FOLDER: the server, what it looks for beside itself, and the libraries of both.
take() {
    local new=$1 loader name
    rm -rf "$new"
    mkdir -p "$new/bin" "$new/program" "$new/libraries"
    cp -a "$system/usr/lib/mysql/plugin" "$new/plugin" && cp -a "$system/usr/share/mysql" "$new/share" || return 1
    loader=$(cd "$system" && echo usr/lib/*/ld-linux*.so.*)
    {
        echo "/$loader"
        # shellcheck disable=SC2016 # for the shell within
        chroot "$system" sh -c 'ldd /usr/sbin/mysqld /usr/lib/mysql/plugin/*.so' |
            sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
    } | sort -u | while read -r name; do cp -L "$system$name" "$new/libraries/"; done
    cp "$system/usr/sbin/mysqld" "$new/program/" || return 1
    cat >"$new/bin/mysqld" <<-END
		#!/bin/sh
		here=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
		exec "\$here/libraries/${loader##*/}" --library-path "\$here/libraries" "\$here/program/mysqld" "\$@"
	END
    chmod +x "$new/bin/mysqld"
    # Lets each server say in its own data folder whether it has a keyring, and where.
    echo '{"read_local_manifest": true}' >"$new/program/mysqld.my"
    echo '{"read_local_config": true}' >"$new/plugin/component_keyring_file.cnf"
    runs "$new"
}

if runs "$folder"; then
    provided mysql
elif ! can_install; then
    missing mysql "$title" "it is taken from packages of Debian's unstable release, which needs root and apt-get"
elif ! { command -v debootstrap >/dev/null || install_packages debootstrap; }; then
    missing mysql "$title" "Debian's package debootstrap could not be installed"
else
    say "Taking $title from packages of Debian's unstable release, once; this takes two minutes…"
    if make_system && take "$folder.new"; then
        rm -rf "$folder"
        mv "$folder.new" "$folder"
        provided mysql
    else
        missing mysql "$title" "it could not be taken from Debian's packages: $(tail -n 1 "$log")"
    fi
    rm -rf "$system" "$folder.new"
fi
