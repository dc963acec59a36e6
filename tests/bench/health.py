"""health: the score of every bond computed anew, in pages of units of work (nothing changed; a new formula; with the week's points), and of one bond
at one event. today: the queue of a manager with 500 bonds among a million parties. Beside them the same sums in bare SQLite (six factors; no log, no sentences), on the same rows in one
statement with one commit, in-process. BENCH_BONDS (100,000), BENCH_PARTIES (1,000,000), BENCH_CONTACTS (5) a bond."""
import datetime
import json
import os
import random
import shutil
import sqlite3
import time
import urllib.error
import urllib.request

from reads import id_number
from data import id_text
from tools import ROOT, ROUNDS, Service, cpu_seconds, median, met

BONDS = int(os.environ.get("BENCH_BONDS", "100000"))
PARTIES = int(os.environ.get("BENCH_PARTIES", "1000000"))
CONTACTS = int(os.environ.get("BENCH_CONTACTS", "5"))
KEPT, TASKS, EVENTS, ASKED, ROWS_A_CALL = 500, 200, 40, 200, 250
REFUSALS_MAX = 10


def bulk(service, path, rows):
    """Makes records, a few hundred to a request: before-hooks see all of them in one call of 50 ms, also where other work slows them."""
    rows = iter(rows)
    while True:
        lines = [json.dumps(row) for _, row in zip(range(ROWS_A_CALL), rows)]
        if not lines:
            return
        made = post_lines(service, path, "\n".join(lines))
        if '"error"' in made:
            raise SystemExit(f"{path}: {made[:400]}")


def post_lines(service, path, text):
    request = urllib.request.Request(f"{service.url}/api/v1/{path}/bulk", data=text.encode(), method="POST", headers={
        "Authorization": f"Bearer {service.token}", "Content-Type": "application/x-ndjson"})
    for _ in range(REFUSALS_MAX):
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            told = error.read().decode()
            if error.code != 503:
                raise SystemExit(f"{path}: {error.code} {told}") from error
            print(f"  refused for now: {json.loads(told)['detail'][:150]}", flush=True)
            settled(service)  # no row was taken
    raise SystemExit(f"{path}: refused {REFUSALS_MAX} times in a row; see {service.folder}.log")


def settled(service):
    """Until no handler has anything left to do."""
    while service.backlog() > 0:
        time.sleep(0.05)


