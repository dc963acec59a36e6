#!/usr/bin/env bash
# Generated pages are up to date.
. "$(dirname "$0")/common.sh"
must_pass "$root/scripts/docs" --check
plant_tree
mkdir -p "$planted/docs/reference"
cp "$root/docs/ERRORS.md" "$planted/docs/"
# The planted tree has no program, so only the page of errors is held against its source.
unset PROXENOS_BIN
must_pass "$planted/scripts/docs" --check
sed -i 's/the text is not valid JSON/changed/' "$planted/include/proxenos/errors.def"
must_fail "$planted/scripts/docs" --check
must_say "not up to date"
