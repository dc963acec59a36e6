"""P7: from the start of the program until it is ready, and what memory it keeps when idle."""
import os
import shutil
import time

from reads import Nginx
from tools import ROOT, ROUNDS, Service, anonymous_mb, cpu_seconds, median, met

IDLE_S = 2


def cold_start(work, table):
    folder = os.path.join(work, "start")
    shutil.rmtree(folder, ignore_errors=True)
    plugins = os.path.join(ROOT, "plugins")
    names = sorted(name for name in os.listdir(plugins) if os.path.exists(os.path.join(plugins, name, "plugin.lua")))
    service = Service(folder, plugins=plugins, enable=names)
    service.start()
    service.stop()  # the first start makes tables
    started, cpu, memory, their_start, their_memory = [], [], [], [], []
    for _ in range(max(ROUNDS, 5)):
        service.start()
        started.append(service.started_ms)
        cpu.append(cpu_seconds([service.process.pid]) * 1000)
        time.sleep(IDLE_S)
        memory.append(anonymous_mb(service.process.pid))
        service.stop()
        nginx = Nginx(work, "{}")
        their_start.append(nginx.started_ms)
        their_memory.append(sum(anonymous_mb(pid) for pid in nginx.pids))
        nginx.stop()
    table.add("P7", f"cold start with {len(names)} plugins; anonymous memory when idle",
              f"{median(started):.0f} ms ({median(cpu):.0f} ms of processor time); {median(memory):.0f} MB",
              f"nginx with Lua: {median(their_start):.0f} ms; {median(their_memory):.0f} MB",
              f"{median(their_start) / median(started):.2f}", "", "< 200 ms; < 64 MB",
              met(median(started) < 200 and median(memory) < 64))
