# The whole stack: up, down, status, logs, key.

FREE_MB_NEEDED=1000

stack_check_disk() {
    local place free
    for place in "$DEV_DIR" /tmp; do
        free=$(df -Pm "$place" | awk 'NR == 2 { print $4 }')
        if ((free < FREE_MB_NEEDED)); then
            fail "only $free MB are free on the disk of $place: $FREE_MB_NEEDED MB are needed, make room there"
        fi
    done
}

stack_prepare() {
    mkdir -p "$DEV_DIR" 2>/dev/null || fail "cannot make $DEV_DIR: this user may not write here"
    if [[ ! -O $DEV_DIR ]]; then
        fail "$DEV_DIR belongs to $(stat -c %U "$DEV_DIR"): run ./dev as that user, or ./dev down --purge as that user first"
    fi
    # Only its owner reads what is in it; PostgreSQL's user may pass through to its own directory.
    chmod 711 "$DEV_DIR"
    (umask 077 && mkdir -p "$DEV_DIR"/{run,log,mail,nats})
    exec 9>"$DEV_DIR/lock"
    if ! flock -n 9; then
        say "Another ./dev is at work in this checkout: waiting for it"
        flock -w 600 9 || fail "another ./dev has been at work in this checkout for 10 minutes"
    fi
}

# The limits on mails are those of a service on the open Internet; here one person asks.
stack_start_processes() {
    local bin=$DEV_ROOT/build/release/bin nats number admin
    local allow=WEBHOOK_ALLOW_CIDRS=127.0.0.0/8,::1/128
    nats=NATS_URL=$(nats_url)
    process_start scheduler TERM "$nats" INSTANCE=scheduler "ADMIN_PORT=$ADMIN_SCHEDULER" \
        "DATABASE_URL=$(database_url croncoco_scheduler)" ADDRESS_RATE_PER_HOUR=1000 \
        STREAM_STORAGE_MB=256 -- "$bin/scheduler"
    for number in 1 2; do
        admin=ADMIN_DISPATCHER_$number
        process_start "dispatcher-$number" TERM "$nats" "INSTANCE=dispatcher-$number" \
            "ADMIN_PORT=${!admin}" "DATABASE_URL=$(database_url croncoco_dispatcher)" "$allow" \
            "WEBHOOK_SIGNING_SECRET=$SIGNING_SECRET" STREAM_STORAGE_MB=256 \
            -- "$bin/dispatcher"
    done
    process_start mailer TERM "$nats" INSTANCE=mailer "ADMIN_PORT=$ADMIN_MAILER" \
        "CRONCOCO_SECRET=$SECRET" "MAIL_DIR=$DEV_DIR/mail" \
        "PUBLIC_URL=http://127.0.0.1:$GATEWAY_PORT" -- "$bin/mailer"
    process_start gateway TERM "$nats" INSTANCE=gateway "ADMIN_PORT=$ADMIN_GATEWAY" \
        "PORT=$GATEWAY_PORT" "DATABASE_URL=$(database_url croncoco_gateway)" \
        "CRONCOCO_SECRET=$SECRET" "WEBHOOK_SIGNING_SECRET=$SIGNING_SECRET" \
        "PUBLIC_URL=http://127.0.0.1:$GATEWAY_PORT" "$allow" CLIENT_RATE_PER_MINUTE=1000 -- "$bin/gateway"
}

stack_migrate() {
    NATS_URL=$(nats_url) DATABASE_URL=$(database_url croncoco_owner) \
        "$DEV_ROOT/build/release/bin/scheduler" migrate >"$DEV_DIR/log/migrate.log" 2>&1 || {
        process_show_log migrate
        fail "the migration of the database failed: see above"
    }
}

stack_explain() {
    cat >&2 <<TEXT

CronCoco runs at http://127.0.0.1:$GATEWAY_PORT

  ./dev key --plan pro          prints an API key of a new, verified account
  source .dev/env               CRONCOCO_URL, DATABASE_URL, NATS_URL, MAIL_DIR for this shell

  key=\$(./dev key --plan pro)
  curl http://127.0.0.1:$GATEWAY_PORT/jobs -H "Authorization: Bearer \$key" \\
      -H "Content-Type: application/json" -d '{"name":"try","cron_expression":"* * * * *",
      "webhook_url":"http://127.0.0.1:9000/"}'

  .dev/mail/                    mails, as .eml files
  ./dev status   ./dev logs [process]   ./dev down
