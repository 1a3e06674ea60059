# shellcheck shell=bash
# Which TCP ports are taken, from the kernel's own table: no tool needs to be installed for it.

port_is_taken() {
  local hex
  printf -v hex ':%04X' "$1"
  awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# free_port: one at random below the kernel's ephemeral range, so that no outgoing connection sits on it.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    port_is_taken "$port" || { echo "$port"; return; }
  done
}

# need_port NAME PORT KEY: fails clearly when somebody else listens there.
need_port() {
  ! port_is_taken "$2" || die "$1 cannot have port $2: another program listens on it; choose another with $3 in .env"
}
