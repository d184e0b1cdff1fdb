# Sourced by tools/setup: messages, the cache, and long commands that end with the set-up.

CACHE=${QUEUE_JOB_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME, or QUEUE_JOB_CACHE}/.cache}/queue_job}
NEEDED_MB=2500

say() { printf '%s\n' "$*" >&2; }

fail() { # fail WHAT WAY_OUT
    say "set-up failed: $1: $2"
    exit 1
}

make_cache() {
    mkdir -p "$CACHE" 2>/dev/null && [ -w "$CACHE" ] ||
        fail "$CACHE can't be written" "set QUEUE_JOB_CACHE to a directory of your own"
    CACHE=$(cd "$CACHE" && pwd)
}

check_space() { # before something large is fetched
    local free
    free=$(df -Pm "$CACHE" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$NEEDED_MB" ] ||
        fail "only $free MB are free under $CACHE, $NEEDED_MB are needed" "make room, or set QUEUE_JOB_CACHE"
}

# A long command runs in a process group of its own, so that a signal to this script alone ends it too.
group=
run() { # run COMMAND...
    local status=0
    set -m
    "$@" </dev/null 9>&- &
    group=$!
    set +m
    wait "$group" || status=$?
    group=
    return "$status"
}

stop() { # stop STATUS
    trap - INT TERM HUP
    [ -z "$group" ] || { kill -TERM -- "-$group" && wait "$group"; } 2>/dev/null || true
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

# Directories that are being filled; a set-up that was killed leaves them to the next one.
new_work_dir() {
    rm -rf "$CACHE"/work.*
    mktemp -d "$CACHE/work.XXXXXX"
}
