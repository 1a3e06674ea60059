# shellcheck shell=bash
# Allows one script at a time for a state directory. The kernel releases the lock when the script ends.

lock_state_dir() {
  exec 9>"$STATE_DIR/run/lock"
  flock -n 9 && return
  say "waiting for another script that uses $STATE_DIR"
  flock -w 600 9 || die "another script has held $STATE_DIR/run/lock for ten minutes"
}
