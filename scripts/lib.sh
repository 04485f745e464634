# Shared by the scripts beside it; sourced, not run.
#
# Promises the variables ROOT (the checkout), CARGO_TARGET_DIR (outside the checkout unless the caller says otherwise) and,
# after `use_toolchain`, a cargo on PATH that can build the node and its wasm runtime.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gridveil/target}
WASM_TARGET=wasm32v1-none
TOOLCHAIN=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$ROOT/rust-toolchain.toml")
BIN="$CARGO_TARGET_DIR/release"

say() { printf '\033[1m» %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "'$*' needs root: run this as root, or install sudo"
    fi
}

apt_updated=no
# apt_install WHY PACKAGE...: installs what is missing of the packages, saying what and why first.
apt_install() {
    local why=$1 missing=() package
    shift
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "${missing[*]} is missing and there is no apt-get: install it ($why)"
    say "installing ${missing[*]}: $why"
    if [ $apt_updated = no ]; then as_root apt-get update -qq; apt_updated=yes; fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

has_package() { [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9].*\)/\1/p')" ]; }

# Whether the rustc that is first on PATH is of the version that rust-toolchain.toml names, or later.
is_recent() {
    local version
    version=$(rustc --version 2>/dev/null | cut -d' ' -f2) && [ -n "$version" ] || return 1
    printf '%s\n' "$TOOLCHAIN" "$version" | sort -V -C
}

# Whether it can build for wasm.
builds_wasm() {
    local lib
    is_recent || return 1
    lib=$(rustc --print sysroot)/lib/rustlib/$WASM_TARGET/lib
    compgen -G "$lib/libcore-*.rlib" >/dev/null
}

# Debian's toolchain, of the version that rust-toolchain.toml names, with a `core` for wasm that is built here.
debian_toolchain() {
    export PATH=/usr/bin:$PATH
    unset RUSTUP_TOOLCHAIN
    builds_wasm && return 0
    if [ $apt_updated = no ] && ! has_package rustc-web; then as_root apt-get update -qq; apt_updated=yes; fi
    has_package rustc-web || return 1
    apt_install "the Rust compiler, for the node and its wasm runtime" rustc-web cargo-web rustfmt-web rust-web-clippy rust-web-src rust-web-llvm
    is_recent || return 1
    # rust-lld is a link to the linker of the same LLVM, which is a package of its own.
    local lld
    lld=$(basename "$(readlink /usr/bin/rust-lld)")
    apt_install "the linker that links the wasm runtime" "$lld"
    builds_wasm && return 0
    say "building core and alloc for $WASM_TARGET, which Debian does not ship (about half a minute)"
    local work lib
    work=$(mktemp -d)
    mkdir "$work/src"
    printf '[package]\nname = "core-for-wasm"\nversion = "0.0.0"\nedition = "2021"\n' >"$work/Cargo.toml"
    printf '#![no_std]\nextern crate alloc;\n' >"$work/src/lib.rs"
    # The runtime is linked with LTO, which needs the bitcode of everything that goes in.
    (cd "$work" && RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C embed-bitcode=yes" CARGO_TARGET_DIR="$work/target" \
        cargo build --quiet --release --target $WASM_TARGET -Z build-std=core,alloc,compiler_builtins) || return 1
    lib=$(rustc --print sysroot)/lib/rustlib/$WASM_TARGET/lib
    as_root mkdir -p "$lib"
    as_root cp "$work"/target/$WASM_TARGET/release/deps/lib{core,alloc,compiler_builtins}-*.rlib "$lib"
    rm -rf "$work"
    builds_wasm
}

# rustup, which takes all it needs from rust-toolchain.toml.
rustup_toolchain() {
    if ! command -v rustup >/dev/null; then
        if [ $apt_updated = no ]; then as_root apt-get update -qq; apt_updated=yes; fi
        has_package rustup || return 1
        apt_install "it installs the Rust compiler" rustup
    fi
    export RUSTUP_TOOLCHAIN=$TOOLCHAIN
    builds_wasm && return 0
    say "asking rustup for Rust $TOOLCHAIN with $WASM_TARGET"
    timeout 900 rustup toolchain install "$TOOLCHAIN" --profile minimal --component clippy,rustfmt --target $WASM_TARGET && builds_wasm
}

# Puts a toolchain on PATH, installing one if there is none: what is there already first, then Debian's, then rustup's.
use_toolchain() {
    cd "$ROOT"
    (export PATH=/usr/bin:$PATH; unset RUSTUP_TOOLCHAIN; builds_wasm) && { debian_toolchain; return; }
    (export RUSTUP_AUTO_INSTALL=0; builds_wasm) 2>/dev/null && return
    debian_toolchain && return
    rustup_toolchain && return
    die "no Rust $TOOLCHAIN with $WASM_TARGET: neither this system's packages (rustc-web) nor rustup could give it. Install rustup and run this again."
}

# Everything a build needs that is not Rust.
install_packages() {
    apt_install "the registry of crates is reached over TLS" ca-certificates
    apt_install "the C compiler and linker, for crates with C parts" build-essential perl
    apt_install "it compiles the network protocol's message formats" protobuf-compiler
    apt_install "the network's encryption; building one from source takes minutes more" libssl-dev pkg-config
    apt_install "wasm-opt, which finishes the wasm runtime" binaryen
}

# What the chaos tests break things with.
install_chaos_packages() {
    apt_install "each node of the chaos tests gets a network of its own, which can be cut in two" iproute2 util-linux
    apt_install "one node gets a small disk, which can be filled" mount
    apt_install "one node gets a clock of its own, which can be wrong" faketime
}

# Node and npm, which run what talks to the chain in JavaScript: those that are there, or else the system's packages.
install_node() {
    { command -v node && command -v npm; } >/dev/null || apt_install "polkadot.js runs on Node" nodejs npm
    [ "$(node -p 'process.versions.node.split(".")[0] >= 18')" = true ] ||
        die "node is $(node --version), and 18 or later is needed: install a later one"
}

# npm_packages FOLDER: installs what its lock file names, where that has not been done. No package runs scripts of its own.
npm_packages() {
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
    say "installing the packages that ${1#"$ROOT"/}/package-lock.json names"
    # Not `npm ci`, which from npm 11 on refuses a lock file that leaves out packages of other systems.
    (cd "$1" && npm install --no-save --ignore-scripts --no-audit --no-fund)
}

# The static page that dashboard/serve.mjs serves.
build_dashboard() {
    install_node
    npm_packages "$ROOT/dashboard"
    say "building the dashboard"
    (cd "$ROOT/dashboard" && npm run --silent build >/dev/null) || die "the dashboard does not build; see above"
}

# OpenSSL is the system's.
export OPENSSL_NO_VENDOR=1

# Always the same targets of the whole workspace: what is built depends on what else is built with it, and another
# selection would build half of the dependencies again with other features.
build() { (cd "$ROOT" && cargo build --locked --release --workspace --all-targets); }

# count_tests LOG STATUS: prints "N passed, M failed" over a log of tests and ends with what it says. A test binary ends with
# "test result: …", Node's runner with "# pass N" and the like, the demo with "N passed, M failed"; something that did not get
# as far as counting, which STATUS says, has failed too.
count_tests() {
    local passed failed status=$2
    read -r passed failed < <(awk '
        /^test result: / { passed += $4; failed += $6 }
        /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
        /^# pass [0-9]+$/ { passed += $3 }
        /^# (fail|cancelled) [0-9]+$/ { failed += $3 }
        END { print passed + 0, failed + 0 }' "$1")
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ] || status=1
    [ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
    echo "$passed passed, $failed failed"
    exit "$status"
}
