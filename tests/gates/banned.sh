#!/usr/bin/env bash
# Banned calls do not compile.
. "$(dirname "$0")/common.sh"
compile() { gcc -std=gnu11 -D_GNU_SOURCE -I"$root/include" -include "$root/core/base/banned.h" -fsyntax-only -x c "$1"; }
printf 'int f(const char *s);\nint f(const char *s) { return (int)strlen(s); }\n' >"$planted/good.c"
must_pass compile "$planted/good.c"
for call in 'strcpy(s, s)' 'sprintf(s, "x")' 'atoi(s)' 'strtol(s, 0, 10)' 'strtok(s, s)' 'gmtime(0)'; do
    printf 'long f(char *s);\nlong f(char *s) { return (long)%s; }\n' "$call" >"$planted/bad.c"
    must_fail compile "$planted/bad.c"
    must_say poisoned
done
