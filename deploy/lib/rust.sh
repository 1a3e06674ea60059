# shellcheck shell=bash
# Finds the Rust toolchain: the one on the path if it is new enough, otherwise `rustc-web` and `cargo-web` of Debian.
# rustup does not download a toolchain.

export RUSTUP_AUTO_INSTALL=0

use_rust() {
  local wanted
  wanted=$(sed -nE 's/^rust-version *= *"([0-9.]+)"/\1/p' "$PROJECT_DIR/Cargo.toml")
  rust_is_new_enough "$wanted" && return
  # Folder of the programs of rustup, which may not be on the path of a script.
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
