#!/usr/bin/env bash
# Runs the tests on other versions of PostgreSQL (13, 16, 17 and 18, or those given), one after the other, and prints
# a table: on 13 those that the version can make a difference to, else all. CHAMELEON_MATRIX_TESTS chooses other ones,
# in cargo's words. A version that can't be had is skipped by name with the reason; CI=true makes that a failure.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
cd "$root"
# It would be the only place to look in.
unset CHAMELEON_POSTGRES_BIN

by_version='--test scenarios --test upgrade --test catalogue_v2'
versions=("$@")
[ $# -gt 0 ] || versions=(13 16 17 18)
table=$(printf '%-11s %7s %7s %8s  %s' PostgreSQL passed failed skipped log)
status=0

# sum WORD LOG: the total of what stands before WORD in the result lines of a log.
sum() {
    grep -E '^test result: ' "$2" | grep -oE "[0-9]+ $1" | awk '{ total += $1 } END { print total + 0 }'
}

for version in "${versions[@]}"; do
    "$root/harness/setup/postgres.sh" "$version"
    if [ -e "$tools/postgres-$version.missing" ]; then
        table+=$(printf '\n%-11s skipped: %s' "$version" "$(cat "$tools/postgres-$version.missing")")
        continue
    fi
    output=$root/target/matrix-$version.log
    chosen=--workspace
    [ "$version" != 13 ] || chosen=$by_version
    read -ra tests <<<"${CHAMELEON_MATRIX_TESTS:-$chosen}"
    say "Testing on PostgreSQL ${version}: cargo test ${tests[*]}…"
    verdict=""
    if ! PG_MAJOR=$version cargo test "${tests[@]}" --no-fail-fast >"$output" 2>&1; then
        status=1
        verdict=" (failed)"
        grep -E '^(test .*FAILED|error)' "$output" >&2 || tail -n 20 "$output" >&2
    fi
    table+=$(printf '\n%-11s %7s %7s %8s  %s' "$version" "$(sum passed "$output")" "$(sum failed "$output")" \
        "$(sum ignored "$output")" "target/matrix-$version.log$verdict")
done
printf '%s\n' "$table"
exit "$status"
