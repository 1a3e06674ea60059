# shellcheck shell=bash
# The Rust toolchain: the one on the path where it is new enough, Debian's `rustc-web` and `cargo-web` otherwise.
# Nothing is downloaded by rustup, whatever it may think that this project wants.

export RUSTUP_AUTO_INSTALL=0

use_rust() {
  local wanted
  wanted=$(sed -nE 's/^rust-version *= *"([0-9.]+)"/\1/p' "$PROJECT_DIR/Cargo.toml")
  rust_is_new_enough "$wanted" && return
  # Where rustup puts its programs: a fresh shell of a script may not have it on the path.
  PATH=$PATH:$HOME/.cargo/bin
  rust_is_new_enough "$wanted" && return
  install_packages rustc-web cargo-web
  hash -r
  PATH=/usr/bin:$PATH
  rust_is_new_enough "$wanted" ||
    die "Rust $wanted or newer is needed; found: $(rustc --version 2>&1 || true); $(cargo --version 2>&1 || true)"
}

# rust_is_new_enough VERSION
rust_is_new_enough() {
  local tool have
  for tool in rustc cargo; do
    have=$("$tool" --version 2>/dev/null | awk '{ print $2 }') || return 1
    [ -n "$have" ] && [ "$(printf '%s\n' "$1" "${have%%-*}" | sort -V | head -1)" = "$1" ] || return 1
  done
}
