#!/usr/bin/env bash
# Provides the shells that completions are made for, and man: the tests complete in each, and read each manual page.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"

# provide PROGRAM PACKAGE
provide() {
    if command -v "$1" >/dev/null || install_packages "$2"; then
        provided "$1"
    else
        missing "$1" "$1" "Debian's package $2 could not be installed"
    fi
}

provide bash bash
provide zsh zsh
provide fish fish
provide man man-db
