#!/usr/bin/env bash
# Provides pgbouncer, the pooler that sessions are tried through: found, or installed from Debian by root.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

found() { command -v pgbouncer >/dev/null; }

found || install_packages pgbouncer || true
if found; then
    provided pgbouncer
elif can_install; then
    missing pgbouncer pgbouncer "Debian's package pgbouncer could not be installed"
else
    missing pgbouncer pgbouncer "it is in no registry that works without root: install the package pgbouncer"
fi
