# shellcheck shell=bash
# Functions that all scripts use: folders, messages, errors, root privileges, secrets and templates. This file is sourced.
# See also: process.sh (starts and stops processes), ports.sh, and one file per server.
# shellcheck disable=SC2034 # other files use these variables

DEPLOY_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PROJECT_DIR=$(dirname "$DEPLOY_DIR")
# Files that are downloaded or built once per machine: the jars of Kafka, and tools for checks.
CACHE_DIR=${ORDER_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/order-platform}

say() { printf '%s\n' "$*"; }
# steps NUMBER: sets the number of steps of the script. step TITLE: prints the title of the next step.
steps() { STEPS=$1; }
step() {
  STEP=$((${STEP:-0} + 1))
  printf '\n== %s%s\n' "${STEPS:+$STEP of $STEPS: }" "$*"
}
warn() { printf 'deploy: %s\n' "$*" >&2; }
die() { printf 'deploy: %s\n' "$*" >&2; exit 1; }

# still ACTIVITY SINCE: prints every 5 seconds that the script is still waiting; SINCE is the value of SECONDS at the start of the
# wait. Called in every iteration of a waiting loop.
still() {
  local waited=$((SECONDS - $2))
  if [ "$waited" -le 1 ]; then STILL_AT=2; fi
  [ "$waited" -ge "${STILL_AT:-2}" ] || return 0
  say "  still $1 ($waited s)"
  STILL_AT=$((waited + 5))
}

is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND...: runs the command as root, with sudo if the script does not run as root.
as_root() {
  if is_root; then "$@"; return; fi
  command -v sudo >/dev/null || die "'$1' needs root, and sudo is not installed: run this script as root"
  sudo "$@"
}

# use_state_dir DIR: creates the folder for all files of the servers and services. Other accounts may enter the folder, but cannot
# list it; the account of PostgreSQL must enter it if the script runs as root.
use_state_dir() {
  mkdir -p "$1" || die "cannot create the state directory $1"
  STATE_DIR=$(cd "$1" && pwd -P)
  [ -w "$STATE_DIR" ] || die "$STATE_DIR belongs to $(stat -c %U "$STATE_DIR"): run this script as that account"
  chmod 711 "$STATE_DIR"
  mkdir -p "$STATE_DIR/run" "$STATE_DIR/logs" "$STATE_DIR/secrets"
  chmod 700 "$STATE_DIR/secrets"
}

# secret NAME: prints the secret, which is generated at first use. It is hexadecimal, so it needs no escaping in a URL.
secret() {
  local file=$STATE_DIR/secrets/$1
  if [ ! -s "$file" ]; then
    (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$file.new" && mv "$file.new" "$file")
  fi
  cat "$file"
}

# write_if_changed FILE: replaces FILE with standard input, unless the content is the same.
write_if_changed() {
  local text
  text=$(cat; printf .)
  text=${text%.}
  if [ -f "$1" ] && [ "$(cat "$1"; printf .)" = "$text." ]; then return; fi
  (umask 077 && printf '%s' "$text" >"$1.new")
  mv "$1.new" "$1"
}

# fill TEMPLATE NAME=VALUE...: prints the template with every @NAME@ replaced; a placeholder without a value is an error.
fill() {
  local template=$1 text pair
  shift
  text=$(cat "$template")
  for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
  if [[ $text =~ @[A-Z_]+@ ]]; then die "$template: no value for the placeholder ${BASH_REMATCH[0]}"; fi
  printf '%s\n' "$text"
}

memory_mb() { awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo; }

# between LOW VALUE HIGH: prints VALUE, limited to the range from LOW to HIGH.
between() { if [ "$2" -lt "$1" ]; then echo "$1"; elif [ "$2" -gt "$3" ]; then echo "$3"; else echo "$2"; fi; }
