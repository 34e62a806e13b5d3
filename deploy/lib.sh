# shellcheck shell=bash disable=SC2034,SC2154
# What setup, demo, install and tests/run share: where things are, and one way of showing a step.
# To be sourced; the caller has set `me` to its own name and -euo pipefail.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${YIWANG_CACHE:-${HOME:?HOME is not set}/.cache/yiwang}
target=${CARGO_TARGET_DIR:-$root/target}
bin=$target/release
logs=$target/logs

# Pinned by SHA-256 of the wheel; both come out of the Python package index through pip.
ort_version=1.32.0
ort_library=$cache/onnxruntime-$ort_version/libonnxruntime.so.$ort_version
node_version=22.20.0
node_home=$cache/node-$node_version

say() { printf '%s: %s\n' "$me" "$*" >&2; }
# The one line that tells what is needed to go on.
need() { say "$*"; exit 1; }

# The Rust tools where a login shell would find them, and a Node that is new enough.
find_tools() {
    command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    node_is_new_enough || PATH=$node_home/bin:$PATH
    export PATH
}

# Vite and Svelte ask for 20.19, or 22.12.
node_is_new_enough() {
    command -v node >/dev/null && command -v npm >/dev/null &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number);
                 process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'
}

# try WHAT LOG COMMAND…: runs COMMAND with its output in $logs/LOG.log and returns its status.
# Shorter than a blink: nothing is shown. Longer: one line, and a live counter on a terminal.
try() {
    local what=$1 log=$logs/$2.log started=$SECONDS pid rc=0 shown='' ticks=0
    shift 2
    mkdir -p "$logs"
    # 9 is the lock's descriptor: a daemon left by the command (a compiler cache) must not keep the lock.
    "$@" >"$log" 2>&1 </dev/null 9>&- &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        ticks=$((ticks + 1))
        if [ -t 2 ] && [ "$ticks" -ge 10 ]; then
            printf '\r\033[K%s: %s … %d s  %.50s' "$me" "$what" $((SECONDS - started)) \
                "$(tail -c 300 "$log" | tr -d '\r\033' | tail -n 1)" >&2
            shown=1
        elif [ "$ticks" -eq 10 ]; then
            say "$what …"
            shown=1
        fi
    done
    wait "$pid" || rc=$?
    [ -t 2 ] && [ -n "$shown" ] && printf '\r\033[K' >&2
    [ "$rc" -ne 0 ] || [ -z "$shown" ] || say "$what: done in $((SECONDS - started)) s"
    return "$rc"
}

# step WHAT LOG COMMAND…: try, and where it fails the end of its log and an end of everything.
step() {
    local started=$SECONDS
    try "$@" && return
    tail -n 40 "$logs/$2.log" | sed 's/^/    /' >&2
    need "$1 failed after $((SECONDS - started)) s; the whole log is ${logs#"$root"/}/$2.log"
}
