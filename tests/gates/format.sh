#!/usr/bin/env bash
# clang-format has the last word.
. "$(dirname "$0")/common.sh"
must_pass "$root/scripts/format" --check
plant_tree
(cd "$planted" && git init -q . && printf 'int f(void) { if (1) return 2;\n return 3; }\n' >core/base/planted.c)
must_fail "$planted/scripts/format" --check
must_say "planted.c"
