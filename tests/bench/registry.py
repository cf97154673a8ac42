"""How a start loads the registry of subscriptions, and what each costs: case n. Run by its letter
only; README.md tells how."""
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from kit import Budstikke, PrivateRedis
from kit.redis import Redis

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
FEW = 1000  # of a start without many, whose memory is taken off


def rss_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def fill(bench, redis, count, sinks):
    done = subprocess.run([bench.program("registry_fill"), "--socket", redis.socket, "--key", KEY,
                           "--count", str(count), "--sinks", str(sinks)], capture_output=True,
                          text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_ready(node):
    try:
        with urllib.request.urlopen(node.admin + "/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_ready(node, seconds=300):
    end = time.monotonic() + seconds
    while not is_ready(node):
        assert time.monotonic() < end, node.tail()
        time.sleep(0.02)


def start(bench, tools, home, redis, seconds=300):
    """Seconds until it is ready, CPU seconds by then, resident bytes."""
    os.environ["BUDSTIKKE"] = str(bench.build / "src/app/budstikke")
    node = Budstikke(home, {"redis.url": redis.url, "secrets.key": KEY}, start=False)
    began = time.monotonic()
    node.start()
    wait_ready(node, seconds)
    took = time.monotonic() - began
    cpu = tools.process_cpu_us(node.pid) / 1e6
    time.sleep(1)
    said = {"seconds": took, "cpu_s": cpu, "rss": rss_bytes(node.pid),
            "peak": tools.peak_mib(node.pid)}
    node.stop()
    return said


def measure(bench, tools, name, sinks):
    with tempfile.TemporaryDirectory() as folder, \
            PrivateRedis(Path(folder) / "redis", "--appendonly", "no") as redis:
        start(bench, tools, Path(folder) / "new", redis)
        client = Redis(redis.socket)
        before = int(client("INFO", "memory").decode().split("used_memory:")[1].split()[0])
        filled = fill(bench, redis, FEW, sinks)
        few = start(bench, tools, Path(folder) / "few", redis)
        client("DEL", "bud:{s0}:subs:records", "bud:{s0}:subs:fingerprints", "bud:{s0}:subs:counts")
        filled = fill(bench, redis, bench.subscriptions, sinks)
        used = int(client("INFO", "memory").decode().split("used_memory:")[1].split()[0])
        many = start(bench, tools, Path(folder) / "many", redis)
        n = bench.subscriptions
        bench.say(name, subscriptions=n, ready_s=many["seconds"], few_ready_s=few["seconds"],
                  cpu_s=many["cpu_s"], bytes_each=(many["rss"] - few["rss"]) / (n - FEW),
                  rss_mib=many["peak"], redis_bytes_each=(used - before) / n,
                  record_bytes=filled["record_bytes"])


def case_n(bench, tools):
    """A start with many subscriptions of 2 000 sinks, then with as many sinks."""
    measure(bench, tools, "n sinks 2000", 2000)
    measure(bench, tools, "n sinks own", 0)
