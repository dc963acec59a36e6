"""P4: from a commit to the Lua handler whose own write is on disk."""
import http.client
import json
import os
import time

from data import filled
from tools import ROUNDS, median, met
from writes import parties, post


def handled_events(work, table):
    service = filled(work, 10000)
    rates, posts, latencies, commits = [], [], [], []
    for _ in range(ROUNDS):
        service.enable = ()
        service.start()
        parties(work, service)
        posts.append(post(service, 256)["rate"])
        service.stop()
        service.enable = ("bench_marks",)
        service.start()
        rates.append(handled(service))
        waited, committed = latency(service)
        latencies.append(waited)
        commits.append(committed)
        service.stop()
    rate, their_rate = median(rates), median(posts)
    waited = median(latencies) / median(commits)
    table.add("P4", "event → Lua handler → its write on disk, while POSTs come over 256 connections",
              f"{rate:,.0f}/s; p50 {median(latencies):.2f} ms = {waited:.1f} commits",
              f"P3 alone: {their_rate:,.0f}/s; a commit {median(commits):.2f} ms", f"{rate / their_rate:.2f}", "",
              "≥ 0.5, p50 ≤ 3 commits", met(rate / their_rate >= 0.5 and waited <= 3))


def handled(service):
    """Events a second, from the first POST until the last one's handler is done."""
    wait_idle(service)
    before = marks(service)
    begun = time.monotonic()
    requests = post(service, 256)["requests"]
    wait_idle(service)
    took = time.monotonic() - begun
    made = marks(service) - before
    if made < requests:
        raise SystemExit(f"{requests} deals, but only {made} marks")
    return made / took


def marks(service):
    return service.request("GET", "/api/v1/marks/aggregate?measure=count")["data"][0]["count"]


def wait_idle(service):
    end = time.monotonic() + 600
    while service.backlog() > 0:
        if time.monotonic() > end:
            raise SystemExit("the handlers do not come to an end")
        time.sleep(0.01)


def latency(service, times=200):
    """Medians in ms: from the answer to a POST until its mark is announced; of such a POST itself, which is a commit
    as a client sees it."""
    host = f"127.0.0.1:{service.port}"
    stream = http.client.HTTPConnection(host, timeout=60)
    headers = {"Authorization": f"Bearer {service.token}"}
    stream.request("GET", "/api/v1/events?pattern=mark.created", headers={**headers, "Accept": "text/event-stream"})
    events = stream.getresponse()
    client = http.client.HTTPConnection(host, timeout=60)
    with open(os.environ["BENCH_IDS"], encoding="utf-8") as file:
        body = json.dumps({"name": "One", "client": file.readline().split()[0]})
    waited, committed = [], []
    for _ in range(times):
        begun = time.monotonic()
        client.request("POST", "/api/v1/deals", body, {**headers, "Content-Type": "application/json"})
        client.getresponse().read()
        answered = time.monotonic()
        while not events.readline().startswith(b"data:"):
            pass
        waited.append(time.monotonic() - answered)
        committed.append(answered - begun)
    stream.close()
    client.close()
    return median(waited) * 1000, median(committed) * 1000
