# shellcheck shell=bash
# Words that every script here uses: where things are, saying, failing, secrets. Sourced, never run.
# Neighbours: process.sh (starting and stopping), ports.sh, then one file per server.
# shellcheck disable=SC2034 # the other files use what is set here

DEPLOY_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PROJECT_DIR=$(dirname "$DEPLOY_DIR")
# What was downloaded or built once for any number of clones: Kafka's jars, tools that check.
CACHE_DIR=${ORDER_PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/order-platform}

say() { printf '%s\n' "$*"; }
# steps NUMBER: of the script that runs. step WHAT: begins the next of them.
steps() { STEPS=$1; }
step() {
  STEP=$((${STEP:-0} + 1))
  printf '\n== %s%s\n' "${STEPS:+$STEP of $STEPS: }" "$*"
}
warn() { printf 'deploy: %s\n' "$*" >&2; }
die() { printf 'deploy: %s\n' "$*" >&2; exit 1; }

# still WHAT SINCE: says every few seconds that something is still waited for, since SECONDS was SINCE. Call it as often as
# the waiting loop turns.
still() {
  local waited=$((SECONDS - $2))
  if [ "$waited" -le 1 ]; then STILL_AT=2; fi
  [ "$waited" -ge "${STILL_AT:-2}" ] || return 0
  say "  still $1 ($waited s)"
  STILL_AT=$((waited + 5))
}

is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND...: straight away as root, through sudo as anybody else.
as_root() {
  if is_root; then "$@"; return; fi
  command -v sudo >/dev/null || die "'$1' needs root, and there is no sudo here: run it as root"
  sudo "$@"
}

# use_state_dir DIR: everything that follows keeps its files there. Others may pass through it (PostgreSQL's own
# account has to, when root runs us), but not read it.
use_state_dir() {
  mkdir -p "$1" || die "cannot create the state directory $1"
  STATE_DIR=$(cd "$1" && pwd -P)
  [ -w "$STATE_DIR" ] || die "$STATE_DIR belongs to $(stat -c %U "$STATE_DIR"): run this as that account"
  chmod 711 "$STATE_DIR"
  mkdir -p "$STATE_DIR/run" "$STATE_DIR/logs" "$STATE_DIR/secrets"
  chmod 700 "$STATE_DIR/secrets"
}

# secret NAME: prints the secret, which is made at first use. Hex, so that it fits into a URL as it is.
secret() {
  local file=$STATE_DIR/secrets/$1
  if [ ! -s "$file" ]; then
    (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$file.new" && mv "$file.new" "$file")
  fi
  cat "$file"
}

# write_if_changed FILE: replaces FILE by standard input, unless it holds just that already.
write_if_changed() {
  local text
  text=$(cat; printf .)
  text=${text%.}
  if [ -f "$1" ] && [ "$(cat "$1"; printf .)" = "$text." ]; then return; fi
  (umask 077 && printf '%s' "$text" >"$1.new")
  mv "$1.new" "$1"
}

# fill TEMPLATE NAME=VALUE...: prints the template with every @NAME@ replaced; a placeholder left over is an error.
fill() {
  local template=$1 text pair
  shift
  text=$(cat "$template")
  for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
  if [[ $text =~ @[A-Z_]+@ ]]; then die "$template: nothing to put in place of ${BASH_REMATCH[0]}"; fi
  printf '%s\n' "$text"
}

memory_mb() { awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo; }

# between LOW VALUE HIGH
between() { if [ "$2" -lt "$1" ]; then echo "$1"; elif [ "$2" -gt "$3" ]; then echo "$3"; else echo "$2"; fi; }
