"""kill -9 loses nothing that was answered 202, and repeats only what was un-acked."""
import contextlib
import os
import signal
import time

from kit import Budstikke, Load, folder, kill_embedded_redis, patience, scaled, wait_until

HAND_EVENTS_MAX = 1024  # BUD_HAND_EVENTS_MAX of each worker
WORKERS = 2
SETTLES_S = 0.5  # what it lives at least: enough for what was pending often


def story_dispatcher():
    """The dispatcher is killed 20 times under load."""
    with folder() as home, Load() as load, \
            Budstikke(home / "data", {"workers": WORKERS}) as node:
        load.subscribe(node)
        load.publish(lambda: node.url)

        def recover():
            """A node that never lives long enough to settle anything would count its events out as
            poison, and rightly so."""
            node.start()
            before, began = len(load.receiver.pairs), time.monotonic()
            wait_until(lambda: len(load.receiver.pairs) >= before + 50, "deliveries again", 30)
            wait_until(lambda: time.monotonic() - began >= patience(SETTLES_S), "its time", 30)
        load.kill_often(scaled(20, 3), node.kill, recover)
        with node.redis() as redis:
            poison = redis("ZRANGE", "bud:{s0}:dead:-", 0, -1)
            assert not poison, f"counted out: {poison}"
        report = load.finish()
        load.duplicates_must_be_near_kills(report)
        bound = len(load.kills) * WORKERS * HAND_EVENTS_MAX * len(load.paths)
        assert len(report.duplicates) <= bound, report
        node.wait_settled()


def story_redis():
    """The embedded redis-server is killed 10 times under load; the dispatcher brings it back."""
    with folder() as home, Load() as load, \
            Budstikke(home / "data", {"workers": WORKERS}) as node:
        load.subscribe(node)
        load.publish(lambda: node.url)

        def recover():
            node.redis_pid()  # answers to what was sent before the kill are no recovery
            wait_until(lambda: node.metric("redis_up") == 1, "redis_up 1", 30, 0.1)
            before = load.ledger.accepted_count
            wait_until(lambda: load.ledger.accepted_count > before,
                       "no 202 after redis-server was killed", 30)
        load.kill_often(scaled(10, 2), lambda: kill_embedded_redis(node), recover)
        assert node.process.poll() is None, "the dispatcher ended, too"
        load.finish()
        node.wait_settled()
        assert node.metric("redis_restarts_total") >= len(load.kills)


def story_both():
    """Dispatcher and redis-server die together, as when the machine does."""
    with folder() as home, Load() as load, Budstikke(home / "data") as node:
        load.subscribe(node)
        load.publish(lambda: node.url)

        def kill():
            node.kill()
            for pid in node.find_redis():
                with contextlib.suppress(ProcessLookupError):  # it may end by itself meanwhile
                    os.kill(pid, signal.SIGKILL)
        load.kill_often(scaled(3), kill, node.start)
        load.finish()
        node.wait_settled()
