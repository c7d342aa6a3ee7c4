#!/bin/bash
# Entry point of the image that docker_image.sh makes: initialises the cluster at its first start, then runs the
# server. Takes POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS and PGDATA, and the server's
# options as the command, as the official image does.
set -euo pipefail
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
user=${POSTGRES_USER:-postgres}

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "POSTGRES_PASSWORD is not set: give the superuser a password (-e POSTGRES_PASSWORD=…)" >&2
        exit 1
    fi
    read -ra arguments <<<"${POSTGRES_INITDB_ARGS:-}"
    initdb --username "$user" --auth=scram-sha-256 --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        "${arguments[@]}" --pgdata "$PGDATA"
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        echo "CREATE DATABASE \"${POSTGRES_DB:-$user}\";" | postgres --single -D "$PGDATA" postgres >/dev/null
    fi
fi
unset POSTGRES_PASSWORD
exec "$@"
