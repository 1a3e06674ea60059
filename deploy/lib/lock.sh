# shellcheck shell=bash
# One script at a time on one state directory. The lock goes with the script, however it ends.

lock_state_dir() {
  exec 9>"$STATE_DIR/run/lock"
  flock -n 9 && return
  say "waiting for another script that works on $STATE_DIR"
  flock -w 600 9 || die "another script has held $STATE_DIR/run/lock for ten minutes"
}
