"""Redis stops, dies, comes back, or comes back without the registry."""
import os
import signal
import time

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, Receiver, check, folder,
                 kill_embedded_redis, make_event, patience, wait_until)

EVERYTHING = {"a": lambda entry: True}


def must_be_unavailable(api, event, seconds):
    began = time.monotonic()
    answer = api.publish(event)
    took = time.monotonic() - began
    assert answer.status == 503, answer
    assert answer.type == "application/problem+json", answer
    assert int(answer.headers["retry-after"]) >= 1, answer
    assert took < patience(seconds), f"503 took {took:.1f} s"


def story_stopped():
    """SIGSTOP: 503 meanwhile; after SIGCONT everything accepted arrives, once."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver, \
            Budstikke(home / "data", {"redis.url": redis.url}) as node:
        api = node.api(timeout=20)
        api.subscribe(receiver.sink("a"))
        Publisher(ledger, lambda: node.url, "before").start(limit=200).join()
        redis.pause()
        event = ledger.make("meanwhile")
        must_be_unavailable(api, event, 8)
        ledger.answer([("/stories", "meanwhile")], "unknown")
        must_be_unavailable(api, make_event("also"), 8)
        assert api.get("/events-of-nowhere").status == 404, "other requests are answered"
        redis.resume()
        ledger.make("also")
        ledger.answer([("/stories", "also")], "unknown")
        wait_until(lambda: api.publish(event).status == 202, "202 again", 30, 0.2)
        ledger.answer([("/stories", "meanwhile")], "accepted")
        Publisher(ledger, lambda: node.url, "after").start(limit=200).join()
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 60)
        node.wait_settled()
        report = check(ledger, receiver, EVERYTHING)
        report.must_be_clean()


def story_external_dies():
    """An external Redis dies: 503 at once, nothing kept in memory; it returns with its data."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver, \
            Budstikke(home / "data", {"redis.url": redis.url}) as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        Publisher(ledger, lambda: node.url, "before").start(limit=200).join()
        redis.kill()
        wait_until(lambda: node.metric("redis_up") == 0, "redis_up 0", 10)
        for i in range(50):
            must_be_unavailable(api, make_event(f"lost-{i}"), 0.5)
        redis.start()
        wait_until(lambda: api.publish(make_event("probe")).status == 202, "202 again", 30, 0.2)
        ledger.make("probe")
        ledger.answer([("/stories", "probe")], "accepted")
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 60)
        node.wait_settled()
        # The 50 that were refused must not turn up: they would be phantoms.
        check(ledger, receiver, EVERYTHING).must_be_clean()


def unsettled(redis):
    """Events in the partitions that no one has acked."""
    count = 0
    for i in range(16):
        key = f"bud:{{s0}}:p{i}:events"
        if not redis("EXISTS", key):
            continue
        for group in redis("XINFO", "GROUPS", key):
            words = dict(zip(group[::2], group[1::2]))
            last = words[b"last-delivered-id"].decode()
            count += words[b"pending"] + len(redis("XRANGE", key, f"({last}", "+"))
    return count


def delete_registry(redis):
    redis("DEL", "bud:{s0}:subs:records", "bud:{s0}:subs:changes", "bud:{s0}:subs:version")


def story_registry_gone():
    """The registry is deleted under a running node: alarm, and nothing is acked as unwanted."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"server.drain_s": 1}) as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        with node.redis() as redis:
            delete_registry(redis)
            statuses = [api.publish(make_event(i)).status for i in range(100)]
            accepted = statuses.count(202)
            wait_until(lambda: node.metric("registry_missing") == 1, "the alarm", 30)
            time.sleep(2)
            assert unsettled(redis) >= accepted - len(receiver.pairs), "acked without a registry"
            assert accepted == 100 or set(statuses) == {202, 503}, statuses


def story_registry_gone_at_start():
    """A node starts on a full stream and an empty registry: alarm, nothing acked."""
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        settings = {"redis.url": redis.url, "server.drain_s": 1}
        with Budstikke(home / "data", settings) as node:
            api = node.api()
            api.subscribe(receiver.sink("a"), config={"timeout_ms": 1000})
            os.kill(node.pid, signal.SIGSTOP)
            node.kill()
        with redis.client() as client:
            body = make_event("x")
            for i in range(50):
                client("XADD", "bud:{s0}:p1:events", "*", "o", "local", "e", body)
            before = unsettled(client)
            delete_registry(client)
            with Budstikke(home / "data", settings) as node:
                wait_until(lambda: node.metric("registry_missing") == 1, "the alarm", 30)
                time.sleep(1)
                assert unsettled(client) == before >= 50, "acked without a registry"
            assert not receiver.deliveries


def story_embedded_dies():
    """The embedded Redis is killed once: back within seconds, with everything."""
    ledger = Ledger()
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        Publisher(ledger, lambda: node.url, "before").start(limit=100).join()
        died = kill_embedded_redis(node)
        Publisher(ledger, lambda: node.url, "after").start(limit=100).join()
        assert time.monotonic() - died < patience(10), "back within seconds"
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 60)
        node.wait_settled()
        check(ledger, receiver, EVERYTHING).must_be_clean()
