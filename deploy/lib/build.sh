# shellcheck shell=bash
# Builds our programs, and says how far that is. Needs common.sh.

PROGRAMS=(migrate command-service projector query-service importer audit)

build() {
  local arguments=(build --release --locked)
  local program
  for program in "${PROGRAMS[@]}"; do arguments+=(--bin "$program"); done
  cd "$PROJECT_DIR" || return 1
  # On a terminal cargo shows its progress by itself.
  if [ -t 2 ]; then cargo "${arguments[@]}"; return; fi
  CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=80 cargo "${arguments[@]}" 2>&1 |
    show_progress
}

# show_progress: reads what cargo writes for a terminal, where the bar overwrites itself, and prints a line for every
# twentieth of the work, and all that is said beside the bar but the names of what is compiled.
show_progress() {
  local part line next=0
  while IFS= read -r -d $'\r' part || [ -n "$part" ]; do
    while IFS= read -r line; do
      line=${line//$'\e[K'/}
      if [[ $line =~ ^\ +Building\ \[.*\]\ ([0-9]+)/([0-9]+) ]]; then
        if [ "${BASH_REMATCH[1]}" -ge "$next" ]; then
          say "build: ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} crates"
          next=$((BASH_REMATCH[1] + BASH_REMATCH[2] / 20 + 1))
        fi
      elif [[ ! $line =~ ^\ +(Compiling|Downloading|Downloaded|Building)\  && -n ${line// /} ]]; then
        say "$line"
      fi
    done <<<"$part"
  done
}
