# Processes of the development stack: each runs under dev.d/supervise, which starts it again when it
# dies, and writes to .dev/log/<name>.log. .dev/run/ holds the process ids.

# In the order in which they are started.
PROCESSES=(postgres nats scheduler dispatcher-1 dispatcher-2 mailer gateway)
LOG_MAX_BYTES=20000000

# process_id NAME pid|child: its process id, while it lives. Files hold "PID START": an id may be
# another process's later, which then started at another time.
process_id() {
    local pid start stat
    read -r pid start <"$DEV_DIR/run/$1.$2" || return 1
    stat=$(cat "/proc/$pid/stat") || return 1
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [[ ${20} == "$start" ]] && printf '%s\n' "$pid"
} 2>/dev/null

process_running() {
    process_id "$1" pid >/dev/null
}

# process_start NAME SIGNAL [VARIABLE=VALUE ...] -- COMMAND...: does nothing where the same
# command, binary and environment runs already.
process_start() {
    local name=$1 signal=$2 signature tenths
    local -a environment=()
    shift 2
    while [[ $1 != -- ]]; do
        environment+=("$1")
        shift
    done
    shift
    signature=$(printf '%s\n' "${environment[@]}" "$@" "$(stat -c '%y %s' "$1")" | sha256sum)
    if process_running "$name"; then
        if [[ $(cat "$DEV_DIR/run/$name.signature" 2>/dev/null) == "$signature" ]]; then
            return 0
        fi
        say "Restarting $name: it changed"
    fi
    process_stop "$name"
    local log=$DEV_DIR/log/$name.log
    if [[ -f $log && $(stat -c %s "$log") -gt $LOG_MAX_BYTES ]]; then
        mv "$log" "$log.1"
    fi
    printf '%s\n' "$signature" >"$DEV_DIR/run/$name.signature"
    (
        if ((${#environment[@]})); then
            export "${environment[@]}"
        fi
        cd "$DEV_ROOT" || exit 1
        exec setsid "$DEV_ROOT/dev.d/supervise" "$DEV_DIR/run" "$name" "$signal" "$@"
    ) </dev/null >>"$log" 2>&1 9>&- &
    disown $!
    for ((tenths = 0; tenths < 50; tenths++)); do
        if process_running "$name" || [[ -f $DEV_DIR/run/$name.exit ]]; then
            return 0
        fi
        sleep 0.1
    done
}

# Ends a process and its supervisor (or what a supervisor that was killed left); by force after a
# minute.
process_stop() {
    local name=$1 pid child tenths
    pid=$(process_id "$name" pid) || pid=
    child=$(process_id "$name" child) || child=
    if [[ -n $pid || -n $child ]]; then
        kill -TERM "${pid:-$child}" 2>/dev/null
        for ((tenths = 0; tenths < 600; tenths++)); do
            if ! process_id "$name" pid && ! process_id "$name" child; then
                break
            fi >/dev/null
            sleep 0.1
        done
        if ((tenths == 600)); then
            say "$name did not stop within a minute: killing it"
            kill -KILL ${pid:+"$pid"} ${child:+"$child"} 2>/dev/null
        fi
    fi
    rm -f "$DEV_DIR/run/$name".{pid,child,signature,exit}
}

# The port that answers /readyz.
process_admin_port() {
    local name=ADMIN_${1^^}
    name=${name//-/_}
    printf '%s' "${!name}"
}

process_ready() {
    curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$(process_admin_port "$1")/readyz" 2>/dev/null
}

process_show_log() {
    say "The last lines of .dev/log/$1.log:"
    tail -n 15 "$DEV_DIR/log/$1.log" | sed 's/^/    /' >&2
}

# process_wait SECONDS NAME...: until all answer that they are ready.
process_wait() {
    local limit=$1 started=$SECONDS name tenths
    local -a waiting=("${@:2}") still
    for ((tenths = 0; ; tenths++)); do
        still=()
        for name in "${waiting[@]}"; do
            if [[ -f $DEV_DIR/run/$name.exit ]]; then
                progress_end
                process_show_log "$name"
                fail "$name refuses its configuration: its log says why"
            fi
            process_ready "$name" || still+=("$name")
        done
        waiting=("${still[@]}")
        if ((${#waiting[@]} == 0)); then
            progress_end
            return 0
        fi
        if ((SECONDS - started >= limit)); then
            progress_end
            for name in "${waiting[@]}"; do
                process_show_log "$name"
            done
            fail "not ready after $limit s: ${waiting[*]}; their logs are in .dev/log/"
        fi
        if ((tenths % 10 == 0)); then
            progress "$((SECONDS - started))" \
                "Waiting for ${waiting[*]} ($((SECONDS - started)) s)"
        fi
        sleep 0.1
    done
}
