"""P1: one record. P2: a page of 50, filtered on a joined field, sorted, under row rights, of a million."""
import json
import os
import shutil
import subprocess
import time
import urllib.parse

from data import deal_ids, filled
from tools import LIMITS, ROUNDS, SECONDS, free_port, limit, load, median, met

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX = """daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log;
include /etc/nginx/modules-enabled/*.conf;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {work}/body; proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi; uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  init_by_lua_block {{ body = [==[{body}]==] }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; {headers} content_by_lua_block {{ ngx.print(body) }} }}
  }}
}}
"""


class Nginx:
    """One worker that sends these bytes for every request, from Lua."""

    def __init__(self, work, body):
        self.port = free_port()
        names = ("X-Request-Id 0sane2r9c0000", "X-Content-Type-Options nosniff", "Referrer-Policy no-referrer",
                 "Cache-Control no-store", "ETag '\"1\"'",
                 "Content-Security-Policy \"default-src 'none'; frame-ancestors 'none'\"")
        path = os.path.join(work, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(work=work, port=self.port, body=body,
                                    headers=" ".join(f"add_header {name};" for name in names)))
        begun = time.monotonic()
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", path])
        self.pids = [self.process.pid]
        while len(self.pids) < 2:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="utf-8") as file:
                self.pids = [self.process.pid] + [int(pid) for pid in file.read().split()]
            time.sleep(0.001)
        self.started_ms = (time.monotonic() - begun) * 1000

    def stop(self):
        self.process.terminate()
        self.process.wait()


def get_record(work, table):
    service = filled(work, 100000).start()
    ids = deal_ids(service, 10000)
    os.environ["BENCH_TOKEN"], os.environ["BENCH_IDS"] = service.token, os.path.join(work, "ids")
    with open(os.environ["BENCH_IDS"], "w", encoding="utf-8") as file:
        file.write("\n".join(ids) + "\n")
    body = json.dumps(service.request("GET", f"/api/v1/deals/{ids[0]}"), separators=(",", ":"))
    nginx = Nginx(work, body)
    script = os.path.join(HERE, "get.lua")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(load([service.process.pid], service.url, 64, script=script))
        theirs.append(load(nginx.pids, f"http://127.0.0.1:{nginx.port}", 64, script=script))
    nginx.stop()
    service.stop()
    rate, their_rate = median(x["rate"] for x in ours), median(x["rate"] for x in theirs)
    cpu, their_cpu = median(x["cpu"] for x in ours), median(x["cpu"] for x in theirs)
    table.add("P1", "GET of a record among 100,000, 64 connections",
              f"{rate:,.0f}/s, {cpu:.1f} µs, p99 {median(x['p99'] for x in ours):.1f} ms",
              f"nginx with Lua: {their_rate:,.0f}/s, {their_cpu:.1f} µs", f"{rate / their_rate:.2f}", f"{their_cpu / cpu:.2f}",
              "≥ 0.5", met(rate / their_rate >= 0.5))


def joined_page(work, table):
    service = filled(work, 1000000)
    copy = os.path.join(work, "page.db")
    shutil.copyfile(os.path.join(service.folder, "proxenos.db"), copy)
    service.start()
    owners = ",".join(str(id_number(text)) for text in service.team)
    query = urllib.parse.quote('client.industry[eq]:"industry 3"')
    path = f"/api/v1/deals?limit=50&order=-updated_at&filter={query}"
    check_same(service, path, copy, owners)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(load([service.process.pid], service.url + path, 16, token=service.reader))
        theirs.append(limit("bench_page", copy, SECONDS, 1, "industry 3", owners))
    service.stop()
    os.remove(copy)
    rate, their_rate = median(x["rate"] for x in ours), median(x[0] for x in theirs)
    cpu, their_cpu = median(x["cpu"] for x in ours), median(x[1] for x in theirs)
    p99 = median(x["p99"] for x in ours)
    table.add("P2", "page of 50 of 1,000,000, joined filter, sorted, team's rows, 16 connections",
              f"{rate:,.0f}/s, {cpu:,.0f} µs, p99 {p99:.1f} ms", f"bare SQLite: {their_rate:,.0f}/s, {their_cpu:,.0f} µs",
              f"{rate / their_rate:.2f}", f"{their_cpu / cpu:.2f}", "≥ 0.5, p99 ≤ 50 ms",
              met(rate / their_rate >= 0.5 and p99 <= 50))


def check_same(service, path, copy, owners):
    """The limit program prints what the service answers, record for record."""
    words = [os.path.join(LIMITS, "bench_page"), copy, "0", "1", "industry 3", owners]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if json.loads(printed + "}")["data"] != service.request("GET", path, token=service.reader)["data"]:
        raise SystemExit("the limit program's page is another one")


def id_number(text):
    number = 0
    for letter in text:
        number = number << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return number
