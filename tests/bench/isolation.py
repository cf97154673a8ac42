"""What 10 000 dead endpoints cost a healthy one, and what a million parked deliveries that are all
due at once cost fresh events: cases f and g, run by their letters only. README.md tells how."""
import json
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

HEALTHY_PER_S = 200
WINDOW_S = 5
WINDOWS = 5
WARM_PER_S = 2000  # events for the dead, until their breakers are open
SETTLING_S = 300  # at most, until the breakers of the dead are open


class Dead:
    """tests/receiver: its ports, and the counts of its paths."""

    def __init__(self, bench, pinned, core):
        command = pinned(core, [bench.build / "tests/receiver/test_receiver"])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = json.loads(self.process.stdout.readline())

    def sink(self, number):
        """A third each: a black hole, one that hangs, one that answers 500."""
        kind = number % 3
        if kind == 0:
            return f"http://127.0.0.1:{self.ports['hole']}/d/{number}"
        personality = "hang" if kind == 1 else "s/500"
        return f"http://127.0.0.1:{self.ports['http']}/{personality}/{number}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def subject(number):
    return f"urn:altinn:organization:identifier-no:99182{number:04d}"


def subscribe_each(node, sink, count, prefix, threads=8):
    """Each endpoint wants the load's events of one subject."""
    def work(first):
        api = node.api()
        for number in range(first, count, threads):
            api.subscribe(sink(number), config={"timeout_ms": 1000}, filters=[
                {"exact": {"subject": subject(number)}}, {"prefix": {"id": prefix}}])
    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def publish(bench, server, run, count, rate, core, connections=16, first=0,
            subjects=10000):
    return bench.run("load", core, "--port", server.port, "--run", run, "--count", str(count),
                     "--first", str(first), "--subjects", str(subjects), "--rate", str(rate),
                     "--window", "1000000",
                     "--connections", str(connections))


def windows(bench, server, sink, name, core):
    """p50 and p99 of the healthy one, window by window."""
    found = []
    for i in range(WINDOWS):
        sink.ask("reset")
        count = HEALTHY_PER_S * WINDOW_S
        publish(bench, server, f"ok-{name}{i}", count, HEALTHY_PER_S, core, 4)
        end = time.monotonic() + 60
        while sink.ask()["received"] < count:
            assert time.monotonic() < end, f"the healthy one got {sink.ask()} of {count}"
            time.sleep(0.02)
        found.append(sink.ask())
    return (statistics.median(w["p50_us"] for w in found),
            statistics.median(w["p99_us"] for w in found))


class Flood:
    """Events for the dead, at a rate, until told to stop."""

    def __init__(self, bench, server, rate, core, first=0, run="dead"):
        self.is_over = False
        self.published = first
        self.run = run
        self.thread = threading.Thread(target=self.work, args=(bench, server, rate, core))
        self.thread.start()

    def work(self, bench, server, rate, core):
        while not self.is_over:
            publish(bench, server, f"{self.run}-{self.published}", rate * 2, rate, core,
                    first=self.published)
            self.published += rate * 2

    def stop(self):
        self.is_over = True
        self.thread.join()


def case_f(bench, kit):
    """One healthy endpoint alone, then the same beside 10 000 dead ones."""
    with tempfile.TemporaryDirectory() as folder, kit.Sink(bench) as sink, \
            Dead(bench, kit.pinned, kit.OTHERS) as dead, \
            kit.Server(bench, Path(folder), 0, sink) as server:
        server.node.api().subscribe(f"http://127.0.0.1:{sink.port}/healthy",
                                    filters=[{"prefix": {"id": "ok-"}}])
        began = time.monotonic()
        subscribe_each(server.node, dead.sink, bench.dead, "dead-")
        subscribed_s = time.monotonic() - began
        publish(bench, server, "ok-warm", 1000, HEALTHY_PER_S, kit.OTHERS, 4)
        alone = windows(bench, server, sink, "a", kit.OTHERS)
        # The same load of events that nobody wants: what is left is what being dead costs.
        flood = Flood(bench, server, bench.flood, kit.OTHERS, run="none")
        busy = windows(bench, server, sink, "n", kit.OTHERS)
        flood.stop()
        flood = Flood(bench, server, bench.flood, kit.OTHERS)
        cold = windows(bench, server, sink, "c", kit.OTHERS)
        flood.stop()
        flood = Flood(bench, server, WARM_PER_S, kit.OTHERS, first=flood.published)
        settled_s = wait_open(server.node, 0.95 * bench.dead)
        flood.stop()
        time.sleep(5)
        cpu = server.cpu()
        flood = Flood(bench, server, bench.flood, kit.OTHERS, first=flood.published)
        first = flood.published
        beside = windows(bench, server, sink, "b", kit.OTHERS)
        flood.stop()
        used = [after - before for after, before in zip(server.cpu(), cpu)]
        metrics = server.node.metrics()
        bench.say("f isolation", dead=bench.dead, flood_per_s=bench.flood,
                  alone_p50_us=alone[0], alone_p99_us=alone[1],
                  busy_p50_us=busy[0], busy_p99_us=busy[1],
                  cold_p50_us=cold[0], cold_p99_us=cold[1],
                  beside_p50_us=beside[0], beside_p99_us=beside[1],
                  p50_moves_percent=100 * (beside[0] / busy[0] - 1),
                  p99_moves_percent=100 * (beside[1] / busy[1] - 1),
                  p99_moves_ms=(beside[1] - busy[1]) / 1000,
                  cpu_us=used[0] / (flood.published - first),
                  redis_cpu_us=used[1] / (flood.published - first),
                  subscribed_s=subscribed_s, settled_s=settled_s,
                  rss_mib=kit.peak_mib(server.node.pid),
                  parked=metrics["budstikke_deliveries_parked_total"],
                  lost=metrics["budstikke_events_lost_total"])


