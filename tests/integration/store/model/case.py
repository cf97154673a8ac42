"""What the tests of single scripts share: a fresh shard and short ways to call each script."""
import unittest

from server import RedisError, Server
from shard import (GROUP, RESOLVE_KEYS, SETTLE_KEYS, Scripts, dead, key, member_of, parked, setup,
                   stream, subscription_of)

PARTITIONS = 2
SEEN = [key("seen:state"), key("seen:0"), key("seen:1")]
STREAMS = [stream(p) for p in range(PARTITIONS)]
SCRIPTS = Scripts()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.client = self.server.client()
        self.addCleanup(self.client.close)
        self.call("FLUSHALL")
        self.call("CONFIG", "SET", "maxmemory", "0")
        setup(SCRIPTS, self.client, PARTITIONS)

    def call(self, *command):
        return self.client.call(*command)

    def run_script(self, name, keys, arguments):
        return SCRIPTS.run(self.client, name, keys, arguments)

    def ingest(self, *events, window=600_000):
        """Each event is (field, digest) or (field, digest, partition)."""
        arguments = [window, 0]
        for field, digest, *partition in events:
            arguments += [4 + (partition or [0])[0], field, digest, "local", "body of " + field]
        return self.run_script("ingest", SEEN + STREAMS, arguments)

    def read(self, consumer="n1", partition=0, count=100):
        reply = self.call("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count, "STREAMS",
                          stream(partition), ">")
        return [e[0].decode() for e in reply[0][1]] if reply else []

    def settle(self, entry, *deliveries, consumer="n1", ack=True, cursor=""):
        """Each delivery is (lane, verb, delay, attempt, and what comes after that verb)."""
        keys = [stream(0), *[key(n) for n in SETTLE_KEYS]]
        keys += [dead(d[0]) if d[1] in ("dead", "bare") else parked(d[0]) for d in deliveries]
        arguments = [GROUP, consumer, entry, member_of(0, entry), "1" if ack else "0", cursor,
                     "1" if any(d[1] != "bare" for d in deliveries) else "0"]
        for lane, verb, *rest in deliveries:
            rest += ["", "", ""][len(rest) - 2:] if verb in ("dead", "bare") else []
            arguments += [lane, verb, *rest]
        return self.run_script("settle", keys, arguments)

    def park(self, attempt=0, lane="s", delay=0, field="e", rest=("park",)):
        """An event, parked in one lane: its member. `rest` is the verb and what comes after it."""
        self.ingest((field, "d"))
        entry = self.read()[-1]
        self.assertGreater(self.settle(entry, (lane, rest[0], delay, attempt, *rest[1:])), 0)
        return member_of(0, entry)

    @staticmethod
    def claims(reply):
        return [(reply[i].decode(), reply[i + 1], reply[i + 2].decode(), reply[i + 3])
                for i in range(1, len(reply), 4)]

    def claim(self, limit=10, lease=60_000, lane="s", again=5):
        return self.claims(self.run_script("claim", [key("due"), parked(lane), key("kept")],
                                           [lane, limit, lease, again]))

    def claim_strict(self, mode="strict", token="t1", *, limit=10, lane="s", lease=60_000,
                     hold=None, again=5, batch=()):
        """`batch` is what fills one, how long one may wait and the most bytes."""
        keys = [key("due"), parked(lane), key("kept"), key("held")]
        keys += [stream(0)] if mode in ("wait", "skip") else []
        return self.claims(self.run_script(
            "claim_strict", keys,
            [lane, mode, limit, lease, again, token, lease if hold is None else hold, GROUP,
             *batch]))

    def resolve(self, member, verb, lease="", delay=0, attempt=1, lane="s", why=("", "", ""),
                **strict):
        return self.resolve_all([(member, verb, lease, delay, attempt,
                                  *(why if verb == "dead" else ()))], lane, **strict)[0]

    def resolve_all(self, items, lane="s", mode="plain", last="", rest=0, batch=(0, 0)):
        keys = [key("due"), parked(lane), dead(subscription_of(lane)),
                *[key(n) for n in RESOLVE_KEYS]]
        return self.run_script("resolve", [*keys, stream(0)],
                               [lane, subscription_of(lane), mode, last, rest, *batch,
                                *[word for item in items for word in item]])

    def trim(self, most=0, cutoff=None):
        return self.run_script("trim", [stream(0)], [cutoff or f"{self.now() + 1}-0", most])

    def now(self):
        seconds, micros = self.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def due_in(self, lane="s"):
        """In how many ms somebody will look at the lane."""
        return float(self.call("ZSCORE", key("due"), lane)) - self.now()

    def refs(self, member):
        n = self.call("HGET", key("refs"), member)
        kept = self.call("HEXISTS", key("kept"), member)
        self.assertEqual(kept, 1 if n else 0)
        return int(n or 0)

    def assert_nothing_left(self):
        left = sorted(k.decode() for k in self.call("KEYS", key("*")))
        allowed = {key("meta"), key("subs:version"), *SEEN, *STREAMS}
        self.assertEqual([k for k in left if k not in allowed], [])

    def error(self, words, function, *arguments):
        with self.assertRaises(RedisError) as caught:
            function(*arguments)
        self.assertIn(words, str(caught.exception))
