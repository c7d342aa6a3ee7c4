#!/usr/bin/env bash
# within.sh FOLDER USER COMMAND…: runs a command in the system in that folder, as that user, in the checkout in the
# user's home, with nothing of our environment but what it takes to reach the registries. Mounts and processes are
# those of a namespace of its own: they end with it, however it ends.
set -euo pipefail

if [ "${WITHIN:-}" != namespace ]; then
    # The first process of a namespace dies of no signal but this one. Job control: what runs within is to hear of ctrl-C.
    set -m
    WITHIN=namespace unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" "$@" </dev/null &
    namespace=$!
    set +m
    trap 'kill -KILL "$namespace"; exit 130' INT TERM
    wait "$namespace"
    exit
fi
folder=$1 user=$2
shift 2

# A mount of its own, so that a program within may make namespaces of its own.
mount --bind "$folder" "$folder"
mount -t proc proc "$folder/proc"
mount -t sysfs -o ro sys "$folder/sys"
mount -t tmpfs -o mode=755 dev "$folder/dev"
mkdir "$folder/dev/pts" "$folder/dev/shm"
mount -t tmpfs -o mode=1777 shm "$folder/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$folder/dev/pts"
ln -s pts/ptmx "$folder/dev/ptmx"
ln -s /proc/self/fd "$folder/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do
    ln -s "/proc/self/fd/${number%:*}" "$folder/dev/${number#*:}"
done
for node in null zero full random urandom tty; do
    touch "$folder/dev/$node"
    mount --bind "/dev/$node" "$folder/dev/$node"
done
# Rust is this machine's, lent read-only: rustup would fetch the same.
mkdir -p "$folder/opt/rust"
mount --bind "$(rustc --print sysroot)" "$folder/opt/rust"
mount -o remount,bind,ro "$folder/opt/rust"

home=/home/$user path=/opt/rust/bin:/usr/local/bin:/usr/bin:/bin
if [ "$user" = root ]; then
    home=/root path+=:/usr/local/sbin:/usr/sbin:/sbin
fi
registries='(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)'
registries+='|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|PROXY|CERT|DEFAULT_TIMEOUT)'
registries+='|CARGO_(HTTP|NET|REGISTRIES|SOURCE)_.*'
settings=()
while IFS= read -r name; do
    settings+=("$name=${!name}")
done < <(compgen -e | grep -xE "$registries|CI|CARGO_BUILD_JOBS")
# shellcheck disable=SC2016 # for the shell within
exec chroot --userspec="$user" "$folder" env -i HOME="$home" USER="$user" PATH="$path" LANG=C.UTF-8 TERM=dumb \
    "${settings[@]}" sh -c 'cd "$HOME/chameleon-upgrade" && exec "$@"' sh "$@"
