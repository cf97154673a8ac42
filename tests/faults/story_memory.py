"""Redis runs out of memory or of disk: nothing new comes in, and all that came in goes out."""
import resource

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, Receiver, check, folder, make_event,
                 wait_until)
from kit.altinn import APP, SUBSCRIBE, Altinn

EVERYTHING = {"a": lambda entry: True}
POLICY = {"resources": [{"resource": APP, "owner": "/org/ttd"}]}


def publish_until_503(node, ledger, filler, most, prefix="full"):
    """One event a request. The number of events accepted."""
    api = node.api()
    for i in range(most):
        answer = api.publish(ledger.make(f"{prefix}-{i}", filler=filler))
        key = [("/stories", f"{prefix}-{i}")]
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1, answer
            assert answer.type == "application/problem+json", answer
            ledger.answer(key, "unknown")
            return i
        assert answer.status == 202, answer
        ledger.answer(key, "accepted")
    raise AssertionError(f"{most} events, and it is never full")


def refuses_batch(node, ledger):
    """A batch finds no room either. What is trimmed between two requests may make some: then it is
    filled again."""
    for turn in range(5):
        names = [f"second-{turn}", f"third-{turn}"]
        answer = node.api().publish([ledger.make(n, filler=50_000) for n in names])
        ledger.answer([("/stories", n) for n in names],
                      "accepted" if answer.status == 202 else "unknown")
        if answer.status == 503:
            return True
        publish_until_503(node, ledger, 50_000, 2000, f"again-{turn}")
    return False


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
        assert refuses_batch(node, ledger)
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


def used_memory(redis):
    return int(redis("INFO", "memory").split(b"used_memory:")[1].split(b"\r")[0])


def story_full_of_one_backlog():
    """What fills Redis waits for one subscription. Nothing can be made or changed then; its owner
    deletes it, what was parked is cancelled, and there is room again."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis", "--maxmemory", "24mb") as private, \
            Receiver() as receiver, Budstikke(
                home / "data", {"redis.url": private.url, "retention.age_s": 0,
                                "delivery.retry_schedule_s": "43200",
                                "delivery.breaker_open_s": "600"}) as node, \
            node.redis() as redis:
        api = node.api()
        path = "/subscriptions/" + api.subscribe(receiver.sink("a"))["id"]
        changed = {k: v for k, v in api.get(path).json().items() if k != "id"}
        receiver.go_down()
        count = publish_until_503(node, ledger, 50_000, 2000)
        wait_until(lambda: node.metric("hand_events") == node.metric("pending_events") == 0 and
                   sum(redis("XLEN", f"bud:{{s0}}:p{i}:events") for i in range(16)) == 0,
                   lambda: f"not parked and trimmed: {node.metrics()}", 30, 0.2)
        before = used_memory(redis)
        redis("CONFIG", "SET", "maxmemory", before * 3 // 4)
        assert api.publish(make_event("before")).status == 503
        assert api.request("PUT", path, {**changed, "name": "other"}).status == 503
        assert api.request("POST", "/subscriptions",
                           {"protocol": "HTTP", "sink": receiver.sink("b")}).status == 503
        assert api.get(path).json() == {"id": path.split("/")[2], **changed}, "nothing changed"
        assert api.request("DELETE", path).status == 200
        assert api.request("DELETE", path).status == 404
        wait_until(lambda: node.metric("deliveries_cancelled_total") >= count,
                   lambda: f"of {count} parked: {node.metrics()}", 30, 0.2)
        node.wait_settled()
        assert used_memory(redis) < before / 2, (used_memory(redis), before)
        receiver.go_up()
        api.subscribe(receiver.sink("b"))
        assert api.publish(make_event("after")).status == 202
        wait_until(lambda: receiver.ids("b") == {("/stories", "after")}, "the next one", 30)
        assert not receiver.on("a")


def story_full_and_given_up():
    """At the limit all that is somebody's can be given up, and nothing be made or changed."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE)
        theirs = ttd.subscribe(receiver.sink("a"), resourceFilter=APP)["id"]
        ours = ttd.request("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": receiver.sink("b"),
            "filters": [{"exact": {"resource": APP}}]}).json()["id"]
        grant = {"to": "/org/skd", "resource": APP}
        granted = ttd.request("POST", "/grants", grant).json()["id"]
        with altinn.node.redis() as redis:
            redis("CONFIG", "SET", "maxmemory", "1")
            assert ttd.request("PATCH", f"/subscriptions/{ours}", b'{"name":"x"}', {
                "content-type": "application/merge-patch+json"}).status == 503
            assert ttd.request("POST", "/grants", {**grant, "to": "/org/nav"}).status == 503
            assert ttd.call("POST", "/subscriptions", {
                "endPoint": receiver.sink("c"), "resourceFilter": APP}).status == 503
            assert ttd.request("DELETE", f"/subscriptions/{ours}").status == 200
            assert ttd.call("DELETE", f"/subscriptions/{theirs}").status == 200
            assert ttd.request("DELETE", f"/grants/{granted}").status == 200
            redis("CONFIG", "SET", "maxmemory", "0")
        assert ttd.get("/subscriptions").json() == ttd.get("/grants").json() == []


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
