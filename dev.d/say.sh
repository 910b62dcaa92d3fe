# Messages. What a person reads goes to standard error, so that standard output stays a result.

say() {
    printf '%s\n' "$*" >&2
}

step() {
    printf '\n== %s\n' "$*" >&2
}

# One clear line that says what to do, and the end.
fail() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# Writes over the line before on a terminal; elsewhere every fifth second is enough.
progress() {
    local seconds=$1 text=$2
    if [[ -t 2 ]]; then
        printf '\r\033[K%s' "$text" >&2
    elif ((seconds % 5 == 0)); then
        printf '%s\n' "$text" >&2
    fi
}

progress_end() {
    if [[ -t 2 ]]; then
        printf '\r\033[K' >&2
    fi
}
