#!/usr/bin/env bash
# Makes store.tar.gz beside this script: a small data folder, written by the program of commit 6b86d85, the last of the first kernel.
# usage: make.sh PROGRAM RELATIONS (a build of that commit, and its plugins/relations)
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
service=
trap 'kill "$service" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/plugins"
cp -r "$2" "$work/plugins/relations"
cp -r "$here/notes" "$work/plugins/notes"
px() { "$program" "$@" --data "$work/first-store" --plugins "$work/plugins"; }
id() { sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | head -1; }
set_record() { px record set "$@" --format json | id; }
"$program" serve --data "$work/first-store" --plugins "$work/plugins" --listen 127.0.0.1:0 --enable notes >/dev/null 2>"$work/log" &
service=$!
until grep -q listening "$work/log"; do sleep 0.1; done
px user add anna --role manager >/dev/null
px user add nikos --role reader >/dev/null
aegean=$(set_record organisation name="Aegean Lines" industry=shipping vat_number=EL094019245)
papers=$(set_record organisation name="Χαρτοποιία Δέλτα" industry=paper)
gone=$(set_record organisation name="Soon Gone")
maria=$(set_record person name="Μαρία Παπαδοπούλου" email=maria@example.org birthday=1980-05-17)
set_record affiliation person="$maria" organisation="$aegean" job_title=Owner started_on=2020-01-01 >/dev/null
set_record interaction kind=call subject="First call" at=2026-01-05T10:00:00Z people="[\"$maria\"]" >/dev/null
deal=$(set_record opportunity name="Two tugs" organisation="$aegean" 'value={"amount":125000,"currency":"EUR"}')
px record set opportunity "$deal" stage=engaging engaged_on=2026-01-06 >/dev/null
px record set opportunity "$deal" stage=won closed_on=2026-02-01 >/dev/null
px record set organisation "$papers" industry=packaging >/dev/null
px record set person "$maria" email=maria.p@example.org >/dev/null
px record delete organisation "$gone" >/dev/null
for word in call visit call; do
    set_record note text="A $word" kind="$word" about="$aegean" tags='["warm"]' 'worth={"amount":900,"currency":"EUR"}' >/dev/null
done
sleep 2
kill "$service"
wait "$service" || true
! grep -q "level=error" "$work/log"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --exclude=LOCK --exclude='*.sock' -cf - first-store | gzip -9n >"$here/store.tar.gz"
