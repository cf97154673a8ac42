"""Runs the benchmark's cases and prints a JSON line for each, then the table with its ratios."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from kit import Budstikke, Issuer, Key, PrivateRedis, issuers_settings  # noqa: E402
import isolation  # noqa: E402
import matching  # noqa: E402
import pull  # noqa: E402
import registry  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
# The program under test has a core of its own; everything else shares the other.
OURS, OTHERS = CORES[0], CORES[-1]
RAW_TIMES_MAX = 4.0  # a limit loop dearer than this many raw clients is void


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)]


class Bench:
    def __init__(self, build, events, repeat):
        self.build, self.events, self.repeat = Path(build), events, repeat
        self.rows = {}

    def program(self, name):
        return self.build / "tests/bench" / f"bench_{name}"

    def run(self, name, core, *options):
        done = subprocess.run(pinned(core, [self.program(name), *options]), capture_output=True,
                              text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def say(self, case, **figures):
        row = {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}
        self.rows[case] = row
        print(json.dumps({"case": case, **row}), flush=True)


class Sink:
    def __init__(self, bench, spin=False, tally=None):
        command = [bench.program("sink"), "--spin", str(int(spin))]
        if tally:
            command += ["--tally", str(tally)]
        self.process = subprocess.Popen(pinned(OTHERS, command), stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().decode().split("=")[1])

    def ask(self, path="stats"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def process_cpu_us(pid):
    """Of all living threads, in nanoseconds where the kernel keeps them, else in ticks."""
    try:
        return sum(int(path.read_text(encoding="ascii").split()[0])
                   for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e3
    except FileNotFoundError:
        pass
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * 1e6 / TICKS_PER_S


def peak_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def move(pid, core):
    subprocess.run(["taskset", "-a", "-cp", str(core), str(pid)], check=True,
                   stdout=subprocess.DEVNULL)


class Server:
    """A fresh `budstikke serve` with its embedded Redis on the other core."""

    def __init__(self, bench, home, endpoints, sink, settings=None):
        os.environ["BUDSTIKKE"] = str(bench.build / "src/app/budstikke")
        os.environ["BUD_TEST_WRAPPER"] = f"taskset -c {OURS}"
        # All sinks are on one host here; the breaker and the schedule are the program's own.
        self.node = Budstikke(home / "data", {
            "delivery.timeout_ms": 15000, "delivery.host_max": 0, "delivery.breaker_open_s": 30,
            "delivery.retry_schedule_s":
                "5,30,120,600,1800,3600,10800,21600,43200,43200", **(settings or {})})
        self.redis = self.node.redis_pid()
        move(self.redis, OTHERS)
        self.port = self.node.url.rsplit(":", 1)[1].rstrip("/")
        api = self.node.api()
        for i in range(endpoints):
            api.subscribe(f"http://127.0.0.1:{sink.port}/{i}")

    def cpu(self):
        return process_cpu_us(self.node.pid), process_cpu_us(self.redis)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.node.__exit__(kind, *rest)


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def case_a(bench):
    """The limit loop and the raw client against the same sink."""
    count = 3 * bench.events
    with Sink(bench) as sink:
        options = ("--port", str(sink.port), "--count", str(count))
        bench.run("limit", OURS, "--port", str(sink.port), "--count", "5000")
        limits, raws = [], []
        for _ in range(bench.repeat):  # in turn, so that both see the same neighbours
            limits.append(bench.run("limit", OURS, *options))
            raws.append(bench.run("raw_client", OURS, *options))
    limit, raw = median(limits, "cpu_us"), median(raws, "cpu_us")
    bench.say("a limit", cpu_us=limit, per_s=median(limits, "per_s"), curl=limits[0]["curl"],
              times_raw=limit / raw, void=limit > RAW_TIMES_MAX * raw)
    bench.say("a raw", cpu_us=raw, per_s=median(raws, "per_s"))


def delivered(bench, endpoints, rate=0, events=None):
    """One run of publish -> receive on a fresh server."""
    events = events or bench.events
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        tally = home / "tally"
        with Sink(bench, tally=tally) as sink, Server(bench, home, endpoints, sink) as server:
            load = ["--port", server.port, "--tally", str(tally), "--per-event", str(endpoints)]
            # At most 64 in hand: an endpoint runs 16 and lets 100 wait, so nothing is parked.
            paced = ["--rate", str(rate), "--window", "1000000"] if rate else ["--window", "100"]
            bench.run("load", OTHERS, *load, "--run", "warm", "--count", "1000", *paced)
            wait_received(sink, 1000 * endpoints)
            sink.ask("reset")
            tally.write_bytes(bytes(8))
            before, began = server.cpu(), time.monotonic()
            said = bench.run("load", OTHERS, *load, "--run", "run", "--count", str(events), *paced)
            stats = wait_received(sink, events * endpoints)
            seconds = time.monotonic() - began
            time.sleep(0.3)  # acks and attempt lines are part of the price
            after = server.cpu()
            metrics = server.node.metrics()
            return {"cpu_us": (after[0] - before[0]) / events,
                    "redis_cpu_us": (after[1] - before[1]) / events,
                    "per_s": events / seconds, "p50_us": stats["p50_us"],
                    "p99_us": stats["p99_us"], "publish_p99_us": said["p99_us"],
                    "rss_mib": peak_mib(server.node.pid), "redis_mib": peak_mib(server.redis),
                    "parked": metrics["budstikke_deliveries_parked_total"]}


def wait_received(sink, count, seconds=60):
    end = time.monotonic() + seconds
    while True:
        stats = sink.ask()
        if stats["received"] >= count:
            return stats
        assert time.monotonic() < end, f"{stats['received']} of {count} received"
        time.sleep(0.02)


def case_b(bench):
    """Publish -> receive at 1, 4 and 10 matching endpoints."""
    for endpoints in (1, 4, 10):
        runs = [delivered(bench, endpoints) for _ in range(bench.repeat)]
        bench.say(f"b {endpoints}", **{key: median(runs, key) for key in runs[0]})


def published(bench, settings=None, *options):
    """One run of publishing alone on a fresh server: nobody subscribes."""
    with tempfile.TemporaryDirectory() as folder, Sink(bench) as sink, \
            Server(bench, Path(folder), 0, sink, settings) as server:
        load = ("--port", server.port, *options)
        bench.run("load", OTHERS, *load, "--run", "warm", "--count", "2000")
        before = server.cpu()
        said = bench.run("load", OTHERS, *load, "--run", "run", "--count", str(bench.events))
        time.sleep(0.3)
        after = server.cpu()
        return {"cpu_us": (after[0] - before[0]) / bench.events,
                "redis_cpu_us": (after[1] - before[1]) / bench.events,
                "per_s": said["per_s"], "p50_us": said["p50_us"],
                "p99_us": said["p99_us"], "rss_mib": peak_mib(server.node.pid)}


def case_c(bench):
    """Publish only: nobody subscribes."""
    runs = [published(bench) for _ in range(bench.repeat)]
    bench.say("c publish", **{key: median(runs, key) for key in runs[0]})


def case_t(bench):
    """Case c without authentication and with a token of an issuer, in turn."""
    runs = {"t none": [], "t token": []}
    with tempfile.TemporaryDirectory() as folder, Issuer(Key("bench")) as issuer:
        trusted = issuers_settings(Path(folder), issuer.entry())
        token = issuer.token(scope="events:publish", **{"urn:altinn:org": "ttd"})
        for _ in range(bench.repeat):
            runs["t none"].append(published(bench))
            runs["t token"].append(published(bench, trusted, "--token", token))
    for name, measured in runs.items():
        bench.say(name, **{key: median(measured, key) for key in measured[0]})


def case_d(bench):
    """Latency at half load, from publish to receipt, beside a bare push at the same rate."""
    if "b 1" not in bench.rows:
        runs = [delivered(bench, 1)]
        bench.say("b 1", **runs[0])
    rate = int(bench.rows["b 1"]["per_s"] / 2)
    events = min(bench.events, 5 * rate)
    runs = [delivered(bench, 1, rate, events) for _ in range(bench.repeat)]
    bench.say("d half load", rate=rate, **{key: median(runs, key) for key in runs[0]})
    pushes = []
    for _ in range(bench.repeat):
        with Sink(bench) as sink:
            bench.run("limit", OURS, "--port", str(sink.port), "--count", str(events),
                      "--rate", str(rate))
            pushes.append(sink.ask())
    bench.say("d bare push", rate=rate, p50_us=median(pushes, "p50_us"),
              p99_us=median(pushes, "p99_us"))


def case_e(bench):
    """The bare Redis loop."""
    with tempfile.TemporaryDirectory() as folder, PrivateRedis(Path(folder) / "redis") as redis:
        move(redis.process.pid, OTHERS)
        options = ("--socket", str(redis.socket), "--count", str(bench.events))
        bench.run("redis_loop", OURS, "--socket", str(redis.socket), "--count", "2000")
        runs = [bench.run("redis_loop", OURS, *options) for _ in range(bench.repeat)]
    bench.say("e redis", redis_cpu_us=median(runs, "redis_cpu_us"), per_s=median(runs, "per_s"))


def ratios(rows):
    """(what, value, target), for what was measured."""
    found = []

    def add(what, value, target):
        found.append((what, value, target))

    def has(*names):
        return all(name in rows for name in names)

    if has("a limit", "a raw"):
        add("limit loop / raw client (void above 4)", rows["a limit"]["times_raw"], 4)
    if has("a limit", "b 1"):
        add("one endpoint / limit", rows["b 1"]["cpu_us"] / rows["a limit"]["cpu_us"], 2.2)
    if has("a limit", "b 1", "b 10"):
        further = (rows["b 10"]["cpu_us"] - rows["b 1"]["cpu_us"]) / 9
        add("each further endpoint / limit", further / rows["a limit"]["cpu_us"], 1.3)
    if has("e redis", "b 1"):
        add("Redis, one endpoint / bare Redis loop",
            rows["b 1"]["redis_cpu_us"] / rows["e redis"]["redis_cpu_us"], 1.5)
    for name, bare in (("q off", "q bare 0"), ("q index", "q bare 3")):
        if has(name):
            add(f"Redis, {name} / {bare}",
                rows[name]["redis_cpu_us"] / rows[bare]["redis_cpu_us"], 1.5)
    if has("t none", "t token"):
        add("publishing with a token / without", rows["t token"]["cpu_us"] /
            rows["t none"]["cpu_us"], 1.03)
    if has("m alone", "m beside"):
        add("CPU beside 100 000 subscriptions / alone",
            rows["m beside"]["cpu_us"] / rows["m alone"]["cpu_us"], 1.05)
    for name in ("p resource", "p subject"):
        if has(name):
            add(f"p99 of a page of 50, {name} (µs)", rows[name]["p99_us"], 2000)
    if has("d half load", "d bare push"):
        add("p99 at half load / bare push",
            rows["d half load"]["p99_us"] / rows["d bare push"]["p99_us"], 10)
    return found


def table(rows):
    columns = ["cpu_us", "redis_cpu_us", "per_s", "p50_us", "p99_us", "rss_mib"]
    titles = ["CPU µs/event", "Redis µs/event", "events/s", "p50 µs", "p99 µs", "peak MiB"]
    print("\n| case | " + " | ".join(titles) + " |\n|---|" + "---|" * len(columns))
    for case, row in rows.items():
        cells = []
        for column in columns:
            value = row.get(column)
            digits = 1 if column in ("cpu_us", "redis_cpu_us") else 0
            cells.append("" if value is None else f"{value:,.{digits}f}".replace(",", " "))
        print(f"| {case} | " + " | ".join(cells) + " |")
    print("\n| ratio | measured | target |\n|---|---|---|")
    for what, value, target in ratios(rows):
        print(f"| {what} | {value:.2f} | ≤ {target} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--events", type=int, default=20000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dead", type=int, default=10000, help="dead endpoints of case f")
    parser.add_argument("--flood", type=int, default=200, help="events a second for them")
    parser.add_argument("--herd", type=int, default=1000000, help="parked deliveries of case g")
    parser.add_argument("--indexed", type=int, default=10000000, help="events of case p")
    parser.add_argument("--filters", type=int, default=1000000, help="at most, of case match")
    parser.add_argument("--others", type=int, default=100000, help="subscriptions of case m")
    parser.add_argument("--subscriptions", type=int, default=1000000, help="those of case n")
    parser.add_argument("cases", nargs="*", default=list("abcde"))
    options = parser.parse_intermixed_args()
    bench = Bench(ROOT / options.build, options.events, options.repeat)
    bench.dead, bench.flood, bench.herd = options.dead, options.flood, options.herd
    bench.indexed, bench.subscriptions = options.indexed, options.subscriptions
    bench.filters, bench.others = options.filters, options.others
    cases = {"a": case_a, "b": case_b, "c": case_c, "d": case_d, "e": case_e,
             "f": lambda b: isolation.case_f(b, sys.modules[__name__]),
             "g": lambda b: isolation.case_g(b, sys.modules[__name__]),
             "h": lambda b: isolation.case_h(b, sys.modules[__name__]),
             "m": lambda b: matching.case_m(b, sys.modules[__name__]),
             "match": lambda b: matching.case_match(b, sys.modules[__name__]),
             "n": lambda b: registry.case_n(b, sys.modules[__name__]),
             "p": lambda b: pull.case_p(b, sys.modules[__name__]),
             "t": case_t,
             "q": lambda b: pull.case_q(b, sys.modules[__name__])}
    if len(CORES) < 2:
        print("only one core: rates and latencies mean little", file=sys.stderr)
    for case in options.cases or "abcde":
        cases[case](bench)
    if bench.rows:
        table(bench.rows)


if __name__ == "__main__":
    main()
