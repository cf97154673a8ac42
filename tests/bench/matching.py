"""Matching: case match, the matcher alone in a process, and case m, what 100 000 subscriptions that
want none of it cost an event. Run by their names only; README.md tells how."""
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

# As in deploy/budstikke.service.
AS_DEPLOYED = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
NESTED, EVERYONE = 100000, (1000, 100000, 1000000)


def say(row):
    print(json.dumps(row), flush=True)
    return row


def lines(bench, core, name, *options, seconds=3600):
    """What a program of this folder printed, line by line."""
    command = ["taskset", "-c", core, str(bench.program(name)), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False,
                          env={**os.environ, **AS_DEPLOYED})
    assert done.returncode == 0, f"{name} {options}: {done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(bench, core, work, filters, *options):
    row = lines(bench, core, "match", "--work", work, "--filters", filters, "--passes",
                max(bench.repeat, 1), *options)[0]
    counted = lines(bench, core, "match_count", "--work", work, "--filters", filters,
                    "--events", min(row["events"], 20000))[0]
    for name in ("compared", "compared_most", "compared_per_match"):
        row[name] = counted[name]
    return say(row)


def case_match(bench, tools):
    """Every kind of work; the largest has `bench.filters` filters."""
    core = str(tools.OURS)
    wanted = [("w1", n) for n in (10000, 100000, 1000000)]
    wanted += [("w4a", NESTED), ("w4b", NESTED), ("w4c", NESTED)]
    wanted += [(f"w5-{kind}", n) for kind in ("empty", "type", "not") for n in EVERYONE]
    wanted += [("w7", 100000)]
    rows = [measure(bench, core, work, filters)
            for work, filters in wanted if filters <= bench.filters]
    largest = max(row["filters"] for row in rows if row["work"] == "w1")
    cores = ",".join(map(str, tools.CORES))
    churn = [say(row) for row in lines(
        bench, cores, "match_churn", "--work", "w1", "--filters", largest, "--readers",
        max(len(tools.CORES) - 1, 1), "--rounds", max(bench.repeat, 1))]
    print_table(rows)
    print_churn(churn)
    print_targets(rows, churn)


def number(value, digits=0):
    return f"{value:,.{digits}f}".replace(",", " ")


def print_columns(rows, columns):
    print("\n| work | filters | " + " | ".join(title for title, _, _ in columns) + " |")
    print("|---|" + "---|" * (len(columns) + 1))
    for row in rows:
        cells = [number(row["filters"])]
        cells += [number(row[name], digits) for _, name, digits in columns]
        print(f"| {row['work']} | " + " | ".join(cells) + " |")


def print_table(rows):
    print_columns(rows, [
        ("ns/event", "ns", 0), ("cold", "cold_ns", 0), ("hot", "hot_ns", 0), ("p99", "p99_ns", 0),
        ("matches/event", "matches", 2), ("compared/event", "compared", 2),
        ("compared/match", "compared_per_match", 2), ("ns/match", "ns_match", 1),
        ("linear ns/event", "linear_ns", 0), ("× linear", "times_linear", 0)])
    print_columns(rows, [
        ("scan ns", "event_ns", 0), ("index B", "index_bytes", 0), ("table B", "table_bytes", 0),
        ("record B", "record_bytes", 0), ("RSS B", "resident_bytes", 0),
        ("read/s", "parsed_per_s", 0), ("built/s", "built_per_s", 0)])


def print_churn(churn):
    print("\n| w6: changes/s | made/s | CPU ns/event | ns/event by the clock | p99.9 "
          "| longest ms | longest apply ms, CPU | ns/change |")
    print("|---|---|---|---|---|---|---|---|")
    for row in churn:
        print(f"| {number(row['changes_per_s'])} | {number(row['made_per_s'])} | "
              f"{number(row['ns'])} | {number(row['wall_ns'])} | {number(row['p999_ns'])} | "
              f"{row['longest_ns'] / 1e6:.2f} | "
              f"{row['longest_apply_ns'] / 1e6:.3f} | {number(row['change_ns'])} |")


