"""A receiver that is down, fails or is slow gets everything later; what is given up is listed."""
import time

from kit import (Budstikke, Ledger, Publisher, Receiver, Reply, check, folder, patience, scaled,
                 wait_until)

EVERYTHING = {"a": lambda entry: True}


def publish(node, ledger, count, prefix="e"):
    Publisher(ledger, lambda: node.url, prefix).start(limit=count).join()


def story_back_again():
    """Down while everything is published; then it gets all of it, once."""
    ledger = Ledger()
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        receiver.go_down()
        publish(node, ledger, scaled(1000))
        wait_until(lambda: node.metric("deliveries_parked_total") >= scaled(1000),
                   lambda: f"not all parked: {node.metrics()}", 30, 0.2)
        assert not receiver.deliveries
        receiver.go_up()
        node.wait_settled(90)
        report = check(ledger, receiver, EVERYTHING)
        report.must_be_clean()
        assert not report.duplicates, str(report)


def story_restart_while_down():
    """The dispatcher is stopped and started meanwhile: the lanes are durable."""
    ledger = Ledger()
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        receiver.go_down()
        publish(node, ledger, scaled(300))
        assert node.stop() == 0
        receiver.go_up()
        node.start()
        wait_until(lambda: len(receiver.pairs) >= scaled(300), "all arrive after the restart", 90)
        node.wait_settled()
        check(ledger, receiver, EVERYTHING).must_be_clean()


def story_errors_then_ok():
    """500, 503, closed connections and time-outs are tried again; the id stays, the signature is
    fresh."""
    seen = {}

    def answer(delivery):
        seen[delivery.id] = seen.get(delivery.id, 0) + 1
        kinds = [Reply(500), Reply(503), Reply(drop=True), Reply(hang=True), Reply(302)]
        if seen[delivery.id] == 1:
            return kinds[int(delivery.id.rsplit("-", 1)[1]) % len(kinds)]
        return None

    ledger = Ledger()
    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        subscription = node.api().subscribe(receiver.sink("a"), config={"timeout_ms": 1000})
        publish(node, ledger, 25)
        node.wait_settled(90)
        check(ledger, receiver, EVERYTHING).must_be_clean()
        by_id = {}
        for delivery in receiver.deliveries:
            by_id.setdefault(delivery.id, []).append(delivery)
        again = [d for d in by_id.values() if len(d) > 1]
        assert len(again) == 25, {k: len(v) for k, v in by_id.items()}
        for first, *_, last in again:
            assert first.webhook_id == last.webhook_id
            assert first.body == last.body
            if first.headers["webhook-timestamp"] != last.headers["webhook-timestamp"]:
                assert first.headers["webhook-signature"] != last.headers["webhook-signature"]
        attempts = node.api().get(f"/subscriptions/{subscription['id']}/attempts")
        assert attempts.status == 200 and b"500" in attempts.body, attempts


def story_dead_letters():
    """After the schedule's last attempt an event is listed among the dead letters, not lost."""
    ledger = Ledger()
    settings = {"delivery.retry_schedule_s": "1,1", "delivery.breaker_failures": 1000}
    with folder() as home, Receiver(lambda d: Reply(500)) as receiver, \
            Budstikke(home / "data", settings) as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"))
        publish(node, ledger, 5)
        wait_until(lambda: node.metric("deliveries_dead_total") >= 5,
                   lambda: f"not dead: {node.metrics()}", 30, 0.2)
        for key in ("e-0", "e-4"):
            tries = [d for d in receiver.deliveries if d.id == key]
            assert len(tries) == 3, f"{len(tries)} attempts, 1 and 2 more by the schedule"
        dead = api.get(f"/subscriptions/{subscription['id']}/dead")
        assert dead.status == 200, dead
        for i in range(5):
            assert f'"e-{i}"'.encode() in dead.body, dead
        parked = api.get(f"/subscriptions/{subscription['id']}/parked")
        assert parked.status == 200 and b'"e-0"' not in parked.body, parked


def story_slow_beside_fast():
    """One receiver that never answers does not hold back another."""
    ledger = Ledger()
    with folder() as home, \
            Receiver(lambda d: Reply(hang=True) if d.path == "slow" else None) as receiver, \
            Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("slow"), config={"timeout_ms": 3000})
        api.subscribe(receiver.sink("a"))
        began = time.monotonic()
        publish(node, ledger, scaled(500))
        wait_until(lambda: len(receiver.ids("a")) >= scaled(500), "the fast one gets all", 30)
        assert time.monotonic() - began < patience(30)


def story_slow_is_not_repeated():
    """An attempt that runs longer than its event is held in hand is parked under a lease, and not
    made again while it runs."""
    ledger = Ledger()
    with folder() as home, Receiver(lambda d: Reply(delay_s=5)) as receiver, \
            Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"), config={"timeout_ms": 20000})
        publish(node, ledger, 10)
        wait_until(lambda: node.metric("deliveries_parked_total") >= 10, "they are parked", 20, 0.1)
        node.wait_settled()
        report = check(ledger, receiver, EVERYTHING)
        report.must_be_clean()
        assert len(receiver.deliveries) == 10, f"{len(receiver.deliveries)} attempts for 10 events"