def interactions(ids, chance, now):
    for number in ids:
        for _ in range(CONTACTS):
            at = now - datetime.timedelta(days=chance.randrange(400), minutes=chance.randrange(1440))
            yield {"kind": "call", "subject": "Call", "status": "held", "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                   "organisations": [id_text(number)]}


def bonds(ids, us, kind, keeper, chance):
    for i, number in enumerate(ids):
        yield {"type": kind, "source": id_text(number), "target": us, "managed": True,
               "value_at_stake": {"amount": chance.randrange(10 ** 8), "currency": "USD" if i % 4 == 0 else "EUR"},
               "contact_every_days": 30, "contact_hours": "0.5", **({"owner": keeper} if i < KEPT else {})}


def fill(folder):
    service = Service(folder, plugins=os.path.join(ROOT, "plugins")).start()
    service.token = service.user("bench", "admin")
    known = {"token": service.token, "keeper": service.user("keeper", "manager")}
    keeper = service.request("GET", "/api/v1/users?filter=name[eq]:%22keeper%22")["data"][0]["id"]
    chance, now = random.Random(11), datetime.datetime.now(datetime.timezone.utc)
    begun = time.monotonic()
    path = folder + ".csv"
    with open(path, "w", encoding="utf-8") as file:
        file.write("name\n" + "".join(f"Party {i}\n" for i in range(PARTIES)))
    # Without a formula nothing is computed: what comes is taken in at the speed of rows, and scored by one run at the end.
    formula = service.request("GET", "/api/v1/health_formulas?filter=state[eq]:%22active%22")["data"][0]["id"]
    service.request("PATCH", f"/api/v1/health_formulas/{formula}", {"state": "retired"})
    service.import_file("organisation", path, {})
    os.remove(path)
    settled(service)
    print(f"  {PARTIES:,} parties after {time.monotonic() - begun:.0f} s", flush=True)
    with sqlite3.connect(f"file:{folder}/proxenos.db?mode=ro", uri=True) as database:
        ids = [row[0] for row in database.execute("select id from o_organisation order by id limit ?", (BONDS + 1,))]
    us = id_text(ids.pop())
    bulk(service, "interactions", interactions(ids, chance, now))
    settled(service)
    print(f"  {BONDS * CONTACTS:,} contacts after {time.monotonic() - begun:.0f} s", flush=True)
    kind = service.request("GET", "/api/v1/relationship_types?filter=code[eq]:%22client_of%22")["data"][0]["id"]
    bulk(service, "relationships", bonds(ids, us, kind, keeper, chance))
    settled(service)
    with sqlite3.connect(f"file:{folder}/proxenos.db?mode=ro", uri=True) as database:
        made = [row[0] for row in database.execute("select id from o_relationship order by id")]
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    bulk(service, "health_signals", ({"relationship": id_text(number), "factor": "satisfaction", "at": stamp,
                                      "value": f"0.{chance.randrange(100):02d}"} for number in made))
    today = now.date()
    bulk(service, "tasks", ({"title": f"Task {i}", "relationship": id_text(made[chance.randrange(KEPT)]), "owner": keeper, "effort_hours": "1.5",
                             "due": str(today + datetime.timedelta(days=chance.randrange(-10, 60)))} for i in range(TASKS)))
    service.request("POST", "/api/v1/exchange_rates", {"base": "EUR", "currency": "USD", "rate": "1.1", "on": "2020-01-01", "source": "bench"})
    settled(service)
    print(f"  {BONDS:,} bonds with signals after {time.monotonic() - begun:.0f} s", flush=True)
    service.seen = (service.request("GET", "/x/relations/health/run") or {}).get("id")
    whole_run(service, lambda: service.request("PATCH", f"/api/v1/health_formulas/{formula}", {"state": "active"}))
    settled(service)
    print(f"  all scored after {time.monotonic() - begun:.0f} s", flush=True)
    known["bonds"] = [id_text(number) for number in made[:EVENTS * 10:10] + made[:EVENTS]]
    service.stop()
    with open(folder + ".json", "w", encoding="utf-8") as file:
        json.dump(known, file)


def filled(work):
    folder = os.path.join(work, f"bonds-{BONDS}-{PARTIES}")
    if not os.path.exists(folder + ".json"):
        shutil.rmtree(folder, ignore_errors=True)
        fill(folder)
    with open(folder + ".json", encoding="utf-8") as file:
        known = json.load(file)
    service = Service(folder, plugins=os.path.join(ROOT, "plugins"))
    service.token = known["token"]
    return service, known


# ---- ours ----

def whole_run(service, begin):
    """Seconds and processor seconds until all bonds were looked at, and how many records were written."""
    before, begun = cpu_seconds([service.process.pid]), time.monotonic()
    begin()
    while True:
        run = service.request("GET", "/x/relations/health/run")
        if run and run.get("ended_at") and run["id"] != service.seen:
            break
        time.sleep(0.005)
    took, service.seen = time.monotonic() - begun, run["id"]
    if run["bonds"] != BONDS:
        raise SystemExit(f"{run['bonds']} bonds, not {BONDS}")
    return took, cpu_seconds([service.process.pid]) - before, run["written"]


def recompute(service, body):
    return lambda: service.request("POST", "/x/relations/health/recompute", body)


def new_formula(service):
    """Other weights: every score moves."""
    formulas = service.request("GET", "/api/v1/health_formulas?order=-number&limit=1")["data"]
    factors = [{**factor, "weight": factor["weight"] + 1 + (i + formulas[0]["number"]) % 2 * 30} for i, factor in enumerate(formulas[0]["factors"])]
    made = service.request("POST", "/api/v1/health_formulas", {"name": "Other", "number": formulas[0]["number"] + 1, "factors": factors,
                                                              "minimum_coverage": 10})
    service.request("PATCH", f"/api/v1/health_formulas/{made['id']}", {"state": "active"})


def one_event(service, bond):
    """Milliseconds from a signal's POST until the bond's score is another one."""
    path = f"/api/v1/health_scores?filter=relationship[eq]:%22{bond}%22&fields=score"
    before = service.request("GET", path)["data"][0]["version"]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    begun = time.monotonic()
    service.request("POST", "/api/v1/health_signals", {"relationship": bond, "factor": "cases", "at": now,
                                                           "value": f"0.{random.randrange(10000):04d}"})
    while service.request("GET", path)["data"][0]["version"] == before:
        if time.monotonic() > begun + 2:
            return None
        time.sleep(0.0005)  # asking must not be what keeps the processors busy
    return (time.monotonic() - begun) * 1000


def asked_today(service, keeper):
    times, rows = [], 0
    for _ in range(ASKED):
        begun = time.monotonic()
        day = service.request("GET", "/x/relations/today?limit=50", token=keeper)
        times.append((time.monotonic() - begun) * 1000)
        rows = day["counts"]["ranked"] + day["counts"]["unknown"]
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)], rows


