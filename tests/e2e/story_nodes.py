"""Two nodes on one Redis: what one answers holds on the other, and the living take over."""
from kit import (Budstikke, Ledger, Load, PrivateRedis, Receiver, check, folder, scaled,
                 wait_until)


def story_subscribe_then_publish():
    """A subscription answered 201 by one node gets what is published on the other right after."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver, \
            Budstikke(home / "a", {"redis.url": redis.url, "workers": 2}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url, "workers": 2}) as b:
        apis = [a.api(), b.api()]
        count = scaled(100, 20)
        for i in range(count):
            apis[i % 2].subscribe(receiver.sink(f"s{i}"), types=[f"t{i}"])
            answer = apis[(i + 1) % 2].publish(ledger.make(i, f"t{i}"))
            assert answer.status == 202, answer
            ledger.answer([("/stories", str(i))], "accepted")
        wait_until(lambda: len(receiver.pairs) >= count,
                   lambda: f"{len(receiver.pairs)} of {count} arrived", 30)
        a.wait_settled()
        wants = {f"s{i}": lambda e, kind=f"t{i}": e.kind == kind for i in range(count)}
        report = check(ledger, receiver, wants)
        report.must_be_clean()
        assert not report.duplicates, str(report)


def story_take_over():
    """One of two nodes is killed under load; the other finishes its work."""
    with folder() as home, PrivateRedis(home / "redis") as redis, Load() as load, \
            Budstikke(home / "a", {"redis.url": redis.url}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url}) as b:
        load.subscribe(a)
        load.publish(lambda: b.url)
        for _ in range(10):
            if load.kill(a.kill):
                break
            a.start()
        else:
            raise AssertionError("no kill found 50 events answered and not received")
        load.finish(90)
        wait_until(lambda: b.metric("take_overs_total") >= 1,
                   lambda: f"no take-over: {b.metrics()}", 40, 0.2)
        b.wait_settled()
        with redis.client() as client:
            for i in range(16):
                summary = client("XPENDING", f"bud:{{s0}}:p{i}:events", "dispatch")
                assert summary[0] == 0, f"partition {i} still has {summary}"


def story_a_breaker_holds_everywhere():
    """A receiver that one node has cut off is left alone by another, and after a restart."""
    import time
    from kit import Reply, make_event
    wishes = {"delivery.breaker_open_s": 60, "delivery.retry_schedule_s": "90,90", "workers": 1}
    published = []

    def publish(node, client, count):
        for _ in range(count):
            published.append(make_event(str(len(published))))
            assert node.api().publish(published[-1]).status == 202
        wait_until(lambda: sum(client("ZCARD", key) for key in client("KEYS", "*:parked:*"))
                   == len(published), "all are parked", 30)

    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Receiver(lambda d: Reply(500)) as receiver, redis.client() as client:
        settings = {"redis.url": redis.url, **wishes}
        with Budstikke(home / "a", settings) as a:
            a.api().subscribe(receiver.sink("a"))
            publish(a, client, 10)
            began = time.monotonic()
            wait_until(lambda: a.metric("breaker_opened_total") == 1, "the breaker opens", 20)
            wait_until(lambda: client("HLEN", "bud:{s0}:pauses") == 1, "others may know", 20)
            tried = len(receiver.deliveries)
            with Budstikke(home / "b", settings) as b:
                assert a.stop() == 0
                publish(b, client, 20)
                assert b.stop() == 0
            a.start()
            publish(a, client, 20)
            if time.monotonic() - began < 55:
                assert len(receiver.deliveries) == tried, "it was tried all the same"
            assert a.stop() == 0


def story_zombie():
    """A node that stood still while another took over changes nothing when it goes on."""
    import os
    import signal
    import time
    with folder() as home, PrivateRedis(home / "redis") as redis, Load() as load, \
            Budstikke(home / "a", {"redis.url": redis.url}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url}) as b:
        load.subscribe(a)
        load.publish(lambda: b.url)
        load.kill(lambda: os.kill(a.pid, signal.SIGSTOP))
        wait_until(lambda: b.metric("take_overs_total") >= 1, "b takes over", 60, 0.2)
        wait_until(lambda: b.metric("events_acked_total") > 0, "b goes on", 30)
        os.kill(a.pid, signal.SIGCONT)
        time.sleep(1)
        load.finish(120)
        b.wait_settled()
