"""What the tests of single scripts share: a fresh shard and short ways to call each script."""
import unittest

from server import RedisError, Server
from shard import GROUP, Scripts, dead, key, member_of, parked, setup, stream

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
        arguments = [window]
        for field, digest, *partition in events:
            arguments += [4 + (partition or [0])[0], field, digest, "local", "body of " + field]
        return self.run_script("ingest", SEEN + STREAMS, arguments)

    def read(self, consumer="n1", partition=0, count=100):
        reply = self.call("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count, "STREAMS",
                          stream(partition), ">")
        return [e[0].decode() for e in reply[0][1]] if reply else []

    def settle(self, entry, *deliveries, consumer="n1", ack=True, cursor=""):
        """Each delivery is (lane, "park" or "dead", delay, attempt)."""
        keys = [stream(0), *[key(n) for n in ("due", "kept", "refs", "cursors")]]
        keys += [dead(d[0]) if d[1] == "dead" else parked(d[0]) for d in deliveries]
        arguments = [GROUP, consumer, entry, member_of(0, entry), "1" if ack else "0", cursor]
        return self.run_script("settle", keys, arguments + [w for d in deliveries for w in d])

    def park(self, attempt=0, lane="s", delay=0, field="e"):
        """An event, parked in one lane: its member."""
        self.ingest((field, "d"))
        entry = self.read()[-1]
        self.assertGreater(self.settle(entry, (lane, "park", delay, attempt)), 0)
        return member_of(0, entry)

    def claim(self, limit=10, lease=60_000, lane="s", again=5):
        reply = self.run_script("claim", [key("due"), parked(lane), key("kept")],
                                [lane, limit, lease, again])
        return [(reply[i].decode(), reply[i + 1], reply[i + 2].decode(), reply[i + 3])
                for i in range(1, len(reply), 4)]

    def resolve(self, member, verb, lease="", delay=0, attempt=1, lane="s"):
        return self.run_script("resolve", [key("due"), parked(lane), dead(lane), key("kept"),
                                           key("refs")],
                               [lane, member, verb, lease, delay, attempt])[0]

    def trim(self, most=0, cutoff=None):
        return self.run_script("trim", [stream(0)], [cutoff or f"{self.now() + 1}-0", most])

    def now(self):
        seconds, micros = self.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

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
