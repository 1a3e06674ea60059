# shellcheck shell=bash
# The checks of `deploy/test`, and the summary of their results.
# See also: tools.sh, which finds or installs the tools of the checks.

# shellcheck source=deploy/lib/tools.sh
. "$DEPLOY_DIR/lib/tools.sh"

FAILED_CHECKS=()
SKIPPED_CHECKS=()

# run_check NAME COMMAND...: runs a check in a subshell, so that the remaining checks run after a failure.
# Exit status 77 means that the check could not be run; with CI=true this is a failure.
run_check() {
  local name=$1 began=$SECONDS status=0
  shift
  step "$name"
  # The subshell must not be in `if` or `||`, which would disable `set -e` in it.
  set +e
  (set -e; "$@")
  status=$?
  set -e
  if [ $status = 77 ] && [ "${CI:-}" != true ]; then
    SKIPPED_CHECKS+=("$name")
  elif [ $status != 0 ]; then
    FAILED_CHECKS+=("$name")
    warn "check failed: $name"
  fi
  say "-- $name: $((SECONDS - began)) s"
}

cannot() { warn "$1"; exit 77; }

# stop_without NAME: ends the script if the check failed, because all later checks need its result.
stop_without() {
  if [[ " ${FAILED_CHECKS[*]} " == *" $1 "* ]]; then summary /dev/null; fi
}

# summary LOG: prints the failed checks and the total of all tests, and ends the script.
summary() {
  local passed failed ignored
  read -r passed failed ignored < <(awk '/^test result:/ { p += $4; f += $6; i += $8 } END { print p + 0, f + 0, i + 0 }' "$1")
  step "summary"
  [ ${#SKIPPED_CHECKS[@]} -eq 0 ] || say "not checked: ${SKIPPED_CHECKS[*]}"
  [ ${#FAILED_CHECKS[@]} -eq 0 ] || say "failed: ${FAILED_CHECKS[*]}"
  # Failed checks that are not tests (a lint, a crash, a compile error) are counted.
  if [ ${#FAILED_CHECKS[@]} -gt 0 ] && [ "$failed" = 0 ]; then failed=${#FAILED_CHECKS[@]}; fi
  say "duration: $SECONDS s"
  say "$passed passed, $failed failed, $ignored skipped"
  [ "$failed" = 0 ] || exit 1
  exit 0
}

install_everything() {
  install_for_servers
  install_for_build
  # The independent model of money in the tests is a Python program.
  command -v python3 >/dev/null || install_packages python3
  # A test runs this caching proxy in front of the query service.
  install_varnish
  use_kafka_jars
  cargo --version
  rustc --version
}

check_format() {
  cargo fmt --version >/dev/null 2>&1 || cannot "rustfmt is not installed: the format is not checked"
  cargo fmt --all --check
}

check_clippy() {
  cargo clippy --version >/dev/null 2>&1 || cannot "clippy is not installed: lints are not checked"
  cargo clippy --workspace --all-targets --locked -- -D warnings
}

check_licences() {
  use_cargo_tool cargo-deny 0.20.2 "licences, bans and sources are not checked"
  "$CARGO_TOOL" --all-features check --hide-inclusion-graph bans licenses sources
}

# check_unused_dependencies: every dependency in a Cargo.toml is used by its crate.
check_unused_dependencies() {
  use_cargo_tool cargo-machete 0.9.2 "unused dependencies are not checked"
  "$CARGO_TOOL" --with-metadata .
}

# check_scripts: checks all bash scripts and all files that scripts source.
check_scripts() {
  local scripts
  use_shellcheck
  mapfile -t scripts < <(grep -rlE --exclude-dir=target '^#(!/usr/bin/env bash| shellcheck shell=bash)$' deploy .ci)
  say "${#scripts[@]} scripts"
  shellcheck --external-sources --source-path=. "${scripts[@]}"
}

# check_openapi: the responses of both services conform to their OpenAPI documents.
check_openapi() {
  use_schemathesis
  SCHEMATHESIS=$SCHEMATHESIS target/debug/with_services "$DEPLOY_DIR/schemathesis/run"
}

# check_cloudevents: the CloudEvents SDKs for JavaScript and Python read a message of every event type and version.
check_cloudevents() {
  use_cloudevents_python
  use_cloudevents_node
  CLOUDEVENTS_PYTHON=$CLOUDEVENTS_PYTHON CLOUDEVENTS_NODE_MODULES=$CLOUDEVENTS_NODE_MODULES \
    target/debug/examples/with_messages "$DEPLOY_DIR/cloudevents/run"
}

# run_tests LOG
run_tests() {
  cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$1"
}
