# shellcheck shell=bash
# Builds the programs of the platform and prints the progress of the build. Needs common.sh.

PROGRAMS=(migrate command-service projector query-service importer audit)

build() {
  local arguments=(build --release --locked)
  local program
  for program in "${PROGRAMS[@]}"; do arguments+=(--bin "$program"); done
  cd "$PROJECT_DIR" || return 1
  # On a terminal, cargo prints a progress bar.
  if [ -t 2 ]; then cargo "${arguments[@]}"; return; fi
  CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=80 cargo "${arguments[@]}" 2>&1 |
    show_progress
}

# show_progress: reads cargo's progress bar, prints the number of built crates and the elapsed time for every twentieth of the
# build, and passes on errors and warnings.
show_progress() {
  local part line next=0 began=$SECONDS
  while IFS= read -r -d $'\r' part || [ -n "$part" ]; do
    while IFS= read -r line; do
      line=${line//$'\e[K'/}
      if [[ $line =~ ^\ +Building\ \[.*\]\ ([0-9]+)/([0-9]+) ]]; then
        if [ "${BASH_REMATCH[1]}" -ge "$next" ]; then
          say "  built ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} crates ($((SECONDS - began)) s)"
          next=$((BASH_REMATCH[1] + BASH_REMATCH[2] / 20 + 1))
        fi
      elif [[ ! $line =~ ^\ +(Compiling|Downloading|Downloaded|Building)\  && -n ${line// /} ]]; then
        say "$line"
      fi
    done <<<"$part"
  done
}