TEXT
}

stack_down() {
    local index
    settings_read
    for ((index = ${#PROCESSES[@]} - 1; index >= 0; index--)); do
        if process_running "${PROCESSES[index]}"; then
            say "Stopping ${PROCESSES[index]}"
        fi
        process_stop "${PROCESSES[index]}"
    done
}

stack_up() {
    local background=no
    case ${1:-} in
    '') ;;
    -d) background=yes ;;
    *) fail "up knows only -d, not '$1'" ;;
    esac
    stack_prepare
    packages_ensure build run
    stack_check_disk
    settings_read
    build release gateway scheduler dispatcher mailer cronpulse
    umask 077
    settings_complete
    settings_write_env
    postgres_start
    nats_start
    stack_migrate
    stack_start_processes
    process_wait 60 scheduler dispatcher-1 dispatcher-2 mailer gateway
    stack_explain
    if [[ $background == no ]]; then
        stack_follow
    fi
}

# Shows the logs until Ctrl-C, which stops everything, or until a ./dev down elsewhere did.
stack_follow() {
    local follower
    say ""
    say "Logs follow; Ctrl-C stops everything."
    flock -u 9
    tail -q -n 0 -F "$DEV_DIR"/log/{gateway,scheduler,dispatcher-1,dispatcher-2,mailer}.log 9>&- &
    follower=$!
    trap 'stack_interrupted=yes' INT TERM HUP
    stack_interrupted=no
    while [[ $stack_interrupted == no ]] && process_running gateway; do
        sleep 1 9>&- &
        wait $!
    done
    trap '' INT TERM HUP
    kill "$follower" 2>/dev/null
    if [[ $stack_interrupted == yes ]]; then
        say ""
        flock -w 60 9
        stack_down
    fi
}

stack_stop() {
    local purge=no
    case ${1:-} in
    '') ;;
    --purge) purge=yes ;;
    *) fail "down knows only --purge, not '$1'" ;;
    esac
    if [[ ! -d $DEV_DIR ]]; then
        return 0
    fi
    stack_prepare
    stack_down
    if [[ $purge == yes ]]; then
        settings_read
        rm -rf "${PG_SOCKET:-$DEV_DIR/socket}" "${PG_DATA:-$DEV_DIR/postgres}" "$DEV_DIR"
        say "Forgotten: $DEV_DIR"
    fi
}

stack_status() {
    local name state pid failed=0
    settings_read
    printf '%-14s %-10s %-8s %s\n' PROCESS STATE PID ADDRESS
    for name in "${PROCESSES[@]}"; do
        pid=$(process_id "$name" child) || pid=-
        if ! process_running "$name"; then
            state=stopped
        elif [[ $pid == - ]]; then
            state=restarting
        elif [[ $name == postgres || $name == nats ]]; then
            state=running
        elif process_ready "$name"; then
            state=ready
        else
            state=waiting
        fi
        [[ $state == running || $state == ready ]] || failed=1
        case $name in
        gateway) printf '%-14s %-10s %-8s %s\n' "$name" "$state" "$pid" "http://127.0.0.1:${GATEWAY_PORT:-?}" ;;
        nats) printf '%-14s %-10s %-8s %s\n' "$name" "$state" "$pid" "127.0.0.1:${NATS_PORT:-?}" ;;
        postgres) printf '%-14s %-10s %-8s %s\n' "$name" "$state" "$pid" "${PG_SOCKET:-?}" ;;
        *) printf '%-14s %-10s %-8s %s\n' "$name" "$state" "$pid" \
            "http://127.0.0.1:$(process_admin_port "$name")/metrics" ;;
        esac
    done
    return "$failed"
}

# The last lines; on a terminal, what follows too.
stack_logs() {
    local -a files=()
    local name
    for name in "${PROCESSES[@]}"; do
        if [[ -z ${1:-} || $name == "${1:-}" || $name == "${1:-}"-* ]] &&
            [[ -f $DEV_DIR/log/$name.log ]]; then
            files+=("$DEV_DIR/log/$name.log")
        fi
    done
    if ((${#files[@]} == 0)); then
        fail "no log of '${1:-any process}' yet; processes: ${PROCESSES[*]}"
    fi
    if [[ -t 1 ]]; then
        exec tail -n 50 -F "${files[@]}"
    fi
    tail -n 200 "${files[@]}"
}
