# shellcheck shell=bash
# Finds used and free TCP ports in the table of the kernel, without additional tools.

port_is_taken() {
  local hex
  printf -v hex ':%04X' "$1"
  awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# free_port: prints a random free port below the ephemeral range of the kernel, so that no outgoing connection uses it.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    port_is_taken "$port" || { echo "$port"; return; }
  done
}

# need_port NAME PORT SETTING: fails if another program listens on the port.
need_port() {
  ! port_is_taken "$2" || die "$1 cannot use port $2, because another program listens on it: set another port with $3 in .env"
}
