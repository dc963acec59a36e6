#!/usr/bin/env bash
# clang-tidy's limits of style.md hold: a function too long, too many parameters, nested too deep, no braces, an ASSERT with a side effect.
. "$(dirname "$0")/common.sh"
tool=$(command -v clang-tidy-14 || command -v clang-tidy)
cp "$root/.clang-tidy" "$planted/"
tidy() { "$tool" --quiet "$1" -- -std=gnu11 -I"$root/include"; }
printf '#include "proxenos/base.h"\nint f(int a);\nint f(int a)\n{\n    ASSERT(a > 0);\n    return a;\n}\n' >"$planted/good.c"
must_pass tidy "$planted/good.c"
refuse() { # what, source
    printf '#include "proxenos/base.h"\n%s\n' "$2" >"$planted/bad.c"
    must_fail tidy "$planted/bad.c"
    must_say "$1"
}
refuse readability-function-size "int f(int a, int b, int c, int d, int e, int g, int h);
int f(int a, int b, int c, int d, int e, int g, int h) { return a + b + c + d + e + g + h; }"
refuse readability-function-size "int f(int a);
int f(int a) { while (a) { while (a) { while (a) { while (a) { a--; } } } } return a; }"
refuse readability-function-size "int f(int a);
int f(int a) {
$(for _ in $(seq 80); do echo 'a++;'; done)
return a; }"
refuse readability-braces-around-statements "int f(int a);
int f(int a) { if (a) return 1; return 2; }"
refuse bugprone-assert-side-effect "int f(int a);
int f(int a) { ASSERT(a++ > 0); return a; }"
