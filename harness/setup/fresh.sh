#!/usr/bin/env bash
# Runs the README's commands where nothing is installed: in an empty system of each Debian release, as root and as an
# ordinary user, on a clone of this checkout (what is not committed is not in it). The system holds what the README
# tells one to have, and nothing else; Rust is this machine's, lent read-only. RELEASES, USERS and TARGETS choose:
#
#   make fresh RELEASES="bookworm trixie" USERS="root user" TARGETS="demo test"
#
# The systems go afterwards, the logs stay (target/fresh-*.log). KEEP=1 keeps the systems as well.
# shellcheck source=harness/setup/provide.sh
. "$(dirname "$0")/provide.sh"
# shellcheck source=harness/setup/debian.sh
. "$(dirname "$0")/debian.sh"
cd "$root"

read -ra releases <<<"${RELEASES:-bookworm trixie}"
read -ra users <<<"${USERS:-root user}"
read -ra targets <<<"${TARGETS:-demo test}"
# told USER: what the README tells root, or an ordinary user, to have beside Rust.
told() {
    case $1 in
    root) echo make ;;
    *) echo make gcc libc6-dev procps python3-venv ;;
    esac
}

if ! is_root; then
    say "make fresh needs root: it makes systems of Debian and runs programs in them."
    exit 1
fi
for program in unshare git cargo; do
    command -v "$program" >/dev/null || { say "make fresh needs the program $program."; exit 1; }
done

# fresh_system RELEASE USER FOLDER
fresh_system() {
    local release=$1 user=$2 folder=$3 base=$tools/debian-$1 home=/root cargo=${CARGO_HOME:-$HOME/.cargo} name packages
    read -ra packages <<<"$(told "$user")"
    if [ ! -e "$base/complete" ]; then
        say "Making an empty system of Debian ${release}, once; this takes a minute…"
        new_debian "$release" "$base" || return 1
        touch "$base/complete"
    fi
    rm -rf "$folder"
    cp -a "$base" "$folder" || return 1
    install_in "$folder" dist-upgrade && install_in "$folder" install "${packages[@]}" || return 1
    if [ "$user" != root ]; then
        quietly chroot "$folder" useradd --create-home --shell /bin/bash "$user" || return 1
        home=/home/$user
        chmod 700 "$folder$home"
    fi
    quietly git clone --no-hardlinks "$root" "$folder$home/chameleon-upgrade" || return 1
    mkdir -p "$folder$home/.cargo" || return 1
    for name in config.toml config; do
        [ ! -e "$cargo/$name" ] || cp "$cargo/$name" "$folder$home/.cargo/"
    done
    quietly chroot "$folder" chown -R "$user:" "$home"
}

# What is made goes, whatever ends this.
folder=
trap '[ -z "$folder" ] || [ -n "${KEEP:-}" ] || rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

status=0
table=$(printf '%-9s %-5s %-6s %-8s %6s  %s' release user target result min log)
mkdir -p "$root/target"
for release in "${releases[@]}"; do
    for user in "${users[@]}"; do
        folder=$tools/fresh-$release-$user
        if ! fresh_system "$release" "$user" "$folder"; then
            say "No system of Debian $release could be made: $(tail -n 1 "$log")"
            table+=$(printf '\n%-9s %-5s %-6s %-8s' "$release" "$user" - "no system")
            status=1
            continue
        fi
        for target in "${targets[@]}"; do
            output=target/fresh-$release-$user-$target.log
            say "make $target in Debian $release as ${user}…"
            begun=$SECONDS result=ok
            "$root/harness/setup/within.sh" "$folder" "$user" make "$target" >"$output" 2>&1 || { result=FAILED status=1; tail -n 20 "$output" >&2; }
            table+=$(printf '\n%-9s %-5s %-6s %-8s %6s  %s' "$release" "$user" "$target" "$result" \
                $(((SECONDS - begun + 59) / 60)) "$output")
            grep -E ': skipped, ' "$output" >&2 || true
        done
        [ -n "${KEEP:-}" ] || rm -rf "$folder"
    done
done
printf '%s\n' "$table"
exit "$status"
