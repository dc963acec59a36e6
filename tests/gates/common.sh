# Sourced by each gate's test: a copy of the tree to plant violations in.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
planted=$(mktemp -d)
trap 'rm -rf "$planted"' EXIT

plant_tree() { # a light copy: sources only
    (cd "$root" && tar cf - --exclude=node_modules core include scripts .clang-format .clang-tidy) | tar xf - -C "$planted"
}
must_pass() {
    "$@" || { echo "gate refused the tree: $*" >&2; exit 1; }
}
must_fail() {
    if "$@" >"$planted/out" 2>&1; then
        echo "gate let a planted violation through: $*" >&2
        exit 1
    fi
}
must_say() { # what the refusal must name
    grep -q "$1" "$planted/out" || { echo "the refusal does not say '$1':" >&2; cat "$planted/out" >&2; exit 1; }
}
