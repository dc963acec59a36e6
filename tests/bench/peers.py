"""P4 beside other event systems on the same machine: publishers that each wait for a durable answer, a consumer that
acknowledges each message. What each promises by then is in docs/benchmarks.md."""
import json
import os
import shutil
import socket
import subprocess
import time

from data import filled
from events import handled
from tools import ROUNDS, SECONDS, free_port, limit, median
from writes import parties

PUBLISHERS = 256
PAYLOAD_BYTES = 400  # about a POST's body with the entry that it makes


class Peer:
    """A server in a folder of its own, and a connection to set it up."""

    def __init__(self, work, name, words, config=None):
        self.folder = os.path.join(work, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.port = free_port()
        if config:
            with open(os.path.join(self.folder, "config"), "w", encoding="utf-8") as file:
                file.write(config(self))
        with open(os.path.join(self.folder, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(words(self), stdout=log, stderr=log)
        end = time.monotonic() + 30
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), 10)
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{name} does not start: see {self.folder}/log")
                time.sleep(0.05)

    def ask(self, text, until):
        """Sends, and reads until the answer holds this."""
        self.socket.sendall(text.encode())
        answer = b""
        while until.encode() not in answer:
            piece = self.socket.recv(65536)
            if not piece or b"-ERR" in piece:
                raise SystemExit(f"{text!r}: {answer + piece!r}")
            answer += piece
        return answer

    def stop(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)


def redis(work):
    """Each write is on disk before its answer (appendfsync always); writes that come together share one fsync."""
    peer = Peer(work, "redis", lambda peer: [
        "redis-server", "--port", str(peer.port), "--bind", "127.0.0.1", "--dir", peer.folder, "--save", "",
        "--appendonly", "yes", "--appendfsync", "always"])
    peer.ask("XGROUP CREATE bench g $ MKSTREAM\r\n", "+OK\r\n")
    return peer


def nats(work):
    """A file store. sync_interval (always) is younger than Debian's 2.9: there the answer comes before the fsync, which
    runs every two minutes."""
    def config(sync):
        return lambda peer: (f'listen: "127.0.0.1:{peer.port}"\njetstream {{ store_dir: "{peer.folder}/store"{sync} }}\n')

    def words(peer):
        return ["nats-server", "-c", os.path.join(peer.folder, "config")]
    probe = os.path.join(work, "nats-probe.conf")
    with open(probe, "w", encoding="utf-8") as file:
        file.write("jetstream { sync_interval: always }\n")
    durable = subprocess.run(["nats-server", "-t", "-c", probe], capture_output=True, check=False).returncode == 0
    peer = Peer(work, "nats", words, config(", sync_interval: always" if durable else ""))
    peer.durable = durable
    stream = json.dumps({"name": "BENCH", "subjects": ["bench.m"], "storage": "file"})
    consumer = json.dumps({"stream_name": "BENCH", "config": {
        "durable_name": "c", "ack_policy": "explicit", "max_ack_pending": 1000}})
    peer.ask('CONNECT {"verbose":false}\r\nSUB _S 1\r\nPING\r\n', "PONG")
    for subject, body in (("STREAM.CREATE.BENCH", stream), ("CONSUMER.DURABLE.CREATE.BENCH.c", consumer)):
        peer.ask(f"PUB $JS.API.{subject} _S {len(body)}\r\n{body}\r\n", '"created"')
    return peer


def beside_peers(work, table):
    service = filled(work, 10000)
    service.enable = ("bench_marks",)
    ours, theirs = [], {"redis": [], "nats": []}
    durable = True
    for _ in range(ROUNDS):
        service.start()
        parties(work, service)
        ours.append(handled(service))
        service.stop()
        for name, start in (("redis", redis), ("nats", nats)):
            peer = start(work)
            durable = getattr(peer, "durable", durable)
            theirs[name].append(limit("bench_peers", name, peer.port, PUBLISHERS, SECONDS, PAYLOAD_BYTES))
            peer.stop()
    rate = median(ours)
    promises = {"redis": "Redis Streams, appendfsync always",
                "nats": "NATS JetStream, sync_interval always" if durable else "NATS JetStream, fsync every 2 minutes"}
    for name, runs in theirs.items():
        their_rate = median(count / took for count, took, _ in runs)
        table.add("P4", f"the same beside {promises[name]}: {PUBLISHERS} publishers that wait, a consumer that acknowledges each",
                  f"{rate:,.0f}/s", f"{their_rate:,.0f}/s; p50 of a publish {median(run[2] for run in runs):.2f} ms",
                  f"{rate / their_rate:.2f}", "", "", "")
