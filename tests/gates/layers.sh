#!/usr/bin/env bash
# Layers: who may include whom, and third-party headers stay at home.
. "$(dirname "$0")/common.sh"
must_pass "$root/scripts/layers" "$root"
plant_tree
printf '#include "proxenos/bus.h"\n' >"$planted/core/store/planted.c"
must_fail "$root/scripts/layers" "$planted"
must_say "store may not include bus"
printf '#include <sqlite3.h>\n' >"$planted/core/store/planted.c"
must_fail "$root/scripts/layers" "$planted"
must_say "sqlite3.h has its home elsewhere"
printf '#include "proxenos/store_query.h"\n' >"$planted/core/store/planted.c"
must_pass "$root/scripts/layers" "$planted"
mkdir "$planted/core/stray" && printf 'int x;\n' >"$planted/core/stray/x.c"
must_fail "$root/scripts/layers" "$planted"
must_say "not in core/layers.txt"
