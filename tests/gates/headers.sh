#!/usr/bin/env bash
# Every public header compiles alone, under both compilers.
. "$(dirname "$0")/common.sh"
alone() {
    local compiler failed=0 header
    for compiler in gcc clang-14; do
        for header in "$1"/include/proxenos/*.h; do
            printf '#include "proxenos/%s"\n' "${header##*/}" |
                "$compiler" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -I"$1/include" \
                    -isystem /usr/include/lua5.4 -include "$root/core/base/banned.h" -fsyntax-only -x c - || failed=1
        done
    done
    return $failed
}
must_pass alone "$root"
plant_tree
printf 'struct planted { struct str name; };\n' >"$planted/include/proxenos/planted.h"
must_fail alone "$planted"
must_say "planted.h"
