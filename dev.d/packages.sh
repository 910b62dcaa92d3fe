# Debian packages: says which are missing and installs them. Quiet where nothing is.

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

# packages_missing GROUP...: prints their names, one a line.
packages_missing() {
    local group name command
    while read -r group name command; do
        if [[ $group == '#'* || -z $group || " $* " != *" $group "* ]]; then
            continue
        fi
        if [[ -n $command ]] && command -v "$command" >/dev/null; then
            continue
        fi
        if [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) != installed ]]; then
            printf '%s\n' "$name"
        fi
    done <"$DEV_ROOT/dev.d/packages"
}

# Debian starts the services of what it installs. Ours are private ones, so for the time of the
# installation nothing may be started.
packages_install_quietly() {
    local policy=/usr/sbin/policy-rc.d made=no status=0
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=yes
        # shellcheck disable=SC2064
        trap "as_root rm -f $policy" EXIT
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" >&2 || status=$?
    if [[ $made == yes ]]; then
        as_root rm -f "$policy"
        trap - EXIT
    fi
    return "$status"
}

# packages_ensure GROUP...
packages_ensure() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "Not a Debian: the packages of dev.d/packages are taken for installed."
        return 0
    fi
    local -a missing
    mapfile -t missing < <(packages_missing "$@")
    if ((${#missing[@]} == 0)); then
        return 0
    fi
    say "Installing Debian packages: ${missing[*]}"
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        fail "packages are missing, and there is no sudo: as root, run: apt-get install ${missing[*]}"
    fi
    as_root apt-get update -q -o DPkg::Lock::Timeout=300 >&2 ||
        say "apt-get update failed; trying with the lists that are here."
    packages_install_quietly "${missing[@]}" ||
        fail "apt-get could not install the packages: see above, then run this again"
    hash -r
}
