"""What a page of events costs when millions are stored: case p; and what the index costs Redis when
events are published: case q. Run by their letters only; README.md tells how."""
import gc
import http.client
import os
import statistics
import tempfile
import time
from pathlib import Path

from kit import Budstikke, PrivateRedis, make_event

RESOURCE = "urn:altinn:resource:app_ttd_apps-test"
SUBJECTS = 1000
FILLER = 40  # events of about 330 bytes
# In a stream and in two indexes, measured, and some room.
BYTES_EACH = 330 + 100 + 2 * 150
CHUNK = 20000
PAGES = 2000

# Stores events as ingest does, without a network in between.
# KEYS: 16 streams, by:last, by:resource:..., by:subject:... of each subject
# ARGV: so many, number of the first, what stands before and behind it
FILL = """
local n, first, subjects = tonumber(ARGV[1]), tonumber(ARGV[2]), #KEYS - 18
local score = tonumber(redis.call('GET', KEYS[17]))
for i = first, first + n - 1 do
	local s = i % subjects
	local event = ARGV[3] .. i .. '","subject":"/party/' .. s .. ARGV[4]
	local id = redis.call('XADD', KEYS[1 + i % 16], '*', 'o', 'local', 'e', event)
	local member = string.format('%02d-', i % 16) .. id
	score = score + 1
	redis.call('ZADD', KEYS[18], score, member)
	redis.call('ZADD', KEYS[19 + s], score, member)
end
redis.call('SET', KEYS[17], string.format('%.0f', score))
"""


def free_bytes():
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    return 0


def index_keys(node, redis):
    """The names under which the node indexes, by publishing one event of each subject."""
    api, names, last = node.api(), [], set()
    for s in range(SUBJECTS):
        answer = api.publish(make_event(f"s{s}", resource=RESOURCE, subject=f"/party/{s}"))
        assert answer.status == 202, answer
        # The newest key is the one of this subject.
        if s == 0:
            last = set(redis("KEYS", "bud:{s0}:by:*:*"))
            names += sorted(last)
        else:
            now = set(redis("KEYS", "bud:{s0}:by:subject:*")) | set(names[:1])
            names += now - last
            last = now
    return names


def fill(redis, names, count, say):
    head, tail = make_event("@", resource=RESOURCE, filler=FILLER).decode().split('"@"', 1)
    head += '"'
    tail = '"' + tail
    streams = [f"bud:{{s0}}:p{i}:events" for i in range(16)]
    keys = [*streams, "bud:{s0}:by:last", *names]
    sha = redis("SCRIPT", "LOAD", FILL).decode()
    for stream in streams:  # nothing of this is for the dispatcher
        redis("XGROUP", "SETID", stream, "dispatch", f"{2 ** 63}-0")
    for first in range(0, count, CHUNK):
        n = min(CHUNK, count - first)
        redis("EVALSHA", sha, len(keys), *keys, n, first, head, tail)
        if first % (CHUNK * 50) == 0:
            say(first)
    for stream in streams:
        redis("XGROUP", "SETID", stream, "dispatch", "$")


class Reader:
    """One keep-alive connection; times from the request to the last byte."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.times_us, self.events = [], 0

    def page(self, path, size):
        began = time.perf_counter_ns()
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        self.times_us.append((time.perf_counter_ns() - began) / 1000)
        assert answer.status == 200, body[:300]
        n = body.count(b'"specversion"')
        assert n == size, f"{n} events, {size} wanted: {path}"
        self.events += n
        return answer.getheader("Link")[1:].partition(">")[0]


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def measure(bench, tools, node, redis_pid, name, step, **more):
    before = tools.process_cpu_us(node.pid), tools.process_cpu_us(redis_pid)
    reader = Reader(int(node.url.rsplit(":", 1)[1].rstrip("/")))
    gc.disable()  # its pauses are the client's own
    for i in range(PAGES):
        step(reader, i)
    gc.enable()
    after = tools.process_cpu_us(node.pid), tools.process_cpu_us(redis_pid)
    bench.say(name, cpu_us=(after[0] - before[0]) / PAGES,
              redis_cpu_us=(after[1] - before[1]) / PAGES,
              p50_us=percentile(reader.times_us, 0.5), p99_us=percentile(reader.times_us, 0.99),
              pages=PAGES, **more)


def case_p(bench, tools):
    """Pages of 50 by resource (all events are of one) and by subject, one reader."""
    os.environ["BUDSTIKKE"] = str(bench.build / "src/app/budstikke")
    fits = int(free_bytes() * 0.7 / BYTES_EACH)
    count = min(bench.indexed, fits)
    settings = {"pull.enabled": "yes", "pull.alternativesubject": "no", "workers": 1,
                "pull.resourceinstance": "no", "retention.memory_bytes": "512g"}
    with tempfile.TemporaryDirectory() as folder, \
            PrivateRedis(Path(folder) / "redis", "--appendonly", "no") as redis_server, \
            Budstikke(Path(folder) / "data", {**settings, "redis.url": redis_server.url}) as node:
        redis_pid = redis_server.process.pid
        tools.move(node.pid, tools.OURS)
        tools.move(redis_pid, tools.OTHERS)
        with tools_redis(redis_server) as redis:
            names = index_keys(node, redis)
            fill(redis, names, count, lambda n: print(f"filled {n}", flush=True))
            used = redis("INFO", "memory").decode().split("used_memory:")[1].split()[0]
        said = {"indexed": count + SUBJECTS, "wanted": bench.indexed, "redis_mib": int(used) >> 20}
        path = {"next": f"/events?resource={RESOURCE}&size=50"}

        def by_resource(reader, _):
            path["next"] = reader.page(path["next"], 50)

        def by_subject(reader, i):
            reader.page(f"/events?subject=/party/{i * 7919 % SUBJECTS}&size=50", 50)
        measure(bench, tools, node, redis_pid, "p resource", by_resource, **said)
        measure(bench, tools, node, redis_pid, "p subject", by_subject, **said)


def tools_redis(redis_server):
    from kit import Redis
    return Redis(redis_server.socket, 120)


def case_q(bench, tools):
    """Publish only, as case c, without and with the index (the load's events have three of its
    attributes), beside bare XADDs with as many ZADDs."""
    for index in (0, 3):
        with tempfile.TemporaryDirectory() as folder, \
                PrivateRedis(Path(folder) / "redis") as redis:
            tools.move(redis.process.pid, tools.OTHERS)
            options = ("--socket", str(redis.socket), "--index", str(index), "--count")
            bench.run("redis_loop", tools.OURS, *options, "2000")
            runs = [bench.run("redis_loop", tools.OURS, *options, str(bench.events))
                    for _ in range(bench.repeat)]
        bench.say(f"q bare {index}", redis_cpu_us=tools.median(runs, "redis_cpu_us"))
    for name, settings in (("q off", {}), ("q index", {"pull.enabled": "yes"})):
        runs = [tools.published(bench, settings) for _ in range(bench.repeat)]
        bench.say(name, **{key: statistics.median(run[key] for run in runs) for key in runs[0]})