# ---- bare ----

FACTS = """
with contact as (
  select l.target as party, max(i.at) as last, sum(i.at > :now - 90 * 86400000) as recent,
         sum(i.at <= :now - 90 * 86400000 and i.at > :now - 180 * 86400000) as earlier
  from "l_interaction__organisations" l join o_interaction i on i.id = l.source
  where i.status = 'held' and i.kind <> 'note' and i.at <= :now {party} group by l.target),
met as (
  select l.target as party, count(distinct p.target) as people
  from "l_interaction__organisations" l join o_interaction i on i.id = l.source join "l_interaction__people" p on p.source = i.id
  where i.at > :now - 365 * 86400000 {party} group by l.target),
signal as (
  select relationship as bond, avg(value) filter (where factor = 'satisfaction') / 10000.0 as satisfaction,
         avg(value) filter (where factor = 'cases') / 10000.0 as cases from o_health_signal where 1 {signal} group by relationship),
kept as (
  select relationship as bond, sum(state = 'kept') as good, sum(state in ('broken', 'overdue')) as bad
  from o_promise where direction = 'by_us' and relationship is not null {signal} group by relationship),
read as (
  select r.id as bond, exp(-ln(2) * (:now - c.last) / 86400000 / 45) as v1, 1.0 * c.recent / nullif(c.recent + c.earlier, 0) as v2,
         min(1, m.people / 3.0) as v3, 1.0 * k.good / nullif(k.good + k.bad, 0) as v4, s.satisfaction as v5, s.cases as v6
  from o_relationship r left join contact c on c.party = r.source left join met m on m.party = r.source
  left join signal s on s.bond = r.id left join kept k on k.bond = r.id
  where r.managed = 1 and r.ended_on is null {bond})
insert or replace into bare_score
select bond, round(100 * (coalesce(25 * v1, 0) + coalesce(10 * v2, 0) + coalesce(10 * v3, 0) + coalesce(15 * v4, 0) + coalesce(15 * v5, 0) + coalesce(10 * v6, 0))
  / (25 * (v1 is not null) + 10 * (v2 is not null) + 10 * (v3 is not null) + 15 * (v4 is not null) + 15 * (v5 is not null) + 10 * (v6 is not null))),
  json_array(v1, v2, v3, v4, v5, v6) from read
"""


def open_copy(folder, path):
    shutil.copyfile(os.path.join(folder, "proxenos.db"), path)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    database.execute("create table if not exists bare_score (bond integer primary key, score integer, factors text)")
    return database


def bare_run(database):
    begun = time.monotonic()
    database.execute("begin immediate")
    database.execute(FACTS.format(party="", signal="", bond=""), {"now": int(time.time() * 1000)})
    database.execute("commit")
    return time.monotonic() - begun


def bare_event(database, bond):
    number = id_number(bond)
    party = database.execute("select source from o_relationship where id = ?", (number,)).fetchone()[0]
    begun = time.monotonic()
    database.execute("begin immediate")
    database.execute(FACTS.format(party="and l.target = :party", signal="and relationship = :bond", bond="and r.id = :bond"),
                     {"now": int(time.time() * 1000), "party": party, "bond": number})
    database.execute("commit")
    return (time.monotonic() - begun) * 1000


