#!/usr/bin/env bash
# Provides MariaDB, the source of the replicas that the tests run: found, or installed from Debian by root.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

found() { command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; }

found || install_packages mariadb-server-core mariadb-client-core || true
if found; then
    provided mariadb
elif can_install; then
    missing mariadb MariaDB "Debian's packages mariadb-server-core and mariadb-client-core could not be installed"
else
    missing mariadb MariaDB "it is in no registry that works without root: install the package mariadb-server"
fi
