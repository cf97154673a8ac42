"""Events are read back: by each attribute, in one order, once each from cursor to cursor, through
kills, restarts and other nodes; who waits gets what comes."""
import contextlib
import http.client
import os
import random
import signal
import socket
import threading
import time
from urllib.parse import quote, urlsplit

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, folder, kill_embedded_redis,
                 make_event, patience, scaled, wait_until)

PULL = {"pull.enabled": "yes"}
RESOURCE = "urn:altinn:resource:app_ttd_apps-test"


def page(api, query, after=None, **more):
    """(events, cursor, whether there is more) of one page."""
    path = "/events?" + "&".join(f"{k}={quote(str(v))}" for k, v in {**query, **more}.items())
    answer = api.get(path + (f"&after={after}" if after else ""))
    assert answer.status == 200, answer
    body = answer.json()
    assert f"after={body['after']}>" in answer.headers["link"], answer
    return body["items"], body["after"], body["more"]


def read_all(api, query, after=None, **more):
    found, goes_on = [], True
    while goes_on:
        items, after, goes_on = page(api, query, after, **more)
        found += items
    return found, after


def ids(events):
    return [event["id"] for event in events]


def publish(api, *events):
    answer = api.publish(list(events))
    assert answer.status == 202, answer


def story_by_each_attribute():
    """What is published can be read at once, by each of its attributes, and filtered."""
    with folder() as home, Budstikke(home / "data", PULL) as node:
        api = node.api()
        for i in range(30):
            publish(api, make_event(
                i, f"t.{i % 3}", f"/source/{i % 2}", resource=RESOURCE, subject=f"/party/{i % 5}",
                alternativesubject=f"/person/{i % 4}", resourceinstance=f"50/{i}",
                time=f"2026-11-{i + 1:02d}T12:00:00Z"))
            assert ids(page(api, {"resourceinstance": f"50/{i}"})[0]) == [str(i)]
        wants = [
            ({"resource": RESOURCE}, lambda i: True),
            ({"subject": "/party/3"}, lambda i: i % 5 == 3),
            ({"alternativesubject": "/person/1"}, lambda i: i % 4 == 1),
            ({"resource": RESOURCE, "subject": "/party/2"}, lambda i: i % 5 == 2),
            ({"resource": RESOURCE, "type": "t.1"}, lambda i: i % 3 == 1),
            ({"resource": RESOURCE, "type": "t.*", "source": "/source/1"}, lambda i: i % 2),
            ({"resource": RESOURCE, "from": "2026-11-11T00:00:00Z",
              "to": "2026-11-21T00:00:00+00:00"}, lambda i: 10 <= i < 20),
            ({"resource": RESOURCE, "type": "none"}, lambda i: False),
            ({"resource": "urn:another"}, lambda i: False),
        ]
        for query, wanted in wants:
            for size in (1, 7, 50):
                found, _ = read_all(api, query, size=size)
                assert ids(found) == [str(i) for i in range(30) if wanted(i)], (query, found)
        batch = api.get(f"/events?resource={RESOURCE}&size=2&format=batch")
        assert batch.type == "application/cloudevents-batch+json", batch
        assert ids(batch.json()) == ["0", "1"], batch
        lines = api.get(f"/events?resource={RESOURCE}&size=2", headers={
            "accept": "application/x-ndjson"})
        assert lines.body.count(b"\n") == 2 and lines.type == "application/x-ndjson", lines
        with node.redis() as redis:
            names = b" ".join(redis("KEYS", "bud:{s0}:by:*"))
            assert b"person" not in names and b"party" not in names, names


def story_from_a_time_to_come():
    """Who asks for what will happen gets what is stored from then on, waiting or from a cursor."""
    with folder() as home, Budstikke(home / "data", PULL) as node:
        api, query = node.api(), {"resource": RESOURCE, "from": "2090-01-01T00:00:00Z"}
        publish(api, make_event("past", resource=RESOURCE))
        items, cursor, _ = page(api, query)
        assert items == []
        got = []
        thread = threading.Thread(target=lambda: got.append(
            page(node.api(60), query, wait_ms=20000)[0]))
        thread.start()
        wait_until(lambda: node.metric("pull_waiting") == 1, "one waits")
        publish(api, make_event("now", resource=RESOURCE))
        publish(api, make_event("then", resource=RESOURCE, time="2091-01-01T00:00:00Z"))
        thread.join(60)
        assert ids(got[0]) == ["then"], got
        assert ids(page(api, query, cursor)[0]) == ["then"]


