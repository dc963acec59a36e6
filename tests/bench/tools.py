"""What the measurements share: a service of one's own, load by wrk, processor time, tables."""
import atexit
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("PROXENOS_BUILD", os.path.join(ROOT, "build/release"))
PROGRAM = os.environ.get("PROXENOS_BIN", os.path.join(BUILD, "proxenos"))
LIMITS = os.path.join(BUILD, "tests/bench")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "3"))
TICKS = os.sysconf("SC_CLK_TCK")

median = statistics.median


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def thread_seconds(pid, name):
    """Processor time of a process's threads of this name."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as stat:
            comm, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        total += int(fields[11]) + int(fields[12]) if comm == name else 0
    return total / TICKS


def anonymous_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return int(re.search(r"^Anonymous:\s+(\d+)", rollup.read(), re.M).group(1)) / 1024


def limit(name, *arguments):
    """The figures that a limit program prints."""
    words = [os.path.join(LIMITS, name)] + [str(word) for word in arguments]
    return [float(word) for word in subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()]


class Service:
    """`proxenos serve` on a data folder, with an administrator's token."""

    def __init__(self, folder, plugins=os.path.join(ROOT, "tests/bench/plugins"), enable=()):
        self.folder, self.plugins, self.enable = folder, plugins, enable
        self.token = None

    def start(self):
        self.port = free_port()
        words = [PROGRAM, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}", "--plugins", self.plugins]
        for name in self.enable:
            words += ["--enable", name]
        begun = time.monotonic()
        with open(self.folder + ".log", "a") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        atexit.register(self.process.kill)  # whatever happens here, it does not stay behind
        self.url = f"http://127.0.0.1:{self.port}"
        while True:
            if self.process.poll() is not None or time.monotonic() > begun + 120:
                raise SystemExit(f"the service does not start: see {self.folder}.log")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    if b" 200 " in connection.recv(200):
                        break
            except OSError:
                pass
            time.sleep(0.001)
        self.started_ms = (time.monotonic() - begun) * 1000
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(120) != 0:
            raise SystemExit(f"the service did not stop well: see {self.folder}.log")

    def cli(self, *words):
        full = [PROGRAM, *words, "--data", self.folder]
        return subprocess.run(full, check=True, capture_output=True, text=True).stdout.strip()

    def user(self, name, role):
        self.cli("user", "add", name, "--role", role)
        return self.cli("token", "create", "--user", name)

    def request(self, method, path, body=None, token=None, kind="application/json"):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def import_file(self, kind, path, columns):
        """Imports a CSV file; the seconds from asking until done."""
        with open(path, "rb") as file:
            spooled = self.request("POST", "/api/v1/uploads", file.read(), kind="application/octet-stream")["file"]
        begun = time.monotonic()
        job = self.request("POST", "/api/v1/jobs", {
            "kind": "import", "object": kind, "file": spooled, "format": "csv", "map": {"columns": columns}})
        while True:
            shown = self.request("GET", f"/api/v1/jobs/{job['id']}")
            if shown["state"] not in ("waiting", "running"):
                break
            time.sleep(0.02)
        took = time.monotonic() - begun
        if shown["state"] != "done" or shown["counts"]["failed"] > 0:
            raise SystemExit(f"the import of {path} failed: {shown}")
        return took

    def metrics(self):
        with urllib.request.urlopen(self.url + "/metrics", timeout=60) as answer:
            rows = re.findall(r"^(proxenos_[^ ]+) (\S+)$", answer.read().decode(), re.M)
        return {name: float(value) for name, value in rows}

    def backlog(self):
        return sum(value for name, value in self.metrics().items() if name.startswith("proxenos_subscription_lag"))


def wrk(url, connections, script=None, token=None, seconds=SECONDS):
    """Load from one thread of wrk: requests a second, p50 and p99 in ms, failures, requests."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    if script:
        words += ["-s", script]
    if token:
        words += ["-H", f"Authorization: Bearer {token}"]
    out = subprocess.run(words + [url], check=True, capture_output=True, text=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    bad = int(failed.group(1)) if failed else 0
    bad += sum(int(number) for number in errors.groups()) if errors else 0
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
        "requests": int(re.search(r"(\d+) requests in", out).group(1)),
        "p50": milliseconds(re.search(r"^ +50% +(\S+)", out, re.M).group(1)),
        "p99": milliseconds(re.search(r"^ +99% +(\S+)", out, re.M).group(1)),
        "bad": bad,
    }


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def load(pids, *arguments, **options):
    """wrk, with the processor time of these processes per request in µs."""
    before = cpu_seconds(pids)
    figures = wrk(*arguments, **options)
    figures["cpu"] = (cpu_seconds(pids) - before) / max(1, figures["requests"]) * 1e6
    if figures["bad"] > 0:
        raise SystemExit(f"{figures['bad']} of {figures['requests']} requests failed: {arguments}")
    return figures


class Table:
    """Rows as they come, the whole at the end in Markdown."""

    HEAD = ("id", "what", "ours", "limit", "ratio", "CPU ratio", "goal", "met")

    def __init__(self):
        self.rows = []

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])
        print("  " + " | ".join(self.rows[-1]), flush=True)

    def print(self):
        print("\n| " + " | ".join(self.HEAD) + " |\n|" + "---|" * len(self.HEAD))
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def met(good):
    return "yes" if good else "NO"
