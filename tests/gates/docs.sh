#!/usr/bin/env bash
# Generated pages are up to date.
. "$(dirname "$0")/common.sh"
must_pass "$root/scripts/docs" --check
plant_tree
mkdir -p "$planted/docs/reference"
cp "$root/docs/ERRORS.md" "$planted/docs/"
must_pass "$planted/scripts/docs" --check
sed -i 's/the text is not valid JSON/changed/' "$planted/include/proxenos/errors.def"
must_fail "$planted/scripts/docs" --check
must_say "not up to date"