def print_targets(rows, churn):
    by = {(row["work"], row["filters"]): row for row in rows}
    small, large = by.get(("w1", 10000)), by.get(("w1", 1000000))
    print("\n| target | measured | wanted |\n|---|---|---|")
    if large:
        print(f"| w1 at 1 M: ns per event | {number(large['ns'])} | ≤ 1 000, goal 500 |")
        print(f"| w1: 1 M against 10 k | {large['ns'] / small['ns']:.2f} | ≤ 2.5 |")
        print(f"| w1 at 1 M: × linear evaluator | {number(large['times_linear'])} | ≥ 2 000 |")
        print(f"| w1 at 1 M: filters built per second | {number(large['built_per_s'])} "
              "| ≥ 500 000 |")
        print(f"| w1 at 1 M: index bytes per filter | {number(large['index_bytes'])} | ≤ 100 |")
        print(f"| w1 at 1 M: RSS bytes per subscription | {number(large['resident_bytes'])} "
              "| ≤ 1 024 |")
    still = churn[0]
    for row in churn:
        if row["changes_per_s"] == 10000:
            lost = 100 * (1 - still["wall_ns"] / row["wall_ns"])
            cpu = 100 * (row["ns"] / still["ns"] - 1)
            print(f"| readers' loss at 10 000 changes a second, % | {lost:.1f} | < 5 |")
            print(f"| of it more CPU per event, % | {cpu:.1f} | |")


# Case m.

RESOURCE = "urn:altinn:resource:app_skd_sirius-skattemelding-v1"  # the load's


def nobody(n):
    """Filters of the shapes that Altinn has, for the load's resource and type, and parties that
    none of its events is about."""
    party = f"/party/nobody-{n}"
    if n % 10 < 6:
        return [{"exact": {"resource": RESOURCE, "subject": party}}]
    if n % 10 < 9:
        return [{"exact": {"resource": RESOURCE, "subject": party,
                           "type": "dialogporten.dialog.updated.v1"}}]
    return [{"exact": {"resource": RESOURCE, "subject": party}},
            {"prefix": {"source": "https://platform.example.no/dialogporten/"}}]


def subscribe_others(node, sink, count, threads=8):
    def work(first):
        api = node.api(60)
        for n in range(first, count, threads):
            api.subscribe(f"http://127.0.0.1:{sink.port}/other/{n}", filters=nobody(n))
    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


class Side:
    """A server with one endpoint that gets everything, and `others` that get nothing."""

    def __init__(self, bench, tools, home, others):
        home.mkdir()
        self.bench, self.tools, self.tally = bench, tools, home / "tally"
        self.sink = tools.Sink(bench, tally=self.tally)
        self.server = tools.Server(bench, home, 1, self.sink)
        began = time.monotonic()
        subscribe_others(self.server.node, self.sink, others)
        self.subscribed_s = time.monotonic() - began
        self.runs = []
        self.received = 0
        self.load("warm", 1000)

    def load(self, name, count):
        """CPU µs an event of the program and of Redis."""
        options = ["--port", self.server.port, "--tally", str(self.tally), "--per-event", "1",
                   "--run", name, "--count", str(count), "--window", "100"]
        self.sink.ask("reset")
        self.tally.write_bytes(bytes(8))
        before = self.server.cpu()
        self.bench.run("load", self.tools.OTHERS, *options)
        self.tools.wait_received(self.sink, count)
        time.sleep(0.3)  # acks and attempt lines are part of the price
        return [(b - a) / count for a, b in zip(before, self.server.cpu())]

    def close(self):
        self.server.__exit__(None, None, None)
        self.sink.__exit__(None, None, None)


def case_m(bench, tools):
    """Case b 1 beside the same with 100 000 subscriptions that want none of it: two servers, in
    turn, so that both see the same neighbours."""
    with tempfile.TemporaryDirectory() as folder:
        alone = Side(bench, tools, Path(folder) / "alone", 0)
        beside = Side(bench, tools, Path(folder) / "beside", bench.others)
        sides = (alone, beside)
        for i in range(max(bench.repeat, 1)):
            for side in sides if i % 2 == 0 else reversed(sides):
                side.runs.append(side.load(f"run-{i}", bench.events))
        for name, side in (("m alone", alone), ("m beside", beside)):
            bench.say(name, cpu_us=statistics.median(run[0] for run in side.runs),
                      redis_cpu_us=statistics.median(run[1] for run in side.runs),
                      rss_mib=tools.peak_mib(side.server.node.pid),
                      subscribed_s=side.subscribed_s)
            side.close()
