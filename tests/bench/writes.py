"""P3: a record made and on disk. P6: rows imported from CSV."""
import os
import shutil

from data import COLUMNS, filled, write_deals
from tools import ROUNDS, SECONDS, cpu_seconds, limit, load, median, met, thread_seconds

HERE = os.path.dirname(os.path.abspath(__file__))


def parties(work, service):
    """Where post.lua finds ids of clients and owners."""
    clients = service.request("GET", "/api/v1/clients?limit=1000")["data"]
    owners = [user for user in service.request("GET", "/api/v1/users?limit=100")["data"] if user["name"].startswith("owner")]
    path = os.path.join(work, "parties")
    with open(path, "w", encoding="utf-8") as file:
        for i, client in enumerate(clients):
            file.write(f"{client['id']} {owners[i // 7 % len(owners)]['id']}\n")
    os.environ["BENCH_TOKEN"], os.environ["BENCH_IDS"] = service.token, path


def post(service, connections, seconds=SECONDS):
    """Load of POSTs; with the mean number of them in one commit, and the writer thread's part of the processor time."""
    before, writer = service.metrics(), thread_seconds(service.process.pid, "px-writer")
    figures = load([service.process.pid], service.url, connections, script=os.path.join(HERE, "post.lua"), seconds=seconds)
    after = service.metrics()
    figures["writer"] = (thread_seconds(service.process.pid, "px-writer") - writer) / max(1, figures["requests"]) * 1e6
    figures["group"] = ((after["proxenos_store_units_total"] - before["proxenos_store_units_total"])
                        / max(1, after["proxenos_store_groups_total"] - before["proxenos_store_groups_total"]))
    return figures


def durable_post(work, table):
    service = filled(work, 100000).start()
    parties(work, service)
    post(service, 256, 1)  # rows for the limit program to repeat
    service.stop()
    copy = os.path.join(work, "insert.db")
    shutil.copyfile(os.path.join(service.folder, "proxenos.db"), copy)
    service.start()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(post(service, 256))
        theirs.append(limit("bench_insert", copy, SECONDS, max(1, round(ours[-1]["group"]))))
    service.stop()
    remove_database(copy)
    rate, their_rate = median(x["rate"] for x in ours), median(x[0] for x in theirs)
    cpu, their_cpu = median(x["cpu"] for x in ours), median(x[1] for x in theirs)
    writer = median(x["writer"] for x in ours)
    table.add("P3", "durable POST, 256 connections",
              f"{rate:,.0f}/s, {cpu:.1f} µs (the writer {writer:.1f}), p50 {median(x['p50'] for x in ours):.1f} ms, p99 {median(x['p99'] for x in ours):.0f} ms",
              f"bare SQLite, groups of {median(x['group'] for x in ours):.0f}: {their_rate:,.0f}/s, {their_cpu:.1f} µs",
              f"{rate / their_rate:.2f}", f"{their_cpu / cpu:.2f} (the writer {their_cpu / writer:.2f})", "≥ 0.6", met(rate / their_rate >= 0.6))


def import_rows(work, table):
    service = filled(work, 100000).start()
    parties(work, service)
    post(service, 64, 1)
    service.stop()
    copy = os.path.join(work, "insert.db")
    shutil.copyfile(os.path.join(service.folder, "proxenos.db"), copy)
    service.start()
    rows, batch = 30000, 256
    path = os.path.join(work, "import.csv")
    ours, theirs, cpus = [], [], []
    first = 10000000 + service.request("GET", "/api/v1/deals?limit=1&count=exact")["count"]
    for i in range(ROUNDS):
        write_deals(path, first + i * rows, rows)
        before = cpu_seconds([service.process.pid])
        ours.append(rows / service.import_file("deal", path, COLUMNS))
        cpus.append((cpu_seconds([service.process.pid]) - before) / rows * 1e6)
        theirs.append(limit("bench_insert", copy, SECONDS, batch))
    service.stop()
    os.remove(path)
    remove_database(copy)
    rate, their_rate = median(ours), median(x[0] for x in theirs)
    cpu, their_cpu = median(cpus), median(x[1] for x in theirs)
    table.add("P6", f"import of {rows:,} CSV rows: validation, two references by name, log", f"{rate:,.0f} rows/s, {cpu:.0f} µs",
              f"bare SQLite, groups of {batch}: {their_rate:,.0f} rows/s, {their_cpu:.1f} µs", f"{rate / their_rate:.2f}",
              f"{their_cpu / cpu:.2f}", "≥ 5,000 rows/s",
              met(rate >= 5000))


def remove_database(path):
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(path + ending):
            os.remove(path + ending)
