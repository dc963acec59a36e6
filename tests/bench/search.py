"""search: words over a million persons, Greek and Latin, under three scopes, beside one FTS5 table with the same folded
texts in a process of its own. BENCH_PEOPLE (1,000,000) persons."""
import json
import os
import random
import shutil
import time
import unicodedata
import urllib.parse

import names
from reads import HERE
from tools import ROUNDS, SECONDS, Service, limit, load, median

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000000"))
QUESTIONS, OWNERS = 500, 10
COLUMNS = {"owner": {"field": "owner", "ref": "name", "create": True}}
GREEKLISH = dict(zip("αβγδεζηθικλμνξοπρστυφχψως",
                     "a v g d e z i th i k l m n ks o p r s t u f x ps w s".split()))


def fill(folder, texts):
    """Half of the persons are of the team's owners, one in a thousand is narrow's."""
    service = Service(folder).start()
    service.token = service.user("bench", "admin")
    service.request("POST", "/api/v1/roles", {"name": "narrow", "grants": {"person": {"verbs": ["read"], "rows": "own"}}})
    service.request("POST", "/api/v1/roles", {"name": "mates", "grants": {
        "person": {"verbs": ["read"], "rows": "team"}, "user": {"verbs": ["read"], "rows": "all"}}})
    known = {"all": service.token, "own": service.user("narrow", "narrow"), "team": service.user("reader", "mates")}
    chance = random.Random(7)
    path = folder + ".csv"
    with open(path, "w", encoding="utf-8") as file, open(texts, "w", encoding="utf-8") as plain:
        file.write("name,employer,city,owner\n")
        for _ in range(PEOPLE):
            name, employer, city = names.person(chance)
            owner = "narrow" if chance.random() < 0.001 else f"owner{chance.randrange(OWNERS)}"
            file.write(f"{name},{employer},{city},{owner}\n")
            plain.write(f"{name}\t{employer}\n")
    print(f"  filling {PEOPLE:,} persons …", end="", flush=True)
    took = service.import_file("person", path, COLUMNS)
    known["behind_s"] = behind(service)
    print(f" {PEOPLE / took:,.0f} rows/s", flush=True)
    os.remove(path)
    users = {user["name"]: user["id"] for user in service.request("GET", "/api/v1/users?limit=100")["data"]}
    service.request("POST", "/api/v1/teams", {
        "name": "team", "members": [users[f"owner{i}"] for i in range(OWNERS // 2)] + [users["reader"]]})
    service.stop()
    with open(folder + ".json", "w", encoding="utf-8") as file:
        json.dump(known, file)


def behind(service):
    """Seconds until all that was written can be found."""
    begun = time.monotonic()
    service.request("GET", "/api/v1/search?q=nobody&wait=true")
    return time.monotonic() - begun


def lag_ms(service, rounds=40):
    """From the answer to a POST until its words are found, one at a time."""
    times = []
    for i in range(rounds):
        word = f"lagging{i}x{random.randrange(10 ** 9)}"
        service.request("POST", "/api/v1/people", {"name": word})
        begun = time.monotonic()
        while not service.request("GET", f"/api/v1/search?q={word}")["data"]:
            pass
        times.append((time.monotonic() - begun) * 1000)
    times.sort()
    return times[len(times) // 2], times[-1]


def reindexed(service):
    begun = time.monotonic()
    job = service.request("POST", "/api/v1/jobs", {"kind": "reindex"})
    while service.request("GET", f"/api/v1/jobs/{job['id']}")["state"] in ("waiting", "running"):
        time.sleep(0.05)
    return time.monotonic() - begun + behind(service)


def greeklish(text):
    bare = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return "".join(GREEKLISH.get(c, c) for c in bare)


def questions(texts):
    """What people ask: each kind from persons that are there, so that common names are asked for often."""
    chance = random.Random(11)
    with open(texts, encoding="utf-8") as file:
        people = chance.sample(file.read().splitlines(), QUESTIONS)
    people = [line.split("\t")[0].split(" ") for line in people]
    return {
        "a surname": [last for last, _ in people],
        "the first three to five letters": [last[:chance.randint(3, 5)] for last, _ in people],
        "surname and first name": [f"{first} {last}" for last, first in people],
        "Greeklish, beginnings of both": [f"{greeklish(last)[:6]} {greeklish(first)[:3]}" for last, first in people],
        "what all of one employer share": ["shipping delta" if i % 2 else "ναυτιλιακή" for i in range(QUESTIONS)],
    }


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))


def beside_bare_fts5(work, table):
    folder = os.path.join(work, f"data-people-{PEOPLE}")
    texts, bare = folder + ".txt", folder + ".fts.db"
    if not os.path.exists(folder + ".json"):
        shutil.rmtree(folder, ignore_errors=True)
        fill(folder, texts)
    with open(folder + ".json", encoding="utf-8") as file:
        known = json.load(file)
    if os.path.exists(bare):
        os.remove(bare)
    bare_s, bare_bytes = limit("bench_search", "make", bare, texts)
    service = Service(folder).start()
    service.token = known["all"]
    took_s = reindexed(service)
    own_bytes = os.path.getsize(os.path.join(folder, "search.db"))
    half, most = lag_ms(service)
    table.add("search", f"the index of {PEOPLE:,} persons, made anew", f"{took_s:.1f} s, {own_bytes / 1e6:,.0f} MB",
              f"bare FTS5 with its texts: {bare_s:.1f} s, {bare_bytes / 1e6:,.0f} MB", f"{bare_s / took_s:.2f}", "",
              f"a write is found after {half:.0f} ms, the slowest of 40 {most:.0f} ms; after the import "
              f"{known['behind_s']:.1f} s behind", "")
    for kind, asked in questions(texts).items():
        measure(work, table, service, known, bare, kind, asked)
    service.stop()
    os.remove(bare)


def measure(work, table, service, known, bare, kind, asked):
    plain, encoded = os.path.join(work, "questions"), os.path.join(work, "questions.url")
    write_lines(plain, asked)
    write_lines(encoded, [urllib.parse.quote(line) for line in asked])
    os.environ["BENCH_QUESTIONS"] = encoded
    script = os.path.join(HERE, "search.lua")
    ours, theirs = {who: [] for who in ("all", "team", "own")}, []
    for _ in range(ROUNDS):
        theirs.append(limit("bench_search", "ask", bare, plain, SECONDS))
        for who, rounds in ours.items():
            os.environ["BENCH_TOKEN"] = known[who]
            rounds.append(load([service.process.pid], service.url, 1, script=script))
    their_p50, their_p99 = median(x[2] for x in theirs) / 1000, median(x[3] for x in theirs) / 1000
    their_cpu = median(x[1] for x in theirs)
    for who, rounds in ours.items():
        p50, p99 = median(x["p50"] for x in rounds), median(x["p99"] for x in rounds)
        cpu = median(x["cpu"] for x in rounds)
        table.add("search", f"{kind}, rows: {who}", f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, {cpu:,.0f} µs",
                  f"bare FTS5: p50 {their_p50:.2f} ms, p99 {their_p99:.2f} ms, {their_cpu:,.0f} µs",
                  f"p99 {their_p99 / p99:.2f}", f"{their_cpu / cpu:.2f}", "", "")
