#!/usr/bin/env bash
# Provides Oracle's MySQL, beside MariaDB the other source of the replicas that the tests run: Debian has it in its unstable
# distribution only, so it lives in a root of its own, target/tools/mysql-root, made by root with debootstrap.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
# shellcheck source=harness/setup/debian.sh
. "$(dirname "$0")/debian.sh"

folder=$tools/mysql-root
title="Oracle's MySQL"

if [ -x "$folder/usr/sbin/mysqld" ]; then
    provided mysql
elif ! can_install; then
    missing mysql "$title" "it is made from Debian packages in a root of its own, which needs root"
elif ! { command -v debootstrap >/dev/null || install_packages debootstrap; }; then
    missing mysql "$title" "Debian's package debootstrap could not be installed"
else
    say "Making a root with $title from Debian packages, once; this takes a minute…"
    rm -rf "$folder" "$folder.new"
    if quietly debootstrap --variant=minbase --include=mysql-server sid "$folder.new" "$(mirror debian)" &&
        [ -x "$folder.new/usr/sbin/mysqld" ]; then
        rm -rf "$folder.new"/var/cache/apt "$folder.new"/var/lib/apt/lists "$folder.new"/usr/share/doc \
            "$folder.new"/usr/share/man "$folder.new"/usr/share/locale
        mv "$folder.new" "$folder"
        provided mysql
    else
        missing mysql "$title" "its root could not be made: $(tail -n 1 "$log")"
    fi
fi
