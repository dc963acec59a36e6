#!/usr/bin/env bash
# Each duty of docs/domain.md is tested inside and outside.
. "$(dirname "$0")/common.sh"
must_pass "$root/scripts/domain"
plant_tree
(cd "$root" && tar cf - --exclude=node_modules docs plugins tests/api) | tar xf - -C "$planted"
must_pass "$planted/scripts/domain"
grep -lE 'test\("([A-Z][0-9]+ )*C3 ' "$planted"/tests/api/*.mjs | xargs sed -i -E 's/(test\("([A-Z][0-9]+ )*)C3 /\1/'
must_fail "$planted/scripts/domain"
must_say "C3: no test in tests/api"
