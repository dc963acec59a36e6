#!/usr/bin/env bash
# Each duty of docs/domain.md has a test of its plugin and a test over HTTP that carry its id in their titles, a file in
# plugins/README.md, and a row in docs/comparison.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 - <<'END'
import glob, re, sys

def titles(pattern):
    found = {}
    for name in glob.glob(pattern):
        text = open(name, encoding="utf-8").read()
        for title in re.findall(r'^\s*(?:await )?(?:t\.)?test\(\s*["\'`]([^"\'`]*)', text, re.M):
            ids = re.match(r"((?:[A-Z]\d+[ ,:]+)+)", title)
            for one in re.findall(r"[A-Z]\d+", ids[1]) if ids else []:
                found.setdefault(one, []).append(name)
    return found

domain = re.findall(r"^## ([A-Z]\d+) ", open("docs/domain.md", encoding="utf-8").read(), re.M)
sections = re.split(r"^## ", open("docs/domain.md", encoding="utf-8").read(), flags=re.M)[1:]
inside, outside = titles("plugins/*/tests/*.lua"), titles("tests/api/*.test.mjs")
rows = {name: set(re.findall(r"^\| \**([A-Z]\d+)\b", open(name, encoding="utf-8").read(), re.M))
        for name in ("plugins/README.md", "docs/comparison.md")}
wrong = []
if len(domain) < 38 or len(set(domain)) != len(domain):
    wrong.append("docs/domain.md: ids are missing or there twice")
for one in domain:
    if one not in inside:
        wrong.append(f"{one}: no test in plugins/*/tests whose title begins with it")
    if one not in outside:
        wrong.append(f"{one}: no test in tests/api whose title begins with it")
    wrong += [f"{one}: no row in {name}" for name, ids in rows.items() if one not in ids]
for one in sorted((set(inside) | set(outside)) - set(domain)):
    wrong.append(f"{one}: a test carries it, docs/domain.md does not know it")
for section in sections:
    if "`" not in section:
        wrong.append(f"{section.split()[0]}: its section in docs/domain.md names neither object nor route")
print("\n".join(wrong) or f"{len(domain)} ids, each with tests inside and outside")
sys.exit(1 if wrong else 0)
END
