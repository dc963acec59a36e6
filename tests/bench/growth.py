"""P9: what a list, a record and a write cost among a million rows, beside ten thousand."""
import os

from data import deal_ids, filled
from reads import HERE
from tools import ROUNDS, load, median, met
from writes import parties, post

LIST = "/api/v1/deals?limit=50&order=-updated_at&filter=stage[eq]:%22won%22"


def cost_of_growth(work, table):
    services = {rows: filled(work, rows).start() for rows in (10000, 1000000)}
    kinds = {"list of 50": page, "get": get, "write": write}
    figures = {name: {rows: [] for rows in services} for name in kinds}
    for name, kind in kinds.items():  # writes last: they make the small one larger
        for _ in range(ROUNDS):
            for rows, service in services.items():
                figures[name][rows].append(kind(work, service))
    for service in services.values():
        service.stop()
    for name, by_rows in figures.items():
        cpu = {rows: median(x["cpu"] for x in by_rows[rows]) for rows in by_rows}
        rate = {rows: median(x["rate"] for x in by_rows[rows]) for rows in by_rows}
        grown = cpu[1000000] / cpu[10000]
        slower = rate[10000] / rate[1000000]
        table.add("P9", f"{name}, 1,000,000 rows against 10,000", f"{rate[1000000]:,.0f}/s, {cpu[1000000]:.1f} µs",
                  f"at 10,000: {rate[10000]:,.0f}/s, {cpu[10000]:.1f} µs", f"{slower:.2f}×", f"{grown:.2f}×", "≤ 3×",
                  met(slower <= 3))


def page(_, service):
    return load([service.process.pid], service.url + LIST, 16, token=service.token)


def get(work, service):
    os.environ["BENCH_TOKEN"], os.environ["BENCH_IDS"] = service.token, os.path.join(work, "ids")
    with open(os.environ["BENCH_IDS"], "w", encoding="utf-8") as file:
        file.write("\n".join(deal_ids(service, 10000)) + "\n")
    return load([service.process.pid], service.url, 64, script=os.path.join(HERE, "get.lua"))


def write(work, service):
    parties(work, service)
    return post(service, 64)
