"""A random walk over the whole API by several callers at once, with receivers that answer anything,
while nodes and Redis are disturbed: no 500, no report of a sanitizer, no process that ends by
itself; and after it everything that was accepted for those who stayed is delivered or dead.

BUD_TEST_SEED repeats a walk, as far as threads let it; at night it is longer."""
import http.client
import json
import os
import random
import signal
import socket
import threading
import time
import urllib.parse

from kit import Api, Budstikke, PrivateRedis, Receiver, Reply, folder, patience, scaled, wait_until
from kit.grammar import RESOURCES, Grammar

SECONDS = 12
CALLERS = 3
BATCH = {"batch": {"max_wait_ms": 100}, "mode": "batch"}
STAYING = {"plain": {}, "binary": {"mode": "binary"}, "batch": BATCH, "one": {"max_in_flight": 1},
           "ordered": {"ordered": True}, "altinn": {"mode": "altinn", "signing": {"schemes": []}},
           "all-schemes": {"signing": {"schemes": ["v1", "v1a", "rfc9421"]}}}
STATUSES = [200] * 20 + [202, 204, 206, 302, 400, 401, 404, 408, 410, 413, 415, 429, 500, 503, 599]


class Walk:
    """What all callers know of each other."""

    def __init__(self, nodes, receiver, seed, keys):
        self.nodes, self.receiver, self.seed, self.keys = nodes, receiver, seed, keys
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.staying, self.subscriptions, self.problems = {}, [], []
        self.accepted = set()
        receiver.answer = self.answer

    def answer(self, delivery):
        """As a receiver, and as the decision point."""
        if delivery.path == "decide":
            n = delivery.body.count(b'"ReferenceId"')
            bad = not self.stopping.is_set() and self.random.random() < 0.3
            decisions = [{"Decision": "Permit"}] * (n - 1 if bad else n)
            return Reply(self.random.choice([200, 500]) if bad else 200,
                         body=json.dumps({"Response": decisions}).encode())
        if self.stopping.is_set():
            return None
        one = self.random.choice
        headers = one([{}, {}, {}, {"Retry-After": one(["1", "x", "-1", ""])},
                       {"X": "x" * 40000}, {"WebHook-Allowed-Origin": "*"}])
        body = one([b"", b"ok", delivery.body[:60000], b"\xff", b'{"failed": [5, null, "x"]}',
                    json.dumps({"access_token": one(["t", "", 5]), "expires_in": 1}).encode()])
        return Reply(one(STATUSES), one([0] * 20 + [0.2, 1]), headers, body,
                     drop=self.random.random() < 0.05)

    def subscribe_staying(self, node):
        api = node.api(token=self.keys[0])
        for name, config in STAYING.items():
            made = api.subscribe(self.receiver.sink(name), types=["staying"], config=config)
            self.staying[name] = made["id"]
        self.subscriptions += self.staying.values()

    def disturb(self, redis):
        node, what = self.random.choice(self.nodes), self.random.randrange(6)
        if what == 0:
            code = node.stop()
            assert code == 0, node.tail()
            node.start()
        elif what == 1:
            node.kill()
            node.start()
        elif what == 2:
            redis.pause()
            time.sleep(self.random.choice([0.3, 1.5]))
            redis.resume()
        else:
            with redis.client() as client:
                client(*[("CLIENT", "KILL", "TYPE", "normal"), ("SCRIPT", "FLUSH"), ("PING",)]
                       [what - 3])
            node.process.send_signal(signal.SIGHUP)

    def run(self, redis):
        callers = [Caller(self, self.seed * 100 + i) for i in range(CALLERS)]
        for caller in callers:
            caller.start()
        end = time.monotonic() + scaled(SECONDS, 4)
        while time.monotonic() < end:
            time.sleep(self.random.choice([0.5, 1, 2]))
            for node in self.nodes:
                assert node.process.poll() is None, f"ended by itself:\n{node.tail()}"
            self.disturb(redis)
        self.stopping.set()
        for caller in callers:
            caller.join(patience(60))
        assert not self.problems, self.problems

    def heal(self):
        """Who stayed gets what is missing; what the others wait for is no matter."""
        api = self.nodes[0].api(token=self.keys[0])
        for identity in self.staying.values():
            path = f"/subscriptions/{identity}/resume"
            wait_until(lambda p=path: api.request("POST", p).status == 200, path, 30, 0.2)
        for name, identity in self.staying.items():
            wait_until(lambda n=name, i=identity: self.is_there(api, n, i),
                       lambda n=name, i=identity: f"{n} lacks {self.missing(api, n, i)}", 60, 0.2)
        for node in self.nodes:
            assert node.metric("events_lost_total") == 0, node.tail()
            wait_until(lambda n=node: not n.metric("hand_events") + n.metric("pending_events"),
                       lambda n=node: f"events stay in hand: {n.metrics()}", 60, 0.2)
            assert Api(node.admin, patience(10)).get("/readyz").status == 200, node.tail()

    def missing(self, api, name, identity):
        came = set()
        for delivery in list(self.receiver.deliveries):
            if delivery.path == name and 200 <= delivery.status < 300:
                came.update(ids_of(delivery))
        path = f"/subscriptions/{identity}/dead?size=100"
        while path:
            answer = api.get(path)
            if answer.status != 200:
                return {f"{path}: {answer.status}"}  # Redis may have just come back
            came.update((row["event"] or {}).get("id") for row in answer.json()["items"])
            path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
        return self.accepted - came

    def is_there(self, api, name, identity):
        return not self.missing(api, name, identity)


