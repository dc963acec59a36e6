"""Duplicates: a scan over made people, one in ten of them twice with typing errors, against the number of rows; the keys made
anew; and what it costs to ask for the candidates of one record. BENCH_DUPLICATES: the numbers of rows."""
import itertools
import os
import random
import shutil
import time

from tools import ROOT, Service, cpu_seconds, median, met

SIZES = [int(size) for size in os.environ.get("BENCH_DUPLICATES", "5000,50000,500000").split(",")]
FIELDS = ["external_id", "given_name", "surname", "street_number", "address_1", "suburb", "postcode", "state", "date_of_birth", "soc_sec_id"]
TYPED = ["given_name", "surname", "address_1", "suburb", "postcode", "date_of_birth", "soc_sec_id"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(chance, count, most):
    """Made names: pronounceable, so that some sound alike."""
    made = set()
    while len(made) < count:
        made.add("".join(chance.choice("bcdfghklmnprstvw") + chance.choice("aeiouy") for _ in range(chance.randint(2, most)))
                 + chance.choice(["", "n", "s", "r"]))
    return sorted(made)


def frequent(chance, names, flat):
    """Draws names as often as real ones are borne: the n-th by 1 / (n + flat)."""
    shares = list(itertools.accumulate(1 / (n + flat) for n in range(len(names))))
    return lambda: chance.choices(names, cum_weights=shares)[0]


def people(rows, seed=7):
    """The commonest given name is borne by 3 in 100, the commonest surname by 7 in 1,000; the last tenth are former rows, typed again."""
    chance = random.Random(seed)
    given, family, streets = words(chance, 400, 3), words(chance, 20000, 4), words(chance, 5000, 4)
    chance.shuffle(given)
    chance.shuffle(family)
    first, last = frequent(chance, given, 10), frequent(chance, family, 20)
    whole = []
    for i in range(rows - rows // 10):
        whole.append({
            "external_id": f"rec-{i}-org", "given_name": first(), "surname": last(),
            "street_number": str(chance.randint(1, 300)), "address_1": chance.choice(streets) + " street",
            "suburb": chance.choice(streets), "postcode": str(chance.randint(1000, 9999)), "state": chance.choice(["nsw", "vic", "qld", "wa"]),
            "date_of_birth": f"{chance.randint(1910, 2009)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}",
            "soc_sec_id": str(chance.randint(1000000, 9999999))})
    for i in chance.sample(range(len(whole)), rows // 10):
        twin = dict(whole[i], external_id=f"rec-{i}-dup")
        for field in chance.sample(TYPED, chance.randint(1, 3)):
            twin[field] = typed_again(chance, twin[field])
        whole.append(twin)
    return whole


def typed_again(chance, text):
    if chance.random() < 0.1:
        return ""
    at = chance.randrange(len(text))
    another = chance.choice("0123456789" if text.isdigit() else LETTERS)
    return chance.choice([text[:at] + another + text[at + 1:], text[:at] + text[at + 1:], text[:at] + another + text[at:]])


def job(service, asked):
    while True:
        shown = service.request("GET", f"/api/v1/jobs/{asked['id']}")
        if shown["state"] not in ("waiting", "running"):
            break
        time.sleep(0.02)
    if shown["state"] != "done" or shown["counts"]["failed"] > 0:
        raise SystemExit(f"a job failed: {shown}")
    return shown


def fill(service, rows):
    made = people(rows)
    text = "\n".join([",".join(FIELDS)] + [",".join(row[field] for field in FIELDS) for row in made]) + "\n"
    spooled = service.request("POST", "/api/v1/uploads", text.encode(), kind="application/octet-stream")["file"]
    begun = time.monotonic()
    job(service, service.request("POST", "/api/v1/jobs", {
        "kind": "import", "object": "listing", "file": spooled, "format": "csv", "duplicates": "allow"}))
    return made, rows / (time.monotonic() - begun)


def scan(service, rows):
    begun, before = time.monotonic(), cpu_seconds([service.process.pid])
    result = job(service, service.request("POST", "/api/v1/listings/duplicates/scan", {}))["result"]
    return {"seconds": time.monotonic() - begun, "cpu": (cpu_seconds([service.process.pid]) - before) / rows * 1e6, **result}


def right_pairs(service, rows):
    """Of the groups: the share of pairs that are of one person, and of persons that were found."""
    told = good = 0
    after = ""
    while after is not None:
        page = service.request("GET", f"/api/v1/listings/duplicates?limit=1000{'&after=' + after if after else ''}")
        for group in page["data"]:
            entity = {record["id"]: record["external_id"].split("-")[1] for record in group["records"]}
            for pair in group["pairs"]:
                told += 1
                good += entity[pair["a"]] == entity[pair["b"]]
        after = page["next"]
    return good / max(1, told), good / (rows // 10)


def ask(service, made):
    times = []
    for row in random.Random(1).sample(made, 200):
        begun = time.monotonic()
        service.request("POST", "/api/v1/listings/duplicates", {field: row[field] for field in FIELDS[1:] if row[field]})
        times.append((time.monotonic() - begun) * 1000)
    return median(times), sorted(times)[int(len(times) * 0.99)]


def time_against_rows(work, table):
    first = None
    for rows in SIZES:
        folder = os.path.join(work, f"duplicates-{rows}")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        service = Service(folder, os.path.join(ROOT, "tests/plugins"), enable=["linkage"]).start()
        service.token = service.user("bench", "admin")
        made, rate = fill(service, rows)
        found = scan(service, rows)
        precision, recall = right_pairs(service, rows)
        middle, worst = ask(service, made)
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)
        first = first or found["cpu"]
        grown = found["cpu"] / first
        table.add("duplicates", f"scan of {rows:,} rows: {found['compared']:,} compared, {found['groups']:,} groups, "
                  f"{found['cut_blocks']:,} blocks cut; precision {precision:.4f}, recall {recall:.4f}",
                  f"{found['seconds']:.1f} s, {found['cpu']:.0f} µs a row; imported {rate:,.0f} rows/s; candidates of one p50 {middle:.1f} ms, p99 {worst:.1f} ms",
                  f"at {SIZES[0]:,}: {first:.0f} µs a row", "", f"{grown:.2f}×", "≤ 3×", met(grown <= 3))
