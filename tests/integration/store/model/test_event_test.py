#!/usr/bin/env python3
"""A test event: it waits in the lane of its subscription like any parked delivery, no group reads
it, and its name in the store is no other event's."""
import unittest

from case import Case
from shard import GROUP, key, parked, stream


class TestEvent(Case):
    def park_test(self, lane="s", partition=0):
        keys = [stream(partition), *[key(n) for n in ("due", "kept", "refs")], parked(lane)]
        return self.run_script(
            "test_event", keys, [partition, lane, "local", "body"]).decode()

    def test_waits_in_its_lane_and_is_done(self):
        member = self.park_test()
        self.assertRegex(member, r"^00-\d{13}-\d{10}$")
        self.assertEqual(self.refs(member), 1)
        self.assertLessEqual(float(self.call("ZSCORE", key("due"), "s")), self.now())
        claimed, attempt, lease, kept = self.claim()[0]
        self.assertEqual((claimed, attempt, kept), (member, 1, b"local\nbody"))
        self.assertEqual(self.resolve(member, "done", lease), 1)
        self.assert_nothing_left()

    def test_no_group_reads_it(self):
        self.park_test()
        self.assertEqual(self.call("XLEN", stream(0)), 0)
        self.assertEqual(self.read(), [])
        self.assertEqual(self.call("XPENDING", stream(0), GROUP)[0], 0)
        self.ingest(("e", "d"))
        self.assertEqual(len(self.read()), 1)

    def test_names_differ(self):
        members = [self.park_test() for _ in range(50)] + [self.park(field="e")]
        members += [self.park_test(partition=1)]
        self.assertEqual(len(set(members)), 52)
        self.assertEqual(sum(self.refs(m) for m in members), 52)
        self.assertEqual(self.call("ZCARD", parked("s")), 52)

    def test_a_lane_that_is_due_stays_due(self):
        self.call("ZADD", key("due"), 5, "s")
        self.park_test()
        self.assertEqual(float(self.call("ZSCORE", key("due"), "s")), 5)
        self.call("ZADD", key("due"), self.now() + 60_000, "s")
        self.park_test()
        self.assertLessEqual(float(self.call("ZSCORE", key("due"), "s")), self.now())

    def test_a_stream_that_is_gone_is_not_made(self):
        self.call("DEL", stream(1))
        self.error("NOSTREAM", self.park_test, "s", 1)
        self.assertEqual(self.call("EXISTS", stream(1), key("kept"), parked("s")), 0)

    def test_refused_at_the_memory_limit(self):
        self.call("CONFIG", "SET", "maxmemory", "1")
        self.error("OOM", self.park_test)
        self.call("CONFIG", "SET", "maxmemory", "0")
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
