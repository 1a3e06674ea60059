# shellcheck shell=bash
# Installs Debian packages without starting their services and without removing packages. The servers are started by these scripts,
# with their own directories.

# install_packages NAME...: installs packages in a subshell, which removes the guards when it ends.
install_packages() (
  say "installing Debian packages: $*"
  command -v apt-get >/dev/null || die "apt-get is not available; install these packages manually: $*"
  trap unguard_packages EXIT
  guard_packages
  as_root apt-get update -qq || warn "the package lists could not be updated; installing with the existing lists"
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "$@" \
    >"$INSTALL_LOG" 2>&1; then
    tail -n 25 "$INSTALL_LOG" >&2
    die "these packages could not be installed (see above): $*"
  fi
)

POLICY=/usr/sbin/policy-rc.d
NO_CLUSTER=/etc/postgresql-common/createcluster.d/order-platform.conf
INSTALL_LOG=${TMPDIR:-/tmp}/order-platform-install-$(id -u).log

# guard_packages: prevents packages from starting services (policy-rc.d) and from creating a PostgreSQL cluster.
guard_packages() {
  if [ -e "$POLICY" ] && ! grep -q order-platform "$POLICY"; then as_root mv "$POLICY" "$POLICY.order-platform"; fi
  printf '#!/bin/sh\n# order-platform: no service is started while packages are installed.\nexit 101\n' |
    as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
  as_root mkdir -p "$(dirname "$NO_CLUSTER")"
  echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER" >/dev/null
}

unguard_packages() {
  as_root rm -f "$NO_CLUSTER" "$POLICY"
  if [ -e "$POLICY.order-platform" ]; then as_root mv "$POLICY.order-platform" "$POLICY"; fi
}
