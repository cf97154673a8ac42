"""A Redis of somebody else: reached over TCP with a password, full, emptied while in use."""
import time

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, Receiver, folder, hold_port,
                 make_event, wait_until)


def story_tcp():
    """TCP by name, a user's password and a database of its own; the password is shown nowhere."""
    held, port = hold_port()
    ledger = Ledger()
    with held, folder() as home, Receiver() as receiver, \
            PrivateRedis(home / "redis", "--port", str(port)) as redis:
        with redis.client() as client:
            client("ACL", "SETUSER", "bud", "on", ">s3cret+word", "~*", "&*", "+@all")
        url = f"redis://bud:s3cret%2Bword@localhost:{port}/3"
        with Budstikke(home / "data", {"redis.url": url}) as node:
            node.api().subscribe(receiver.sink("a"))
            answer = node.api().publish(make_event("probe"))
            assert answer.json()["durability"] == "fsync", answer
            Publisher(ledger, lambda: node.url).start(limit=50).join()
            wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 30)
            assert "s3cret" not in node.tail(1000), node.tail()
        with redis.client() as client:
            assert client("DBSIZE") == 0, "not in the database that was named"
            client("SELECT", 3)
            assert client("EXISTS", "bud:{s0}:meta") == 1


def story_durability_is_named():
    """The 202 names what stands behind it."""
    for options, named in ((("--appendfsync", "everysec"), "os"), (("--appendonly", "no"), "none")):
        with folder() as home, PrivateRedis(home / "redis", *options) as redis, \
                Budstikke(home / "data", {"redis.url": redis.url}) as node:
            answer = node.api().publish(make_event("x"))
            assert answer.status == 202 and answer.json()["durability"] == named, answer


def story_durability_changes():
    """What stands behind a 202 is what Redis does now, not what it did at the start."""
    numbers = iter(range(1000))

    def named(node):
        answer = node.api().publish(make_event(next(numbers)))
        return answer.status == 202 and answer.json()["durability"]

    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Budstikke(home / "data", {"redis.url": redis.url}) as node, redis.client() as client:
        assert named(node) == "fsync"
        for setting, value, durability in (("appendfsync", "everysec", "os"),
                                           ("appendonly", "no", "none"),
                                           ("appendfsync", "always", "none"),
                                           ("appendonly", "yes", "fsync")):
            client("CONFIG", "SET", setting, value)
            wait_until(lambda: named(node) == durability, f"not {durability}", 10, 0.1)
        log = node.tail(1000)
        assert log.count("Redis may lose what it has answered") == 2, log
        assert log.count("Redis has on disk what it has answered") == 1, log


def story_full_at_start():
    """A node that starts on a full Redis delivers what waits there."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        settings = {"redis.url": redis.url}
        with Budstikke(home / "data", settings) as node:
            node.api().subscribe(receiver.sink("a"))
            Publisher(ledger, lambda: node.url).start(limit=50).join()
            wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 30)
        with redis.client() as client:
            body = make_event("waits")
            client("XADD", "bud:{s0}:p1:events", "*", "o", "local", "e", body)
            client("CONFIG", "SET", "maxmemory", "1mb")
        with Budstikke(home / "data", settings) as node:
            assert node.api().publish(make_event("y")).status == 503
            wait_until(lambda: ("/stories", "waits") in receiver.ids("a"), "it arrives", 30)


def story_emptied():
    """FLUSHALL under a running node: 503 and an alarm, never a silent fresh start. The next start
    is a fresh one."""
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        settings = {"redis.url": redis.url}
        with Budstikke(home / "data", settings) as node:
            api = node.api()
            api.subscribe(receiver.sink("a"))
            assert api.publish(make_event("x")).status == 202
            wait_until(lambda: receiver.ids("a"), "it arrives", 20)
            with redis.client() as client:
                client("FLUSHALL")
            for i in range(20):
                answer = api.publish(make_event(i))
                assert answer.status == 503, answer
            wait_until(lambda: node.metric("registry_missing") == 1, "the alarm", 20)
            answer = api.request("POST", "/subscriptions",
                                 {"protocol": "HTTP", "sink": receiver.sink("b")})
            assert answer.status == 503, answer
            time.sleep(1)
            assert node.metric("registry_missing") == 1
            with redis.client() as client:
                assert client("EXISTS", "bud:{s0}:meta") == 0
        with Budstikke(home / "data", settings) as node:
            assert node.api().publish(make_event("z")).status == 202
            assert node.metric("registry_missing") == 0


def story_full_while_it_runs():
    """Publishing is refused as long as Redis is full: the log says so once, and when it is over."""
    numbers = iter(range(1000))

    def publish(node):
        return node.api().publish(make_event(next(numbers))).status

    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Budstikke(home / "data", {"redis.url": redis.url, "workers": 1}) as node, \
            redis.client() as client:
        assert publish(node) == 202
        client("CONFIG", "SET", "min-replicas-to-write", 1)
        assert [publish(node) for _ in range(5)] == [503] * 5
        client("CONFIG", "SET", "min-replicas-to-write", 0, "maxmemory", 1000000)
        assert [publish(node) for _ in range(5)] == [503] * 5
        log = node.tail(1000)
        assert log.count("events cannot be stored") == 1, log
        assert "Redis is busy, or lacks replicas" in log, log
        client("CONFIG", "SET", "maxmemory", 0)
        time.sleep(5)
        assert publish(node) == 202
        assert node.tail(1000).count("events are stored again") == 1, node.tail()
