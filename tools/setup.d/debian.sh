# Sourced by tools/setup: Debian's packages.

has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; }
has_pgbouncer() { [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null; }
has_nginx() { [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null; }
has_faketime() { ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1; }
has_browser() { command -v chromium >/dev/null && command -v chromedriver >/dev/null; }

system_packages() {
    local want=()
    if [ -z "${PYTHON:-}" ]; then
        command -v python3 >/dev/null || want+=(python3)
        python3 -c 'import ensurepip, venv' 2>/dev/null || want+=(python3-venv)
    fi
    [ -e /etc/ssl/certs/ca-certificates.crt ] || want+=(ca-certificates)
    [[ $parts != *" postgres "* ]] || has_postgres || want+=(postgresql)
    [[ $parts != *" pgbouncer "* ]] || has_pgbouncer || want+=(pgbouncer)
    [[ $parts != *" nginx "* ]] || has_nginx || want+=(nginx)
    [[ $parts != *" faketime "* ]] || has_faketime || want+=(libfaketime)
    [[ $parts != *" browser "* ]] || has_browser || want+=(chromium chromium-driver)
    [ ${#want[@]} = 0 ] || apt_install "${want[@]}"
}

apt_install() {
    command -v apt-get >/dev/null ||
        fail "missing: $*" "this system has no apt-get; install what Debian calls by these names"
    [ "$(id -u)" = 0 ] ||
        fail "missing: $*" "install them as root (apt-get install --no-install-recommends $*)"
    check_space
    say "installing $*"
    no_postgres_cluster
    no_services
    run apt_install_quietly "$@" >"$CACHE/apt.log" 2>&1 || {
        services_again
        fail "apt-get could not install $* ($(apt_error "$CACHE/apt.log"))" \
            "check the network and this system's apt sources; everything it said is in $CACHE/apt.log"
    }
    services_again
}

apt_install_quietly() {
    export DEBIAN_FRONTEND=noninteractive
    local get=(apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold)
    "${get[@]}" install --no-install-recommends "$@" && return
    # Never updated, outdated, or ended in the middle the last time: once more from the start.
    dpkg --configure -a
    "${get[@]}" update && "${get[@]}" install --no-install-recommends "$@"
}

apt_error() { grep -E '^(E|W): ' "$1" | tail -n 1 || tail -n 1 "$1"; }

# Debian makes a cluster of the system's own and starts servers as it installs them. Neither is wanted:
# nginx, for one, would listen on every address of the machine.
no_postgres_cluster() {
    [ -e /etc/postgresql-common/createcluster.conf ] && return
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
}

POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# of the queue_job set-up'
no_services() {
    [ ! -e "$POLICY" ] || return 0
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
    chmod +x "$POLICY"
    trap services_again EXIT
}
services_again() {
    if grep -qsF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
}
