# What one checkout chose once and keeps under .dev/: ports, secrets, where PostgreSQL lives.

# Ports that something listens on, one a line (TCP, v4 and v6).
ports_listening() {
    awk '$4 == "0A" { n = split($2, part, ":"); print part[n] }' /proc/net/tcp /proc/net/tcp6 \
        2>/dev/null | while read -r hex; do printf '%d\n' "$((16#$hex))"; done
}

port_is_free() {
    ! ports_listening | grep -qx "$1"
}

# Prints a free port below the range that the kernel gives to outgoing connections.
port_choose() {
    local port tries
    for ((tries = 0; tries < 200; tries++)); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if port_is_free "$port" && [[ " ${settings_ports_taken:-} " != *" $port "* ]]; then
            printf '%s\n' "$port"
            return
        fi
    done
    fail "no free TCP port found between 20000 and 32000"
}

random_hex() {
    od -An -tx1 -N "$1" /dev/urandom | tr -d ' \n'
}

# May the user that runs PostgreSQL enter this checkout?
postgres_reaches() {
    ((EUID != 0)) || setpriv --reuid=postgres --regid=postgres --init-groups test -x "$1"
}

settings_choose_place() {
    local hash
    if postgres_reaches "$DEV_DIR"; then
        PG_DATA=$DEV_DIR/postgres
    else
        hash=$(printf '%s' "$DEV_ROOT" | sha256sum | cut -c1-12)
        PG_DATA=/var/tmp/croncoco-$hash
    fi
}

# A unix socket's path ends at 107 bytes; a reboot empties /tmp.
settings_choose_socket() {
    if [[ -n ${PG_SOCKET:-} && -d $PG_SOCKET && -O $PG_SOCKET ]] ||
        [[ -n ${PG_SOCKET:-} && -d $PG_SOCKET && $(stat -c %U "$PG_SOCKET") == postgres ]]; then
        return
    fi
    if [[ $PG_DATA == "$DEV_DIR"/* ]] && ((${#DEV_DIR} < 80)); then
        PG_SOCKET=$DEV_DIR/socket
        mkdir -p "$PG_SOCKET"
    else
        PG_SOCKET=$(mktemp -d /tmp/croncoco-XXXXXX)
    fi
    chmod 700 "$PG_SOCKET"
    if ((EUID == 0)); then
        chown postgres:postgres "$PG_SOCKET"
    fi
}

SETTINGS=(GATEWAY_PORT NATS_PORT ADMIN_GATEWAY ADMIN_SCHEDULER ADMIN_DISPATCHER_1 ADMIN_DISPATCHER_2
    ADMIN_MAILER SECRET SIGNING_SECRET NATS_PASSWORD PG_DATA PG_SOCKET)

settings_read() {
    unset "${SETTINGS[@]}" # nothing of the caller's environment
    if [[ -f $DEV_DIR/settings ]]; then
        # shellcheck disable=SC1091
        source "$DEV_DIR/settings"
    fi
}

settings_save() {
    local name
    for name in "${SETTINGS[@]}"; do
        printf '%s=%q\n' "$name" "${!name}"
    done >"$DEV_DIR/settings.new"
    mv "$DEV_DIR/settings.new" "$DEV_DIR/settings"
}

# Fills in what is not chosen yet, and chooses ports again that somebody else has taken.
settings_complete() {
    local pair name process
    GATEWAY_PORT=${CRONCOCO_PORT:-${GATEWAY_PORT:-8080}}
    if ! [[ $GATEWAY_PORT =~ ^[0-9]{1,5}$ ]] || ((GATEWAY_PORT < 1 || GATEWAY_PORT > 65535)); then
        fail "CRONCOCO_PORT must be a port from 1 to 65535, not '$GATEWAY_PORT'"
    fi
    if ! process_running gateway && ! port_is_free "$GATEWAY_PORT"; then
        fail "port $GATEWAY_PORT is in use: stop what listens there, or take another: CRONCOCO_PORT=$((GATEWAY_PORT + 1)) ./dev up"
    fi
    settings_ports_taken=$GATEWAY_PORT
    for pair in NATS_PORT:nats ADMIN_GATEWAY:gateway ADMIN_SCHEDULER:scheduler \
        ADMIN_DISPATCHER_1:dispatcher-1 ADMIN_DISPATCHER_2:dispatcher-2 ADMIN_MAILER:mailer; do
        name=${pair%%:*} process=${pair#*:}
        if [[ -z ${!name:-} ]] || { ! process_running "$process" && ! port_is_free "${!name}"; }; then
            printf -v "$name" '%s' "$(port_choose)"
        fi
        settings_ports_taken+=" ${!name}"
    done
    SECRET=${SECRET:-$(random_hex 32)}
    SIGNING_SECRET=${SIGNING_SECRET:-$(random_hex 32)}
    NATS_PASSWORD=${NATS_PASSWORD:-$(random_hex 16)}
    if [[ -z ${PG_DATA:-} ]]; then
        settings_choose_place
    fi
    settings_choose_socket
    settings_save
}

url_encode() {
    local LC_ALL=C text=$1 out='' char i
    for ((i = 0; i < ${#text}; i++)); do
        char=${text:i:1}
        case $char in
        [A-Za-z0-9/._~-]) out+=$char ;;
        *) out+=$(printf '%%%02X' "'$char") ;;
        esac
    done
    printf '%s' "$out"
}

# database_url ROLE
database_url() {
    printf 'postgresql://%s@/croncoco?host=%s' "$1" "$(url_encode "$PG_SOCKET")"
}

nats_url() {
    printf 'nats://croncoco:%s@127.0.0.1:%s' "$NATS_PASSWORD" "$NATS_PORT"
}

# The addresses, for a shell to source.
settings_write_env() {
    local mail=$DEV_DIR/mail
    {
        printf 'export %s\n' "CRONCOCO_URL='http://127.0.0.1:$GATEWAY_PORT'" \
            "DATABASE_URL='$(database_url croncoco_owner)'" "NATS_URL='$(nats_url)'" \
            "MAIL_DIR=${mail@Q}" "CRONCOCO_SECRET='$SECRET'"
    } >"$DEV_DIR/env"
    chmod 600 "$DEV_DIR/env"
}
