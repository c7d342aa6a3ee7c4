#!/usr/bin/env bash
# Looks for what builds the project and what the harness calls: cargo, a C compiler that links, ps. Installs the
# compiler and ps when root.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"

if ! command -v cargo >/dev/null; then
    say "cargo is missing: install Rust 1.88 or later from https://rustup.rs, open a new shell and repeat this command."
    exit 1
fi
if ! command -v cc >/dev/null && ! install_packages gcc libc6-dev; then
    say "A C compiler (cc) is missing: install the packages gcc and libc6-dev of your system and repeat this command."
    exit 1
fi
if ! command -v ps >/dev/null && ! install_packages procps; then
    say "The command ps is missing: install the package procps of your system and repeat this command."
    exit 1
fi
