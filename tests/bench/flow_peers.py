"""P5 beside other engines of durable flows, on the same machine in one run: five steps, each durable before the next, with
so many flows at once. What each keeps by then is in docs/benchmarks.md."""
import json
import os
import pwd
import shutil
import subprocess
import time
import urllib.request

from flows import BATCH, FLOWS, Flows
from tools import ROOT, ROUNDS, anonymous_mb, free_port, median

COUNT = int(os.environ.get("BENCH_PEER_FLOWS", "3000"))
PROGRAMS = os.path.join(ROOT, "tests/bench/flow_peers")
POSTGRES = "/usr/lib/postgresql/15/bin"


def node(program, **settings):
    """The figures that a peer's program prints last."""
    environment = {**os.environ, "COUNT": str(COUNT), **settings}
    out = subprocess.run(["node", "--no-deprecation", os.path.join(PROGRAMS, program)], env=environment, check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def as_postgres(words):
    """PostgreSQL refuses to run as root."""
    return words if os.getuid() != 0 else ["runuser", "-u", "postgres", "--", *words]


def tree_mb(pid):
    """Anonymous memory of a process and its children."""
    children = open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8").read().split()
    return anonymous_mb(pid) + sum(anonymous_mb(int(child)) for child in children)


def dbos(work):
    """DBOS with its settings as they come, on a PostgreSQL that fsyncs each commit."""
    folder, port = os.path.join(work, "postgres"), free_port()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        os.chmod(work, 0o755)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(as_postgres([f"{POSTGRES}/initdb", "-D", folder, "-A", "trust", "-U", "postgres"]), **quiet)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run(as_postgres([f"{POSTGRES}/pg_ctl", "-D", folder, "-o", options, "-l", f"{folder}/log", "-w", "start"]),
                   **quiet)
    try:
        figures = node("dbos.mjs", DATABASE=f"postgresql://postgres@127.0.0.1:{port}/bench")
        with open(os.path.join(folder, "postmaster.pid"), encoding="utf-8") as file:
            figures["mb"] += tree_mb(int(file.readline()))
        return figures
    finally:
        subprocess.run(as_postgres([f"{POSTGRES}/pg_ctl", "-D", folder, "-m", "fast", "-w", "stop"]), **quiet)
        shutil.rmtree(folder, ignore_errors=True)


def restate(work):
    """Restate's server with its settings as they come, the handler in a process of its own."""
    folder = os.path.join(work, "restate")
    shutil.rmtree(folder, ignore_errors=True)
    ports = [free_port() for _ in range(4)]
    environment = {**os.environ, "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ports[0]}",
                   "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ports[1]}", "RESTATE_BIND_ADDRESS": f"127.0.0.1:{ports[2]}"}
    server = os.path.join(PROGRAMS, "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server")
    with open(os.path.join(work, "restate.log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen([server, "--base-dir", folder, "--node-name", "bench"], env=environment, stdout=log,
                                   stderr=log)
    try:
        wait_healthy(f"http://127.0.0.1:{ports[1]}/health", process)
        figures = node("restate.mjs", ADMIN=f"http://127.0.0.1:{ports[1]}", INGRESS=f"http://127.0.0.1:{ports[0]}",
                       SERVICE_PORT=str(ports[3]))
        figures["mb"] += anonymous_mb(process.pid)
        return figures
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def wait_healthy(url, process):
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the server of Restate does not start") from None
            time.sleep(0.1)


def ours(work, flow):
    flows = Flows(work, "flows-" + flow)
    flows.run(flow, BATCH)
    count = max(BATCH, FLOWS // 2)
    rate = count / flows.run(flow, count)
    single = sorted(flows.one(flow) for _ in range(100))
    memory = anonymous_mb(flows.service.process.pid)
    flows.stop()
    return {"rate": rate, "step_p50": median(single) / 5, "step_p99": single[98] / 5, "mb": memory}


def beside_peers(work, table):
    if not os.path.isdir(os.path.join(PROGRAMS, "node_modules")):
        raise SystemExit("P5-peers: run scripts/setup bench first")
    kinds = {
        "five outside calls of ours": lambda: ours(work, "calls"),
        "five steps of ours in one turn": lambda: ours(work, "steps"),
        "DBOS on PostgreSQL 15": lambda: dbos(work),
        "Restate": lambda: restate(work),
    }
    found = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, measure in kinds.items():
            found[name].append(measure())
    base = median(one["rate"] for one in found["five outside calls of ours"])
    for name, rounds in found.items():
        part = {key: median(one[key] for one in rounds) for key in ("rate", "step_p50", "step_p99", "mb")}
        table.add("P5-peers", name, f"{part['rate']:,.0f} flows/s; a step p50 {part['step_p50']:.2f} ms, "
                  f"p99 {part['step_p99']:.2f} ms; {part['mb']:,.0f} MB", "", f"{base / part['rate']:.2f}", "", "", "")
