# shellcheck shell=bash
# Installs Debian packages without letting them start or enable anything, and without removing anything: the servers
# that come in packages are run by us, from our own directories.

# install_packages NAME...: in a subshell, whose end puts back what was guarded, however it ends.
install_packages() (
  say "installing Debian packages: $*"
  command -v apt-get >/dev/null || die "no apt-get here: this is made for Debian 12; install by hand: $*"
  trap unguard_packages EXIT
  guard_packages
  as_root apt-get update -qq || warn "the package lists could not be refreshed; trying with those that are here"
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "$@" \
    >"$INSTALL_LOG" 2>&1; then
    tail -n 25 "$INSTALL_LOG" >&2
    die "these packages could not be installed (see above): $*"
  fi
)

POLICY=/usr/sbin/policy-rc.d
NO_CLUSTER=/etc/postgresql-common/createcluster.d/order-platform.conf
INSTALL_LOG=${TMPDIR:-/tmp}/order-platform-install-$(id -u).log

# Nothing may be started by a package's scripts (policy-rc.d), nor a database cluster of Debian's be made.
guard_packages() {
  if [ -e "$POLICY" ] && ! grep -q order-platform "$POLICY"; then as_root mv "$POLICY" "$POLICY.order-platform"; fi
  printf '#!/bin/sh\n# order-platform: nothing is started while its packages are installed.\nexit 101\n' |
    as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
  as_root mkdir -p "$(dirname "$NO_CLUSTER")"
  echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER" >/dev/null
}

unguard_packages() {
  as_root rm -f "$NO_CLUSTER" "$POLICY"
  if [ -e "$POLICY.order-platform" ]; then as_root mv "$POLICY.order-platform" "$POLICY"; fi
}
