# shellcheck shell=sh disable=SC2046,SC2086 # lists of pids and fields are to be split
# Clears up after a local server: $1 is its folder. Waits until the program that started the server is gone.
trap '' HUP INT TERM
while read -r _; do :; done
folder=$1

# The children of process $1.
children() {
    if [ -r /proc/self/stat ]; then
        for stat in /proc/[0-9]*/stat; do
            read -r line <"$stat" || continue
            pid=${line%% *}
            set -- "$1" ${line##*) }
            [ "$3" = "$1" ] && echo "$pid"
        done
    else
        ps -A -o pid= -o ppid= | while read -r pid parent; do [ "$parent" = "$1" ] && echo "$pid"; done
    fi
}

# Neither dead nor waiting for a parent to take note of it.
alive() {
    kill -0 "$1" || return 1
    [ -r "/proc/$1/stat" ] || return 0
    read -r line <"/proc/$1/stat" || return 1
    case ${line##*) } in Z*) return 1 ;; esac
}

# An immediate shutdown first: with it PostgreSQL removes its shared memory.
if read -r server <"$folder/server.pid"; then
    kill -QUIT "$server"
    kill -CONT "$server" $(children "$server")
    tries=0
    while alive "$server" && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    if alive "$server"; then
        kill -STOP "$server"
        kill -KILL $(children "$server") "$server" "-$server"
    fi
fi

# After a crash that nobody recovered from, its shared memory is still there.
if [ -r "$folder/data/postmaster.pid" ]; then
    memory=$(sed -n 7p "$folder/data/postmaster.pid")
    ipcrm -m "${memory##* }"
fi

tries=0
until rm -rf "$folder" || [ "$tries" -ge 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
