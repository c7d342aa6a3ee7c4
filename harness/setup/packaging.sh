#!/usr/bin/env bash
# Provides what `make dist` makes packages with, and tries them: zig and auditwheel from PyPI; cargo-deb, cargo-generate-rpm
# and cargo-deny from crates.io, built here once; lintian, rpm and debootstrap from Debian. All of PyPI's and Cargo's goes
# to target/tools. With arguments: these alone (packaging, cargo-deny…).
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"

wanted=" $* "
wants() { [ "$wanted" = "  " ] || [[ $wanted == *" $1 "* ]]; }

# The programs of these names on PyPI are of 2023, and fail on today's manifests.
crates="cargo-deb@3.8.0 cargo-generate-rpm@0.21.1 cargo-deny@0.20.2"

complete() { head -n 1 "$tools/packaging/bin/auditwheel" 2>/dev/null | grep -qF "$tools/packaging/bin/python"; }

install_wheels() {
    local python
    python=$(python_with_venv) || return 1
    rm -rf "$tools/packaging"
    quietly "$python" -m venv "$tools/packaging" &&
        quietly "$tools/packaging/bin/pip" install ziglang==0.17.1 cargo-zigbuild==0.24.1 auditwheel==6.8.2
}

if wants packaging; then
    complete || say "Installing zig and auditwheel from PyPI…"
    if complete || { install_wheels && complete; }; then
        provided packaging
    else
        missing packaging "zig" "it could not be installed from PyPI: $(tail -n 1 "$log")"
    fi
fi

for crate in $crates; do
    name=${crate%@*}
    wants "$name" || continue
    if [ ! -x "$tools/cargo/bin/$name" ]; then
        say "Building $name; this takes minutes, once…"
        features=()
        [ "$name" != cargo-deny ] || features=(--no-default-features)
        if ! CARGO_TARGET_DIR=$tools/cargo-build quietly nice -n 10 cargo install --quiet --locked \
            --root "$tools/cargo" "${features[@]}" "$crate"; then
            missing "$name" "$name" "it could not be built: $(tail -n 1 "$log")"
            continue
        fi
    fi
    provided "$name"
done
rm -rf "$tools/cargo-build"

for program in lintian rpm debootstrap; do
    wants "$program" || continue
    if command -v "$program" >/dev/null || install_packages "$program"; then
        provided "$program"
    else
        missing "$program" "$program" "Debian's package $program could not be installed"
    fi
done
