# An API key of a verified account, through the real API and the real mail.

KEY_WAIT_TENTHS=300

# key_post PATH JSON: prints the answer's body.
key_post() {
    local body status
    body=$(curl -sS -m 40 -w '\n%{http_code}' "http://127.0.0.1:$GATEWAY_PORT$1" \
        -H 'Content-Type: application/json' -d "$2") ||
        fail "the gateway does not answer at http://127.0.0.1:$GATEWAY_PORT: is it up? (./dev status)"
    status=${body##*$'\n'}
    body=${body%$'\n'*}
    if [[ $status != 2* ]]; then
        fail "POST $1 answered $status: $body"
    fi
    printf '%s\n' "$body"
}

# key_mail MARK EMAIL: waits for a mail to EMAIL newer than the file MARK, and prints its file.
key_mail() {
    local tenths file
    for ((tenths = 0; tenths < KEY_WAIT_TENTHS; tenths++)); do
        file=$(find "$DEV_DIR/mail" -name '*.eml' -newer "$1" -exec grep -lixF "To: $2"$'\r' {} + |
            sort | tail -n 1)
        if [[ -n $file ]]; then
            printf '%s\n' "$file"
            return
        fi
        sleep 0.1
    done
    fail "no mail to $2 came within $((KEY_WAIT_TENTHS / 10)) s: see ./dev logs mailer"
}

# A token stands on a line of its own.
key_token() {
    tr -d '\r' <"$1" | grep -Exm1 '[0-9A-Za-z]{60,79}' || true
}

key_print() {
    local plan=pro email='' mark mail token answer key
    while (($#)); do
        case $1 in
        --plan)
            plan=${2:-}
            shift
            ;;
        --plan=*) plan=${1#*=} ;;
        -*) fail "key knows only --plan, not '$1'" ;;
        *) email=${1,,} ;;
        esac
        shift || fail "--plan needs a plan: free, starter, pro or business"
    done
    case $plan in
    free | starter | pro | business) ;;
    *) fail "unknown plan '$plan': free, starter, pro or business" ;;
    esac
    email=${email:-dev-$(random_hex 6)@example.com}
    if ! [[ $email =~ ^[^[:space:]\"\\@]+@[^[:space:]\"\\@]+$ ]]; then
        fail "'$email' is no e-mail address"
    fi
    settings_read
    process_running gateway || fail "CronCoco does not run: ./dev up -d"
    mark=$(mktemp "$DEV_DIR/run/mark-XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -f '$mark'" EXIT

    key_post /register "{\"email\":\"$email\"}" >/dev/null
    mail=$(key_mail "$mark" "$email") || exit 1
    token=$(key_token "$mail")
    if [[ -n $token ]]; then
        answer=$(key_post /verify-email "{\"token\":\"$token\"}") || exit 1
    else
        # The address has an account: its key is replaced.
        mark_next "$mark" "$mail"
        key_post /request-key-rotation "{\"email\":\"$email\"}" >/dev/null
        mail=$(key_mail "$mark" "$email") || exit 1
        token=$(key_token "$mail")
        answer=$(key_post /rotate-key "{\"token\":\"$token\"}") || exit 1
    fi
    key=$(grep -o 'coco_[0-9A-Za-z]*' <<<"$answer" | head -n 1)
    if [[ -z $key ]]; then
        fail "the answer holds no key: $answer"
    fi
    answer=$(NATS_URL=$(nats_url) "$DEV_ROOT/build/release/bin/scheduler" set-plan "$email" \
        "$plan" 2>&1) || fail "the plan could not be set: $answer"
    printf '%s\n' "$key"
}

# Mails count from the one that was read on.
mark_next() {
    touch -r "$2" "$1"
}
