#!/usr/bin/env bash
# Provides an image of PostgreSQL for the harness's servers of the kind `docker`, and writes its name to
# target/tools/docker-image: the official one, pulled, or, where no registry can be reached, one made from Debian
# packages that takes the same settings.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
# shellcheck source=harness/setup/debian.sh
. "$(dirname "$0")/debian.sh"

official=postgres:17
# Changes with what is put into the image below.
own=chameleon-harness-postgres:1
title='Docker, with an image of PostgreSQL'

use() {
    printf '%s\n' "$1" >"$tools/docker-image"
    provided docker-image
    exit 0
}

rm -f "$tools/docker-image"

present() { docker image inspect "$1" >/dev/null 2>&1; }

# A system with PostgreSQL in it, as a tar archive that later engines of this machine can import.
make_archive() {
    local folder=$tools/docker-root release
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    say "Making an image of PostgreSQL from Debian packages, once; this takes a minute…"
    new_debian "$release" "$folder" postgresql || return 1
    # The cluster that the package made, and what no server reads.
    rm -rf "$folder"/var/lib/postgresql/* "$folder"/etc/postgresql/* "$folder"/var/cache/apt "$folder"/var/lib/apt/lists \
        "$folder"/usr/share/doc "$folder"/usr/share/man "$folder"/usr/share/locale
    install -m 755 "$root/harness/setup/docker_entrypoint.sh" "$folder/usr/local/bin/docker-entrypoint.sh"
    tar -C "$folder" --one-file-system -cf "$1.new" . && mv "$1.new" "$1"
    rm -rf "$folder"
}

import_archive() {
    quietly docker import \
        --change 'ENV PGDATA=/var/lib/postgresql/data LC_ALL=C.UTF-8' \
        --change 'VOLUME /var/lib/postgresql/data' \
        --change 'EXPOSE 5432' \
        --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
        --change 'CMD ["postgres"]' \
        "$1" "$own"
}

if ! command -v docker >/dev/null; then
    missing docker-image "$title" "the command docker is not installed"
    exit 0
fi
if ! reason=$(timeout 30 docker version --format '{{.Server.Version}}' 2>&1); then
    missing docker-image "$title" "no engine answers: $(tail -n 1 <<<"$reason")"
    exit 0
fi
for image in "$own" "$official"; do
    present "$image" && use "$image"
done
timeout 300 docker pull -q "$official" >"$log" 2>&1 && use "$official"
reason="no registry can be reached ($(tail -n 1 "$log"))"
if ! can_install; then
    missing docker-image "$title" "$reason, and making an image from Debian packages needs root"
    exit 0
fi
archive=$tools/${own/:/-}.tar
{ [ -e "$archive" ] || make_archive "$archive"; } && import_archive "$archive" && use "$own"
missing docker-image "$title" "$reason, and no image could be made from Debian packages: $(tail -n 1 "$log")"
