# A private PostgreSQL: data under .dev/ (or where the user postgres can reach it), a unix socket in
# a directory that only its user may enter, no TCP.

PG_BIN=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root.
as_postgres() {
    if ((EUID == 0)); then
        setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all "$@"
    else
        "$@"
    fi
}

postgres_create() {
    if [[ -f $PG_DATA/PG_VERSION ]]; then
        return 0
    fi
    say "Creating a PostgreSQL database in $PG_DATA"
    rm -rf "$PG_DATA"
    mkdir -p "$PG_DATA"
    chmod 700 "$PG_DATA"
    if ((EUID == 0)); then
        chown postgres:postgres "$PG_DATA"
    fi
    (cd / && as_postgres "$PG_BIN/initdb" -D "$PG_DATA" -U croncoco_owner -E UTF8 \
        --locale=C.UTF-8 --auth-local=trust --auth-host=reject) \
        >"$DEV_DIR/log/initdb.log" 2>&1 || {
        tail -n 5 "$DEV_DIR/log/initdb.log" >&2
        rm -rf "$PG_DATA"
        fail "PostgreSQL could not be set up in $PG_DATA: see above"
    }
}

postgres_psql() {
    "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$PG_SOCKET" -U croncoco_owner "$@"
}

postgres_start() {
    local tenths log=$DEV_DIR/log/postgres.log log_size=0
    local -a command=("$PG_BIN/postgres" -D "$PG_DATA" -c "listen_addresses="
        -c "unix_socket_directories=$PG_SOCKET" -c unix_socket_permissions=0700
        -c log_line_prefix='%m [%p] %q%u ')
    if ((EUID == 0)); then
        command=(/usr/bin/setpriv --reuid=postgres --regid=postgres --init-groups
            --inh-caps=-all "${command[@]}")
    fi
    postgres_create
    if [[ -f $log ]]; then
        log_size=$(stat -c %s "$log")
    fi
    # SIGINT: disconnect clients, and stop.
    process_start postgres INT -- "${command[@]}"
    for ((tenths = 0; tenths < 600; tenths++)); do
        if "$PG_BIN/pg_isready" -q -h "$PG_SOCKET" -U croncoco_owner -d postgres; then
            progress_end
            break
        fi
        # It is started again when it dies: twice is a broken one, not an unlucky one.
        if (($(tail -c +$((log_size + 1)) "$log" | grep -c 'ended with code') >= 2)); then
            tenths=600
            break
        fi
        if ((tenths % 10 == 0)); then
            progress "$((tenths / 10))" "Waiting for PostgreSQL ($((tenths / 10)) s)"
        fi
        sleep 0.1
    done
    if ((tenths >= 600)); then
        progress_end
        process_show_log postgres
        process_stop postgres
        fail "PostgreSQL does not start: its log says why; ./dev down --purge forgets its data"
    fi
    if [[ $(postgres_psql -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'croncoco'") != 1 ]]; then
        postgres_psql -d postgres -c 'CREATE DATABASE croncoco' ||
            fail "PostgreSQL refused to create the database: see above"
    fi
}
