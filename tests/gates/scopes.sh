#!/usr/bin/env bash
# System scopes (rights of nobody) are used by these files alone; each use is a decision.
. "$(dirname "$0")/common.sh"
uses() { (cd "$1" && grep -rlE 'SYSTEM_(INDEXER|MIGRATION|BACKUP|VERIFY|AUTH|BUS|OUTBOX|FLOW|WEBHOOK)\b' core | sort); }
listed() { sed -e 's/ *#.*//' -e '/^ *$/d' "$root/tests/gates/scopes.txt" | sort; }
same() { diff <(uses "$1") <(listed); }
must_pass same "$root"
plant_tree
mkdir -p "$planted/core/api" && printf 'int scope = SYSTEM_AUTH;\n' >"$planted/core/api/planted.c"
must_fail same "$planted"
must_say "planted.c"
