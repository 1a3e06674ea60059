# shellcheck shell=bash
# Tools that only check. They are kept in the cache, outside the project, so that a machine makes them once.

CARGO_DENY_VERSION=0.20.2

# use_cargo_deny: sets CARGO_DENY. There is no package of it, so it is built from its source, which takes minutes;
# therefore without optimisation, which it does not need for a workspace of our size.
use_cargo_deny() {
  local root=$CACHE_DIR/tools/cargo-deny-$CARGO_DENY_VERSION
  CARGO_DENY=$(command -v cargo-deny || echo "$root/bin/cargo-deny")
  if "$CARGO_DENY" --version >/dev/null 2>&1; then return; fi
  say "building cargo-deny $CARGO_DENY_VERSION, once for this machine; it takes minutes"
  cargo install cargo-deny --version "$CARGO_DENY_VERSION" --locked --debug --quiet --root "$root" ||
    cannot "cargo-deny could not be built: licences, bans and sources are not checked"
  CARGO_DENY=$root/bin/cargo-deny
}

use_shellcheck() {
  command -v shellcheck >/dev/null || install_packages shellcheck
}

# use_schemathesis: sets SCHEMATHESIS. It is a Python program: it gets an environment of its own, whose packages are those of
# deploy/schemathesis/requirements.txt and no others, each with its checksum.
use_schemathesis() {
  local requirements=$DEPLOY_DIR/schemathesis/requirements.txt root
  root=$CACHE_DIR/tools/schemathesis-$(sha256sum <"$requirements" | cut -c1-12)
  SCHEMATHESIS=$root/bin/schemathesis
  if "$SCHEMATHESIS" --version >/dev/null 2>&1; then return; fi
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || install_packages python3-venv
  say "installing Schemathesis, once for this machine"
  rm -rf "$root"
  if ! { python3 -m venv "$root" &&
    "$root/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$requirements"; }; then
    rm -rf "$root"
    cannot "Schemathesis could not be installed: the services are not checked against their OpenAPI documents"
  fi
}
