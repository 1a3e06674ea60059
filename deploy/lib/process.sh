# shellcheck shell=bash
# Starts, monitors and stops processes. The start time and the boot id are recorded with the process id, so that a process of
# another program with a reused id is never stopped.

# process_start PID: prints the start time of the process in ticks since boot; nothing if the process has ended or is a zombie.
process_start() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  stat=${stat##*) }
  [ "${stat:0:1}" = Z ] || awk '{ print $20 }' <<<"$stat"
}

# pid_of NAME: prints the id of the process; fails if it is not running.
pid_of() {
  local pid start boot
  [ -s "$STATE_DIR/run/$1.pid" ] || return 1
  read -r pid start boot <"$STATE_DIR/run/$1.pid" || return 1
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && [ "$start" = "$(process_start "$pid")" ] || return 1
  echo "$pid"
}

is_running() { pid_of "$1" >/dev/null; }

# spawn NAME COMMAND...: runs the command in a new session, with its output in logs/NAME.log and its id in run/NAME.pid.
spawn() {
  local name=$1 log=$STATE_DIR/logs/$1.log pid
  shift
  # A log is rotated only before a start, because a running process keeps its file open.
  if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 20000000 ]; then mv "$log" "$log.1"; fi
  # Descriptor 9 is the lock of the script (lock.sh), which the process must not inherit.
  setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
  pid=$!
  echo "$pid $(process_start "$pid") $(cat /proc/sys/kernel/random/boot_id)" >"$STATE_DIR/run/$name.pid"
}

# wait_ready NAME SECONDS COMMAND...: waits until the command succeeds. If the process ends or the time is over, prints the end of
# the log and fails.
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

# stop_process NAME SIGNAL SECONDS LAST_SIGNAL: sends SIGNAL, waits, and sends LAST_SIGNAL if the process has not ended.
stop_process() {
  local name=$1 pid began=$SECONDS deadline=$((SECONDS + $3)) asked_again=
  pid=$(pid_of "$name") || { rm -f "$STATE_DIR/run/$name.pid"; return 0; }
  say "stopping $name (process $pid)"
  kill -s "$2" "$pid" 2>/dev/null || true
  while is_running "$name"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      [ -z "$asked_again" ] || die "$name (process $pid) did not end after SIG$4"
      warn "$name did not end within $3 s after SIG$2; sending SIG$4"
      kill -s "$4" "$pid" 2>/dev/null || true
      asked_again=yes deadline=$((SECONDS + 10))
    fi
    still "waiting until $name has ended" "$began"
    sleep 0.05
  done
  rm -f "$STATE_DIR/run/$name.pid" "$STATE_DIR/run/$name.sum"
}

# keep NAME FINGERPRINT: succeeds if the process is running with the same fingerprint, which is the checksum of its program and
# configuration. Such a process is not restarted.
keep() {
  is_running "$1" || return 1
  if [ "$(cat "$STATE_DIR/run/$1.sum" 2>/dev/null)" = "$2" ]; then return 0; fi
  say "restarting $1, because its program or configuration has changed"
  return 1
}

# started NAME FINGERPRINT: records the fingerprint of a started process.
started() { echo "$2" >"$STATE_DIR/run/$1.sum"; }

fingerprint() { cat "$@" | sha256sum | cut -d' ' -f1; }
