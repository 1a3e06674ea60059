# shellcheck shell=bash
# Starts, watches and stops the processes that are ours. A process is ours while the start time and the boot that we
# recorded beside its id still hold: an id that the kernel has given to somebody else since is never touched.

# process_start PID: when the process started, in ticks since boot; empty when it is gone or a zombie.
process_start() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  stat=${stat##*) }
  [ "${stat:0:1}" = Z ] || awk '{ print $20 }' <<<"$stat"
}

# pid_of NAME: prints the id of our running process, or fails.
pid_of() {
  local pid start boot
  [ -s "$STATE_DIR/run/$1.pid" ] || return 1
  read -r pid start boot <"$STATE_DIR/run/$1.pid" || return 1
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && [ "$start" = "$(process_start "$pid")" ] || return 1
  echo "$pid"
}

is_running() { pid_of "$1" >/dev/null; }

# spawn NAME COMMAND...: runs the command in a session of its own, output to logs/NAME.log, its id in run/NAME.pid.
spawn() {
  local name=$1 log=$STATE_DIR/logs/$1.log pid
  shift
  # A log is turned over at a start only: a running process keeps the file that it has open.
  if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 20000000 ]; then mv "$log" "$log.1"; fi
  # Descriptor 9 is the lock of the calling script (lock.sh), which a server must not keep.
  setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
  pid=$!
  echo "$pid $(process_start "$pid") $(cat /proc/sys/kernel/random/boot_id)" >"$STATE_DIR/run/$name.pid"
}

# wait_ready NAME SECONDS COMMAND...: until the command succeeds; fails with the end of the log when the process dies
# or the time is over.
wait_ready() {
  local name=$1 seconds=$2 began=$SECONDS deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    is_running "$name" || fail_with_log "$name" "$name ended while it was starting"
    [ "$SECONDS" -lt "$deadline" ] || fail_with_log "$name" "$name was not ready after $seconds s"
    still "waiting until $name is ready" "$began"
    sleep 0.1
  done
}

fail_with_log() {
  warn "$2; the end of $STATE_DIR/logs/$1.log:"
  tail -n 25 "$STATE_DIR/logs/$1.log" >&2 || true
  exit 1
}

# stop_process NAME SIGNAL SECONDS LAST_SIGNAL: asks, waits, and insists with the last signal.
stop_process() {
  local name=$1 pid began=$SECONDS deadline=$((SECONDS + $3)) asked_again=
  pid=$(pid_of "$name") || { rm -f "$STATE_DIR/run/$name.pid"; return 0; }
  say "stopping $name (process $pid)"
  kill -s "$2" "$pid" 2>/dev/null || true
  while is_running "$name"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      [ -z "$asked_again" ] || die "$name (process $pid) does not end, not even by SIG$4"
      warn "$name did not end within $3 s of SIG$2: now SIG$4"
      kill -s "$4" "$pid" 2>/dev/null || true
      asked_again=yes deadline=$((SECONDS + 10))
    fi
    still "waiting until $name has ended" "$began"
    sleep 0.05
  done
  rm -f "$STATE_DIR/run/$name.pid" "$STATE_DIR/run/$name.sum"
}

# A running process is left alone as long as what it was started from (binary, configuration) is what we would start
# it from now: that is its fingerprint. keep NAME FINGERPRINT: succeeds when there is nothing to do.
keep() {
  is_running "$1" || return 1
  if [ "$(cat "$STATE_DIR/run/$1.sum" 2>/dev/null)" = "$2" ]; then return 0; fi
  say "$1: its binary or configuration has changed"
  return 1
}

started() { echo "$2" >"$STATE_DIR/run/$1.sum"; }

fingerprint() { cat "$@" | sha256sum | cut -d' ' -f1; }