def wait_open(node, count):
    """The seconds it took."""
    began = time.monotonic()
    while node.metric("endpoints_open") < count:
        seconds = time.monotonic() - began
        assert seconds < SETTLING_S, f"{node.metric('endpoints_open')} of {count} are cut off"
        time.sleep(1)
    return time.monotonic() - began


def wait_metric(node, name, value, seconds):
    end = time.monotonic() + seconds
    while node.metric(name) < value:
        assert time.monotonic() < end, f"{name} is {node.metric(name)}, not {value}"
        time.sleep(0.5)


def case_g(bench, kit):
    """Parked while its subscription is paused, then all due at once; fresh events of another
    endpoint, and of the same one, are timed meanwhile."""
    with tempfile.TemporaryDirectory() as folder, kit.Sink(bench) as sink, \
            kit.Sink(bench) as herd, kit.Server(bench, Path(folder), 0, sink) as server:
        api = server.node.api(60)
        api.subscribe(f"http://127.0.0.1:{sink.port}/healthy",
                      filters=[{"prefix": {"id": "ok-"}}])
        paused = api.subscribe(f"http://127.0.0.1:{herd.port}/herd",
                               filters=[{"prefix": {"id": "herd-"}}])
        answer = api.request("POST", f"/subscriptions/{paused['id']}/pause")
        assert answer.status == 200, answer
        publish(bench, server, "herd", bench.herd, 0, kit.OTHERS, 64)
        wait_metric(server.node, "deliveries_parked_total", bench.herd, 600)
        alone = windows(bench, server, sink, "a", kit.OTHERS)
        before = kit.peak_mib(server.node.pid)
        # A connection of its own: the first one was idle for too long.
        answer = server.node.api(60).request("POST", f"/subscriptions/{paused['id']}/resume")
        assert answer.status == 200, answer
        began = time.monotonic()
        beside = windows(bench, server, sink, "b", kit.OTHERS)
        got = herd.ask()["received"]
        seconds = time.monotonic() - began
        bench.say("g herd", herd=bench.herd, alone_p50_us=alone[0], alone_p99_us=alone[1],
                  beside_p50_us=beside[0], beside_p99_us=beside[1], drained=got,
                  drained_per_s=got / seconds, rss_before_mib=before,
                  rss_mib=kit.peak_mib(server.node.pid))


def case_h(bench, kit):
    """Each event goes to one of 1, 1 000 and 10 000 healthy endpoints, in turn, a hundred at a
    time."""
    for endpoints in (1, 1000, 10000):
        with tempfile.TemporaryDirectory() as folder:
            tally = Path(folder) / "tally"
            with kit.Sink(bench, tally=tally) as sink, \
                    kit.Server(bench, Path(folder), 0, sink) as server:
                subscribe_each(server.node, lambda n: f"http://127.0.0.1:{sink.port}/{n}",
                               endpoints, "e-")
                # All of them twice, so that connections and receivers are there; then the run.
                case_h_run(bench, kit, server, sink, tally, endpoints, f"e-{endpoints}-warm")
                before = server.cpu()
                case_h_run(bench, kit, server, sink, tally, endpoints, f"e-{endpoints}-run")
                time.sleep(0.5)
                after, got = server.cpu(), sink.ask()
                bench.say(f"h {endpoints}", cpu_us=(after[0] - before[0]) / bench.events,
                          redis_cpu_us=(after[1] - before[1]) / bench.events,
                          p50_us=got["p50_us"], p99_us=got["p99_us"],
                          rss_mib=kit.peak_mib(server.node.pid))


def case_h_run(bench, kit, server, sink, tally, endpoints, run):
    sink.ask("reset")
    tally.write_bytes(bytes(8))
    bench.run("load", kit.OTHERS, "--port", server.port, "--run", run, "--count",
              str(bench.events), "--subjects", str(endpoints), "--tally", str(tally),
              "--window", "100")
    kit.wait_received(sink, bench.events)