def story_off():
    """Without the setting nothing is indexed, and asking says so."""
    with folder() as home, Budstikke(home / "data") as node:
        api = node.api()
        publish(api, make_event(1, resource=RESOURCE))
        answer = api.get(f"/events?resource={RESOURCE}")
        assert answer.status == 501 and answer.json()["type"].endswith("not-indexed"), answer
        with node.redis() as redis:
            assert redis("KEYS", "bud:{s0}:by:[^f]*") == []


def story_bad_input():
    """Each mistake is named; a cursor holds for what it was given for, and for nothing else."""
    with folder() as home, Budstikke(home / "data", {**PULL, "pull.subject": "no"}) as node:
        api = node.api()
        publish(api, make_event(1, resource=RESOURCE))
        _, cursor, _ = page(api, {"resource": RESOURCE})
        for query, member in (
                ("", "resource"), ("subject=", "subject"), ("resource=a&resource=b", "resource"),
                ("resource=a&size=0", "size"), ("resource=a&size=1001", "size"),
                ("resource=a&wait_ms=30001", "wait_ms"), ("resource=a&wait_ms=-1", "wait_ms"),
                ("resource=a&from=yesterday", "from"), ("resource=a&after=1", "after"),
                ("resource=a&format=xml", "format"), ("resource=a&type=", "type"),
                ("resource=a&person=1", "person"), (f"resource=a&after={cursor}", "after"),
                (f"resource={RESOURCE}&after={cursor[:-1]}{'A' if cursor[-1] != 'A' else 'B'}",
                 "after"),
                ("resource=a&from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z", "to")):
            answer = api.get("/events?" + query)
            assert answer.status == 400 and answer.json()["member"] == member, (query, answer)
        assert api.get("/events?resource=a&" + "type=b&" * 65).status == 400
        assert api.get("/events?subject=a").status == 501
        assert ids(page(api, {"resource": RESOURCE, "type": "story.*"}, cursor)[0]) == []