def bare_today(database):
    """The same rows, ranked by SQLite."""
    keeper = database.execute("select id from o_user where name = 'keeper'").fetchone()[0]
    begun = time.monotonic()
    database.execute("""
      select t.id, t.title, o.name, r.value_at_stake * case r.value_at_stake__currency when 'EUR' then 1 else 1 / 1.1 end * (100 - s.score) / 100.0
        * case when t.due < :today then 1 + min(30, :today - t.due) / 30.0 else 7.0 / (7 + t.due - :today) end / (t.effort_hours / 100.0) as rank
      from o_task t join o_relationship r on r.id = t.relationship join o_organisation o on o.id = r.source
        left join o_health_score s on s.relationship = r.id where t.owner = :keeper and t.state = 'open'
      union all
      select r.id, o.name, o.name, r.value_at_stake * (100 - s.score) / 100.0
        * 7.0 / (7 + max(0, s.last_contact_on + r.contact_every_days - :today)) / (r.contact_hours / 100.0)
      from o_relationship r join o_organisation o on o.id = r.source left join o_health_score s on s.relationship = r.id
        where r.owner = :keeper and r.managed = 1 and r.ended_on is null
      order by rank desc limit 50""", {"keeper": keeper, "today": int(time.time() // 86400)}).fetchall()
    return (time.monotonic() - begun) * 1000


# ---- the table ----

def of_all_bonds(work, table):
    service, known = filled(work)
    path = os.path.join(work, "bare-health.db")
    database = open_copy(service.folder, path)
    bare_run(database)
    bare = median(bare_run(database) for _ in range(ROUNDS))
    service.start()
    service.seen = (service.request("GET", "/x/relations/health/run") or {}).get("id")
    whole_run(service, recompute(service, {}))
    cases = (("nothing changed", lambda: recompute(service, {})), ("a new formula, every score written", lambda: lambda: new_formula(service)))
    for what, begin in cases:
        runs = [whole_run(service, begin()) for _ in range(ROUNDS)]
        took, cpu, written = (median(column) for column in zip(*runs))
        table.add("health", f"{BONDS:,} bonds anew, {what} ({written:,.0f} records)", f"{took:.2f} s, {cpu / BONDS * 1e6:.0f} µs a bond",
                  f"bare SQLite, all written in one commit: {bare:.2f} s", f"{bare / took:.2f}", "", "< 10 s at 100,000", met(took < BONDS / 10000))
    took, cpu, written = whole_run(service, recompute(service, {"week": True}))
    table.add("health", f"{BONDS:,} bonds anew with the week's points ({written:,} records)", f"{took:.2f} s, {cpu / BONDS * 1e6:.0f} µs a bond", "", "", "", "", "")
    waited = [one_event(service, bond) for bond in known["bonds"][:EVENTS]]
    moved = sorted(time for time in waited if time is not None)
    bare_one = median(bare_event(database, bond) for bond in known["bonds"][:EVENTS])
    table.add("health", f"one bond at one event: from the POST until the score is another ({len(moved)} of {EVENTS} moved)",
              f"p50 {median(moved):.1f} ms, max {moved[-1]:.1f} ms", f"bare SQLite, with its commit: {bare_one:.2f} ms", f"{bare_one / median(moved):.2f}", "", "", "")
    service.stop()
    database.close()
    os.remove(path)


def of_a_manager(work, table):
    service, known = filled(work)
    path = os.path.join(work, "bare-today.db")
    database = open_copy(service.folder, path)
    bare_today(database)
    bare = median(bare_today(database) for _ in range(ASKED))
    service.start()
    asked_today(service, known["keeper"])
    p50, p99, rows = asked_today(service, known["keeper"])
    service.stop()
    table.add("today", f"the queue of {KEPT} bonds and {TASKS} tasks ({rows} rows, 50 shown) among {PARTIES:,} parties, over HTTP",
              f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", f"bare SQLite, ranked, 50 rows: {bare:.1f} ms", f"{bare / p50:.2f}", "", "", "")
    database.close()
    os.remove(path)
