"""Redis runs out of memory or of disk: nothing new comes in, and all that came in goes out."""
import resource

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, Receiver, check, folder, make_event,
                 wait_until)

EVERYTHING = {"a": lambda entry: True}


def publish_until_503(node, ledger, filler, most):
    """One event a request. The number of events accepted."""
    api = node.api()
    for i in range(most):
        answer = api.publish(ledger.make(f"full-{i}", filler=filler))
        key = [("/stories", f"full-{i}")]
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1, answer
            assert answer.type == "application/problem+json", answer
            ledger.answer(key, "unknown")
            return i
        assert answer.status == 202, answer
        ledger.answer(key, "accepted")
    raise AssertionError(f"{most} events, and it is never full")


def story_full():
    """At maxmemory publishing is answered 503; parking, delivering and trimming go on, and then
    there is room again."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis", "--maxmemory", "24mb") as redis, \
            Receiver() as receiver, Budstikke(
                home / "data", {"redis.url": redis.url, "retention.age_s": 0}) as node:
        api = node.api()
        made = api.subscribe(receiver.sink("a"))
        receiver.go_down()
        count = publish_until_503(node, ledger, 50_000, 2000)
        assert count >= 50, f"full after {count} events"
        body = make_event("second", filler=50_000)
        assert api.publish([body, make_event("third", filler=50_000)]).status == 503
        assert api.get(f"/subscriptions/{made['id']}").status == 200, "reading goes on"
        receiver.go_up()
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")),
                   lambda: f"{len(ledger.accepted() - receiver.ids('a'))} stay behind", 60)
        node.wait_settled()
        wait_until(lambda: api.publish(ledger.make("after")).status == 202, "room again", 30, 0.2)
        ledger.answer([("/stories", "after")], "accepted")
        wait_until(lambda: ("/stories", "after") in receiver.ids("a"), "the next one")
        node.wait_settled()
        check(ledger, receiver, EVERYTHING).must_be_clean()
        assert node.metric("events_lost_total") == 0


def story_disk_full():
    """The file of the embedded Redis cannot grow: nothing is answered 202 that is not in it."""
    ledger = Ledger()
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        Publisher(ledger, lambda: node.url, "before").start(limit=100).join()
        before = node.metric("redis_restarts_total")
        resource.prlimit(node.redis_pid(), resource.RLIMIT_FSIZE, (300_000, 300_000))
        # A redis-server that cannot write ends, since it may not answer; the next one has room.
        Publisher(ledger, lambda: node.url, "after", batch=1, filler=5000).start(limit=300).join()
        wait_until(lambda: node.metric("redis_restarts_total") > before, "it was full", 20, 0.2)
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 60)
        node.wait_settled()
        check(ledger, receiver, EVERYTHING).must_be_clean()
