#!/usr/bin/env bash
# Runs all tests, in two streams side by side: those with the real programs of a replica wait for these most of the time, and
# the others are what the processors work on meanwhile. Every target of the workspace is in one of the two, and all are run: whoever
# waits so long is to see all that fails.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
cd "$root"

# The last two need none of these: they make both streams equally long.
waiting=(live guide log original sessions sweep)
cargo test --workspace --no-run

others=() beside=()
for target in tests/*.rs tests/*/main.rs harness/tests/*.rs harness/tests/*/main.rs; do
    name=${target#*tests/}
    name=${name%/main.rs}
    name=${name%.rs}
    if [[ " ${waiting[*]} " == *" $name "* ]]; then beside+=(--test "$name"); else others+=(--test "$name"); fi
done

# Job control: without it what runs in the background is deaf to the signals that tests send.
set -m
output=$root/target/tests-beside.log
cargo test --workspace --no-fail-fast "${beside[@]}" >"$output" 2>&1 </dev/null &
stream=$!
set +m
trap 'kill -INT -- "-$stream" 2>/dev/null; exit 130' INT TERM

status=0
cargo test --workspace --no-fail-fast --lib --bins "${others[@]}" || status=1
cargo test --workspace --doc || status=1
wait "$stream" || status=1
cat "$output"
exit "$status"