def ids_of(delivery):
    """Those of a batch, too."""
    return [delivery.id] if delivery.id else [event["id"] for event in json.loads(delivery.body)]


class Caller(threading.Thread):
    def __init__(self, walk, seed):
        super().__init__(daemon=True)
        sinks = [walk.receiver.sink(f"r{i}") for i in range(6)]
        self.walk, self.seed = walk, seed
        self.grammar = Grammar(seed, [*sinks, "http://127.0.0.1:1/", sinks[0] + "?a=b"])
        self.count = 0

    def run(self):
        steps = [self.publish_staying, self.publish, self.publish, self.subscribe, self.change,
                 self.steer, self.look, self.read, self.ask, self.share]
        while not self.walk.stopping.is_set():
            try:
                self.grammar.one(*steps)()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # the node is being started

    def call(self, method, path, body=None, headers=(), key=None):
        """The answer; None if the caller left before it came."""
        grammar = self.grammar
        url = urllib.parse.urlsplit(grammar.one(*self.walk.nodes).url)
        if body is not None and not isinstance(body, bytes):
            body = grammar.body(body)
        fields = [("host", "x"), *headers]
        if body is not None:
            fields += [("content-length", str(len(body)))]
            if "content-type" not in dict(headers):
                fields += [("content-type", "application/json")]
        key = key or grammar.one(*self.walk.keys)
        if key:
            fields += [("authorization", f"Bearer {key}")]
        lines = [f"{method} {path} HTTP/1.1", *[f"{n}: {v}" for n, v in fields], "", ""]
        whole = "\r\n".join(lines).encode("utf-8", "replace") + (body or b"")
        with socket.create_connection((url.hostname, url.port), patience(15)) as connection:
            if grammar.often(0.05):
                connection.sendall(whole[:grammar.random.randrange(len(whole))] if
                                   grammar.often(0.4) else whole * grammar.one(1, 3))
                time.sleep(grammar.one(0, 0, 0.01))
                return None
            connection.sendall(whole)
            answer = http.client.HTTPResponse(connection, method=method)
            answer.begin()
            text = answer.read()
        if answer.status >= 500 and answer.status not in (501, 503):
            self.walk.problems.append((method, path, body, answer.status, text))
        return answer.status, text

    def publish_staying(self):
        """Until it is answered: what had no answer is asked for again, and counts once."""
        self.count += 1
        identity = f"s{self.seed}-{self.count}"
        event = {"specversion": "1.0", "id": identity, "source": "/a", "type": "staying",
                 "partitionkey": self.grammar.one("k", "l")}
        for _ in range(50):
            try:
                answer = self.call("POST", "/events", json.dumps(event).encode(), [
                    ("content-type", "application/cloudevents+json")], self.walk.keys[0])
            except (OSError, http.client.HTTPException):
                answer = None
            if answer and answer[0] == 202:
                self.walk.accepted.add(identity)
                return
            time.sleep(0.05)

    def publish(self):
        grammar = self.grammar
        self.count += 1
        event = grammar.event(f"w{self.seed}-{self.count}")
        path = grammar.one("/events", "/events", "/events/api/v1/events", "/events/api/v1/app")
        hops = [("webhook-hops", grammar.one("0", "2", "x"))] if grammar.often(0.1) else []
        if grammar.often(0.3):
            headers, body = grammar.as_headers(event)
            self.call("POST", path, body, headers + hops)
        elif grammar.often(0.2):
            self.call("POST", "/events", [event, grammar.event("w"), event], [
                ("content-type", "application/cloudevents-batch+json"), *hops])
        else:
            self.call("POST", path, event, [
                ("content-type", "application/cloudevents+json"), *hops])

    def subscribe(self):
        grammar = self.grammar
        made = self.call("POST", "/subscriptions", grammar.subscription()) if grammar.often(0.8) \
            else self.call("POST", "/events/api/v1/subscriptions", {
                "endPoint": grammar.one(*grammar.sinks), "resourceFilter": grammar.text("resource"),
                "subjectFilter": grammar.text("subject"), "includeSubunits": grammar.often(0.3)})
        if made and made[0] in (200, 201):
            self.walk.subscriptions.append(str(json.loads(made[1])["id"]))

    def any(self, but=()):
        return self.grammar.one(*[i for i in self.walk.subscriptions[-40:] if i not in but],
                                "x", "a" * 65, "%00")

    def change(self):
        grammar = self.grammar
        path = f"/subscriptions/{self.any(self.walk.staying.values())}"
        self.call(*grammar.one(("PATCH", path, grammar.patch()), ("DELETE", path),
                               ("PATCH", path, grammar.patch()),
                               ("PUT", path, grammar.subscription())))

    def steer(self):
        grammar = self.grammar
        what = grammar.one("pause", "resume", "test", "secret", "replay")
        body = grammar.one(None, {}, {"overlap_s": grammar.one(0, 1, -1)}, grammar.wrong(),
                           {"source": "events", "from": grammar.one("2020-01-01T00:00:00Z", "x")},
                           {"source": "dead", "filters": [grammar.filter()]}, {"ids": ["x"]})
        self.call(grammar.one("POST", "POST", "POST", "GET", "DELETE"),
                  f"/subscriptions/{self.any()}/{what}", body)

    def look(self):
        what = self.grammar.one("", "/dead", "/parked", "/attempts", "/stats", "/consent")
        self.call("GET", f"/subscriptions/{self.any()}{what}" + self.grammar.one(
            "", "?size=1", "?size=x", "?format=ndjson", "?after=x"))
        self.call("GET", self.grammar.one("/subscriptions", "/quota", "/endpoints", "/grants"))

    def read(self):
        grammar = self.grammar
        words = {name: grammar.text(name) for name in ("subject", "resource", "type")
                 if grammar.often(0.5)}
        words.update(grammar.one({}, {"wait_ms": "200"}, {"size": "1"}, {"after": "x"},
                                 {"from": "2020-01-01T00:00:00Z"}))
        path = grammar.one("/events", "/events", f"/events/w{self.seed}-{self.count}",
                           "/events/api/v1/events", "/events/api/v1/app/party")
        self.call("GET", path + "?" + urllib.parse.urlencode(words, errors="replace"))

    def ask(self):
        grammar = self.grammar
        event = grammar.event("x")
        self.call("POST", "/explain", grammar.one(
            {"subscription": self.any(), "event": event}, {"filters": [grammar.filter()]},
            {"subscription": self.any(), "event": {"id": f"w{self.seed}-1", "source": "/a"}}))

    def share(self):
        grammar = self.grammar
        self.call("POST", *grammar.one(
            ("/grants", {"to": grammar.one("/org/b", "/person/13861498942", ""),
                         "resource": grammar.one(*RESOURCES), "until": grammar.word(
                             "2999-01-01T00:00:00Z", "9999-12-31T23:59:60Z")}),
            ("/instance-tokens", {"resourceinstance": grammar.one("1/x", ""), "expires_in_s": 9})))


def walk_once(settings, with_keys):
    """At night another way each time, else the same one: what it meets differs all the same."""
    usual = random.randrange(1 << 30) if os.environ.get("BUD_TEST_NIGHTLY") else 1
    seed = int(os.environ.get("BUD_TEST_SEED", usual))
    print(f"BUD_TEST_SEED={seed}", flush=True)
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        common = {"redis.url": redis.url, "pull.enabled": "yes", "delivery.timeout_ms": 1500,
                  "server.drain_s": 3, **settings(receiver)}
        with Budstikke(home / "a", common) as a, Budstikke(home / "b", common) as b:
            scopes = ["events:publish", "events:subscribe", "events:read"]
            keys = [a.key(name, *scopes)["key"] for name in ("/org/a", "/org/b", "/user/7")] \
                if with_keys else [None]
            walk = Walk([a, b], receiver, seed, keys)
            walk.subscribe_staying(a)
            walk.run(redis)
            walk.heal()


def story_anybody():
    walk_once(lambda receiver: {}, False)


def story_decided():
    """With keys, and a decision point that often fails."""
    walk_once(lambda receiver: {"auth.mode": "keys", "auth.decision_kept_s": 1,
                                "auth.decision_url": receiver.sink("decide")},
              True)