def story_long_poll():
    """Who waits at the end gets what comes, soon, and only what is asked for; else an empty page
    with a cursor when the time is over."""
    with folder() as home, Budstikke(home / "data", {**PULL, "workers": 2}) as node:
        api, query = node.api(), {"resource": RESOURCE}
        _, cursor, _ = page(api, query)
        began = time.monotonic()
        items, after, more = page(api, query, cursor, wait_ms=300)
        assert items == [] and not more and after and time.monotonic() - began >= 0.29
        got = {}

        def wait(number):
            with contextlib.closing(node.api(60)) as mine:
                kind = {"type": "b"} if number % 2 else {}
                got[number] = page(mine, {**query, **kind}, cursor, wait_ms=30000)[0]
        threads = [threading.Thread(target=wait, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        wait_until(lambda: node.metric("pull_waiting") == 40, "40 wait")
        began = time.monotonic()
        publish(api, make_event("other", "a", resource="urn:another"))
        publish(api, make_event(1, "a", resource=RESOURCE))
        wait_until(lambda: len(got) == 20, lambda: f"{len(got)} of 20")
        publish(api, make_event(2, "b", resource=RESOURCE))
        for thread in threads:
            thread.join(30)
        assert time.monotonic() - began < 20, "they waited to the end"
        for number, items in got.items():
            assert ids(items) == (["2"] if number % 2 else ["1"]), (number, items)


def story_who_leaves_waits_no_more():
    """A reader that closes its connection makes room for another at once; who only says that it
    sends no more gets its page."""
    with folder() as home, Budstikke(home / "data", {**PULL, "workers": 1}) as node:
        ask = (f"GET /events?resource={RESOURCE}&wait_ms=30000 HTTP/1.1\r\n"
               "Host: x\r\nConnection: close\r\n\r\n").encode()
        place = (urlsplit(node.url).hostname, urlsplit(node.url).port)
        clients = [socket.create_connection(place) for _ in range(30)]
        for client in clients:
            client.sendall(ask)
        wait_until(lambda: node.metric("pull_waiting") == 30, "30 wait")
        for client in clients[1:]:
            client.close()
        wait_until(lambda: node.metric("pull_waiting") == 1, "they wait on", 10)
        with clients[0] as client:
            client.settimeout(20)
            client.shutdown(socket.SHUT_WR)
            got = b""
            while more := client.recv(65536):
                got += more
        assert got.startswith(b"HTTP/1.1 200") and b'"items":[]' in got, got
        assert node.metric("pull_waiting") == 0


def story_drain():
    """A stop does not wait for those who wait."""
    with folder() as home, Budstikke(home / "data", PULL) as node:
        got = []
        thread = threading.Thread(target=lambda: got.append(
            page(node.api(60), {"subject": "a"}, wait_ms=30000)))
        thread.start()
        wait_until(lambda: node.metric("pull_waiting") == 1, "one waits")
        began = time.monotonic()
        assert node.stop() == 0
        thread.join(10)
        assert time.monotonic() - began < 15 and got[0][0] == [], got


class Follower:
    """Reads from cursor to cursor, whatever happens to the server, and keeps the order."""

    def __init__(self, url, query, wait_ms=1000, size=50, rests=()):
        self.url, self.query, self.wait_ms, self.size = url, query, wait_ms, size
        self.rests, self.found, self.problem = rests, [], None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        cursor, api, url = None, None, None
        rng = random.Random(self.size)
        while True:
            is_last = self.ending.is_set()
            try:
                if api is None or url != self.url():
                    url = self.url()
                    api = node_api(url)
                items, cursor, more = page(api, self.query, cursor, size=self.size,
                                           wait_ms=0 if is_last else self.wait_ms)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            except AssertionError as error:
                if "503" not in str(error):
                    self.problem = error
                    return
                time.sleep(0.02)
                continue
            self.found += items
            if self.rests:
                time.sleep(rng.choice(self.rests))
            if is_last and not more:
                return

    def finish(self):
        self.ending.set()
        self.thread.join(patience(60))
        assert not self.thread.is_alive(), f"a follower hangs after {len(self.found)} events"
        assert self.problem is None, self.problem
        return ids(self.found)


def node_api(url):
    from kit import Api
    return Api(url, 60)


class Resourceful(Publisher):
    """Publishes events of one resource."""

    def __init__(self, ledger, url, prefix):
        super().__init__(ledger, url, prefix, batch=7)
        make = ledger.make
        self.ledger = Names(ledger, lambda identity, kind, **named: make(
            identity, kind, resource=RESOURCE, subject=f"/party/{identity[-1]}", **named))


class Names:
    def __init__(self, ledger, make):
        self.ledger, self.make = ledger, make

    def __getattr__(self, name):
        return getattr(self.ledger, name)


def check_all(ledger, followers, last):
    """Each follower saw each accepted event once, all in one order, and the same as one who reads
    when all is over. What was never answered may be there or not."""
    accepted = {identity for _, identity in ledger.accepted()}
    assert len(last) == len(set(last)), "an event is indexed twice"
    assert accepted <= set(last), f"not readable: {sorted(accepted - set(last))[:5]}"
    for follower in followers:
        found = follower.finish()
        if found != last:
            missing, more = set(last) - set(found), len(found) - len(set(found))
            raise AssertionError(f"{len(found)} of {len(last)}: {len(missing)} missing "
                                 f"{sorted(missing)[:5]}, {more} twice")


def story_kills():
    """Dispatcher and Redis are killed under load; followers miss nothing, and a cursor holds."""
    with folder() as home, Budstikke(home / "data", {**PULL, "workers": 2}) as node:
        ledger, query = Ledger(), {"resource": RESOURCE}
        publishers = [Resourceful(ledger, lambda: node.url, f"p{i}").start() for i in range(2)]
        followers = [Follower(lambda: node.url, query, 1000, 50),
                     Follower(lambda: node.url, query, 0, 3),
                     Follower(lambda: node.url, query, 500, 1000, (0, 0.1, 0.5))]
        for turn in range(scaled(6, 2)):
            before = ledger.accepted_count
            wait_until(lambda b=before: ledger.accepted_count > b + 300, "events are accepted", 60)
            if turn % 3 == 2:
                kill_embedded_redis(node)
                node.redis_pid()
            else:
                node.kill()
                if turn % 3 == 1:
                    for pid in node.find_redis():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                node.start()
        for publisher in publishers:
            publisher.stop()
        # By one connection, so by one worker: each finds Redis again by itself.
        api = node.api()
        wait_until(lambda: api.get(f"/events?resource={RESOURCE}").status == 200,
                   "it can be read again", 60)
        check_all(ledger, followers, ids(read_all(api, query, size=1000)[0]))


def story_two_nodes():
    """Two nodes publish and are read from, one is killed again and again."""
    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Budstikke(home / "a", {**PULL, "redis.url": redis.url, "workers": 2}) as a, \
            Budstikke(home / "b", {**PULL, "redis.url": redis.url}) as b:
        ledger, query = Ledger(), {"resource": RESOURCE}
        publishers = [Resourceful(ledger, lambda n=n: n.url, f"p{i}").start()
                      for i, n in enumerate((a, b))]
        turns = iter(range(10 ** 9))
        followers = [Follower(lambda: a.url, query, 1000),
                     Follower(lambda: b.url, query, 1000, 10),
                     Follower(lambda: (a, b)[next(turns) % 2].url, query, 100, 20)]
        for _ in range(scaled(4, 1)):
            before = ledger.accepted_count
            wait_until(lambda b=before: ledger.accepted_count > b + 300, "events are accepted", 60)
            a.kill()
            a.start()
        for publisher in publishers:
            publisher.stop()
        last = ids(read_all(a.api(), query, size=1000)[0])
        assert last == ids(read_all(b.api(), query, size=33)[0]), "nodes differ"
        check_all(ledger, followers, last)


def story_retention():
    """What is past its age is no longer read, its entries go, and a cursor from before goes on
    behind them."""
    settings = {**PULL, "retention.age_s": 2}
    with folder() as home, Budstikke(home / "data", settings) as node:
        api, query = node.api(), {"resource": RESOURCE}
        publish(api, *[make_event(i, resource=RESOURCE) for i in range(300)])
        _, cursor, _ = page(api, query, size=10)
        wait_until(lambda: page(api, query)[0] == [], "nothing is readable", 30)
        publish(api, make_event("new", resource=RESOURCE))
        assert ids(page(api, query, cursor)[0]) == ["new"]
        with node.redis() as redis:
            name = redis("KEYS", "bud:{s0}:by:resource:*")[0]
            # Before the last one goes, too.
            wait_until(lambda: node.metric("oldest_event_seconds") >= 1, "an age is shown")
            wait_until(lambda: redis("ZCARD", name) <= 1, "entries go", 30)
        # What the last publish took out on its way is not counted.
        assert node.metric("index_trimmed_total") >= 200, node.metrics()


def story_memory_budget():
    """The budget is checked at the start, shown, and kept: the oldest go first."""
    settings = {**PULL, "memory.limit_bytes": "200m", "retention.memory_bytes": "100m"}
    with folder() as home:
        try:
            Budstikke(home / "data", settings)
            raise AssertionError("it started")
        except AssertionError as error:
            assert "retention.memory_bytes is 104857600" in str(error), error
        settings["retention.memory_bytes"] = "30m"
        with Budstikke(home / "data", settings) as node:
            api, query, n = node.api(), {"resource": RESOURCE}, 0
            assert node.metric("retention_budget_bytes") in (0, 30 << 20)
            while node.metric("events_trimmed_early_total") < 2000:
                publish(api, *[make_event(n + i, filler=900, resource=RESOURCE)
                               for i in range(200)])
                n += 200
                assert n < 60000, node.metrics()
            found = ids(read_all(api, query, size=1000)[0])
            numbers = [int(identity) for identity in found]
            assert numbers == sorted(set(numbers)), "out of order"
            # Partitions are trimmed each for itself, some events at a time.
            assert set(range(n - 1000, n)) <= set(numbers), f"{len(found)} of {n} are left"
            assert node.metric("retention_budget_bytes") == 30 << 20
