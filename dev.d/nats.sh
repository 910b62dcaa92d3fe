# A private nats-server with JetStream, on loopback, with a password.

nats_start() {
    local tenths server
    server=$(command -v nats-server) || fail "nats-server is missing: install Debian's nats-server"
    cat >"$DEV_DIR/nats.conf.new" <<CONFIG
listen: "127.0.0.1:$NATS_PORT"
server_name: "croncoco-dev"
jetstream {
    store_dir: "$DEV_DIR/nats"
    max_memory_store: 67108864
    max_file_store: 2147483648
}
authorization {
    user: "croncoco"
    password: "$NATS_PASSWORD"
}
CONFIG
    mv "$DEV_DIR/nats.conf.new" "$DEV_DIR/nats.conf"
    process_start nats TERM "CONFIG_HASH=$(sha256sum <"$DEV_DIR/nats.conf")" -- \
        "$server" -c "$DEV_DIR/nats.conf"
    for ((tenths = 0; tenths < 200; tenths++)); do
        if ! port_is_free "$NATS_PORT"; then
            progress_end
            return 0
        fi
        if ((tenths % 10 == 0)); then
            progress "$((tenths / 10))" "Waiting for NATS ($((tenths / 10)) s)"
        fi
        sleep 0.1
    done
    progress_end
    process_show_log nats
    process_stop nats
    fail "NATS does not start: its log says why"
}
