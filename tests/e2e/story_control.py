"""What the control thread does while others work: following changes, being asked, watching."""
import http.client
import threading
import time

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, Receiver, check, folder, make_event,
                 patience, scaled, wait_until)


def story_steady_changes():
    """Subscriptions that are created without a pause do not hold up deliveries."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"), types=["wanted"])
        stopping = threading.Event()

        def create():
            own = node.api()
            for i in range(10000):
                if stopping.is_set():
                    return
                own.subscribe(receiver.sink(f"s{i}"), types=[f"t{i}"])
                time.sleep(0.02)

        creator = threading.Thread(target=create, daemon=True)
        creator.start()
        time.sleep(2.5)
        late = []
        for i in range(20):
            began = time.monotonic()
            assert api.publish(make_event(f"e{i}", "wanted")).status == 202
            wait_until(lambda: len(receiver.ids("a")) > i, f"event {i} during changes", 20)
            late.append(time.monotonic() - began)
        stopping.set()
        creator.join()
        assert max(late) < patience(1), f"deliveries waited: {late}"


def story_metrics_while_stopping():
    """Whoever asks for figures while the node stops gets them or no connection, and the node ends
    well."""
    with folder() as home, Budstikke(home / "data", {"workers": 4}) as node:
        stopping = threading.Event()

        def ask():
            while not stopping.is_set():
                try:
                    node.metrics()
                except (OSError, http.client.HTTPException):
                    time.sleep(0.001)

        askers = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
        for asker in askers:
            asker.start()
        time.sleep(0.3)
        assert node.stop() == 0, node.tail()
        stopping.set()
        for asker in askers:
            asker.join()
        assert not node.faults(), node.tail()


def story_redis_away_from_both():
    """Redis is gone for longer than a node may be silent. No node is dead, so none takes over."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver, \
            Budstikke(home / "a", {"redis.url": redis.url}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url}) as b:
        a.api().subscribe(receiver.sink("a"))
        Publisher(ledger, lambda: a.url, "before").start(limit=scaled(100, 20)).join()
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 30)
        for _ in range(2):
            redis.kill()
            time.sleep(18)
            redis.start()
            time.sleep(8)
        Publisher(ledger, lambda: b.url, "after").start(limit=scaled(100, 20)).join()
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 60)
        overs = [n.metric("take_overs_total") for n in (a, b)]
        assert overs == [0, 0], f"the living were taken for dead: {overs}"
        check(ledger, receiver, {"a": lambda entry: True}).must_be_clean()
