# shellcheck shell=sh
# Clears up after a server in a container: $1 is the docker command, $2 the container's name. Waits until the
# program that started the server is gone.
trap '' HUP INT TERM
known=no
while read -r _; do known=yes; done

# The program may have ended while the engine was still creating the container.
tries=0
while [ "$tries" -lt 20 ]; do
    "$1" container inspect "$2" && known=yes && "$1" rm --force --volumes "$2"
    [ "$known" = yes ] && ! "$1" container inspect "$2" && break
    sleep 0.25
    tries=$((tries + 1))
done
