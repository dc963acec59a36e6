"""scripts/bench: the figures of docs/benchmarks.md. Each measurement and its limit take turns, so that a busy machine
slows both; the medians of the rounds are compared. The CPU ratio compares processor time per unit of work and hardly
minds other load."""
import os
import shutil
import sys
import tempfile

import duplicates
import events
import flow_peers
import flows
import growth
import health
import peers
import reads
import search
import start
import tools
import writes

CASES = {
    "P1": reads.get_record,
    "P2": reads.joined_page,
    "P3": writes.durable_post,
    "P4": events.handled_events,
    "P4-peers": peers.beside_peers,
    "P5": flows.durable_flows,
    "P5-peers": flow_peers.beside_peers,
    "P6": writes.import_rows,
    "P7": start.cold_start,
    "P9": growth.cost_of_growth,
    "search": search.beside_bare_fts5,
    "health": health.of_all_bonds,
    "today": health.of_a_manager,
    "duplicates": duplicates.time_against_rows,
}


def main():
    asked = sys.argv[1:] or list(CASES)
    unknown = [name for name in asked if name not in CASES]
    if unknown:
        raise SystemExit(f"scripts/bench: unknown {', '.join(unknown)} (there are {', '.join(CASES)})")
    keep = os.environ.get("BENCH_KEEP")
    work = keep or tempfile.mkdtemp(prefix="proxenos-bench-")
    os.makedirs(work, exist_ok=True)
    table = tools.Table()
    try:
        for name in asked:
            print(name, flush=True)
            CASES[name](work, table)
    finally:
        table.print()
        if not keep:
            shutil.rmtree(work, ignore_errors=True)


main()
