"""P5: a million runs that wait, their size on the disk and in memory, the restart, waking one; steps a second; and the
same five steps in DBOS on PostgreSQL and in Restate (P5-peers, flow_peers.py)."""
import os
import shutil
import time

from tools import Service, anonymous_mb, median, met

WAITING = int(os.environ.get("BENCH_WAITING", "1000000"))
FLOWS = int(os.environ.get("BENCH_FLOWS", "20000"))
BATCH = 1000  # runs that one unit starts


class Flows:
    """A service with the plugin of flows, in a folder of its own."""

    def __init__(self, work, name):
        self.folder = os.path.join(work, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.service = Service(self.folder, enable=("bench_flows",)).start()
        self.service.token = self.service.user("bench", "admin")
        self.position = None

    def start(self, flow, count):
        return self.service.request("POST", "/x/bench_flows/start", {"flow": flow, "count": count})

    def ended(self):
        """How many runs have ended since the last look."""
        count = 0
        while True:
            after = f"&after={self.position}" if self.position is not None else ""
            page = self.service.request("GET", f"/api/v1/events?limit=1000&pattern=flow.done{after}")
            count += len(page["data"])
            if page.get("next") is not None:
                self.position = page["next"]
            if len(page["data"]) < 1000:
                return count

    def run(self, flow, count):
        """Seconds from the first start until all have ended."""
        self.ended()
        begun = time.monotonic()
        for _ in range(count // BATCH):
            self.start(flow, BATCH)
        left = count - self.ended()
        while left > 0:
            left -= self.ended()
            time.sleep(0.002)
        return time.monotonic() - begun

    def one(self, flow):
        """Milliseconds from asking for one run until it has ended."""
        self.ended()
        begun = time.monotonic()
        self.start(flow, 1)
        while self.ended() == 0:
            pass
        return (time.monotonic() - begun) * 1000

    def stop(self):
        self.service.stop()


def disk_mb(folder):
    total = 0
    for place, _, names in os.walk(folder):
        total += sum(os.path.getsize(os.path.join(place, name)) for name in names)
    return total / 1e6


def waiting_runs(work, table):
    flows = Flows(work, "flows-waiting")
    begun = time.monotonic()
    for _ in range(WAITING // BATCH):
        last = flows.start("waiting", BATCH)
    wait_until_parked(flows)
    took = time.monotonic() - begun
    resident = anonymous_mb(flows.service.process.pid)
    latencies = [wake(flows, flows.start("waiting", 1)["last"]) for _ in range(50)]
    flows.stop()
    size = disk_mb(flows.folder)
    flows.service.start()
    restarted_ms = flows.service.started_ms
    woken = wake(flows, last["last"])
    after = anonymous_mb(flows.service.process.pid)
    flows.stop()
    table.add("P5", f"{WAITING:,} runs that wait: started {WAITING / took:,.0f}/s",
              f"disk {size:,.0f} MB with the log ({size * 1e6 / WAITING:,.0f} B a run); "
              f"anonymous {resident:,.0f} MB, {after:,.0f} MB after a restart of {restarted_ms:,.0f} ms; "
              f"woken and ended {median(latencies):.1f} ms, the first after the restart {woken:.1f} ms",
              "", "", "", "< 500 MB, < 200 MB, < 2 s", met(size < 500 and max(resident, after) < 200 and restarted_ms < 2000))


def wait_until_parked(flows):
    """Nothing more is written."""
    def written():
        metrics = flows.service.metrics()
        return sum(value for name, value in metrics.items() if "units" in name or "wal" in name or "rows" in name)
    before, quiet = -1, 0
    while quiet < 5:
        now = written()
        quiet = quiet + 1 if now == before else 0
        before = now
        time.sleep(0.3)


def wake(flows, run):
    flows.ended()
    begun = time.monotonic()
    flows.service.request("POST", "/x/bench_flows/go", {"run": run})
    while flows.ended() == 0:
        pass
    return (time.monotonic() - begun) * 1000


def steps(work, table):
    for flow, said in (("steps", "five steps in one turn"), ("calls", "five outside calls, each durable before the next")):
        flows = Flows(work, "flows-" + flow)
        flows.run(flow, BATCH)
        rates = [FLOWS / flows.run(flow, FLOWS) for _ in range(3)]
        single = [flows.one(flow) for _ in range(50)]
        flows.stop()
        rate = median(rates)
        table.add("P5", said, f"{rate:,.0f} flows/s = {rate * 5:,.0f} steps/s; one alone {median(single):.1f} ms", "", "", "",
                  "≥ 20,000 steps/s", met(rate * 5 >= 20000))


def durable_flows(work, table):
    steps(work, table)
    waiting_runs(work, table)
