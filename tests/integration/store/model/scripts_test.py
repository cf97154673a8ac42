#!/usr/bin/env python3
"""The edges of the scripts that carry deliveries, one by one, on a real redis-server: what each
answers, what it leaves behind, and that saying the same twice (a lost reply) changes nothing."""
import time
import unittest

from case import Case
from shard import GROUP, dead, key, member_of, parked, stream


class Ingest(Case):
    def test_duplicate_and_conflict(self):
        self.assertEqual(self.ingest(("a", "1"), ("b", "1"), ("a", "1"), ("a", "2")), [1, 1, 0, -1])
        self.assertEqual(self.ingest(("a", "1", 1)), [0])
        self.assertEqual(self.call("XLEN", stream(0)), 2)

    def pass_time(self, ms):
        """As if the running generation had begun `ms` earlier."""
        since = int(self.call("HGET", key("seen:state"), "since"))
        self.call("HSET", key("seen:state"), "since", since - ms)

    def test_window_rotates(self):
        self.assertEqual(self.ingest(("a", "1")), [1])
        self.pass_time(700_000)
        self.assertEqual(self.ingest(("b", "1")), [1])
        self.assertEqual(self.ingest(("a", "1"), ("a", "2")), [0, -1])
        self.pass_time(700_000)
        self.assertEqual(self.ingest(("a", "1"), ("b", "1")), [1, 0])
        self.assertEqual(self.call("HLEN", key("seen:0")) + self.call("HLEN", key("seen:1")), 2)

    def test_a_quiet_time_ends_the_window_too(self):
        self.ingest(("a", "1"))
        self.pass_time(1_300_000)
        self.assertEqual(self.ingest(("a", "2")), [1])

    def test_a_few_milliseconds_of_window(self):
        self.ingest(("a", "1"), window=5)
        time.sleep(0.011)
        self.assertEqual(self.ingest(("a", "2"), window=5), [1])

    def test_a_clock_set_back_keeps_what_was_seen(self):
        self.ingest(("a", "1"))
        self.call("HSET", key("seen:state"), "since", self.now() + 3_600_000)
        self.assertEqual(self.ingest(("a", "1")), [0])
        self.assertLessEqual(int(self.call("HGET", key("seen:state"), "since")), self.now())

    def test_no_stream_leaves_its_event_unseen(self):
        self.call("DEL", stream(1))
        self.error("NOSTREAM", self.ingest, ("a", "1"), ("b", "1", 1))
        # What stood before it is stored and seen; the one without a stream is neither.
        self.assertEqual(self.call("HLEN", key("seen:0")), 1)
        self.assertEqual(self.call("XLEN", stream(0)), 1)
        self.assertEqual(self.call("EXISTS", stream(1)), 0)
        self.call("XGROUP", "CREATE", stream(1), "dispatch", "0", "MKSTREAM")
        self.assertEqual(self.ingest(("a", "1"), ("b", "1", 1)), [0, 1])

    def test_a_failed_append_is_not_seen(self):
        self.call("DEL", stream(1))
        self.call("SET", stream(1), "not a stream")
        self.error("WRONGTYPE", self.ingest, ("a", "1"), ("b", "1", 1))
        self.assertEqual(self.call("HKEYS", key("seen:0")), [b"a"])


class Settle(Case):
    def test_not_pending_writes_nothing(self):
        self.ingest(("e", "d"))
        entry = self.read("n2")[0]
        self.assertEqual(self.settle(entry, ("s", "park", 0, 0)), 0)
        self.assert_nothing_left()
        self.assertEqual(self.call("XPENDING", stream(0), GROUP)[0], 1)

    def test_content_gone(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.call("XDEL", stream(0), entry)
        self.assertEqual(self.settle(entry, ("s", "park", 0, 0)), -1)
        self.assert_nothing_left()
        self.assertEqual(self.call("XPENDING", stream(0), GROUP)[0], 1)

    def test_repeated_after_a_lost_reply(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.assertGreater(self.settle(entry, ("s", "park", 0, 1), ("t", "park", 0, 0)), 0)
        self.assertEqual(self.settle(entry, ("s", "park", 0, 1), ("t", "park", 0, 0)), 0)
        self.assertEqual(self.refs(member_of(0, entry)), 2)

    def test_chunks_with_a_cursor(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        member = member_of(0, entry)
        for _ in range(2):
            self.settle(entry, ("s", "park", 0, 0), ack=False, cursor="7")
            self.assertEqual(self.call("HGET", key("cursors"), member), b"7")
            self.assertEqual(self.refs(member), 1)
        self.resolve(*self.claim()[0][:1], "done", attempt=1)
        self.assertEqual(self.refs(member), 0)
        self.settle(entry, ("t", "park", 0, 0))
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(self.call("EXISTS", key("cursors")), 0)

    def test_an_ack_by_another_leaves_no_cursor(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("s", "park", 0, 0), ack=False, cursor="7")
        self.call("XACK", stream(0), GROUP, entry)
        self.assertEqual(self.settle(entry, ("t", "park", 0, 0), cursor="9", ack=False), 0)
        self.assertEqual(self.call("EXISTS", key("cursors"), parked("t")), 0)

    def test_a_fenced_settle_leaves_the_heir_its_cursor(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("s", "park", 0, 0), ack=False, cursor="7")
        self.call("XCLAIM", stream(0), GROUP, "n2", 0, entry)
        self.assertEqual(self.settle(entry, ("t", "park", 0, 0)), 0)
        self.assertEqual(self.call("HGET", key("cursors"), member_of(0, entry)), b"7")

    def test_poison_goes_to_the_dead(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("-", "dead", 0, 6))
        self.assertEqual(self.refs(member_of(0, entry)), 1)
        self.assertEqual(int(self.call("ZRANGE", dead("-"), 0, 0, "WITHSCORES")[1]) % 64, 6)
        self.assertEqual(self.call("EXISTS", key("due")), 0)
        self.assertEqual(self.call("XPENDING", stream(0), GROUP)[0], 0)

    def test_nothing_owed_is_an_ack(self):
        self.ingest(("e", "d"))
        self.assertGreater(self.settle(self.read()[0]), 0)
        self.assert_nothing_left()

    def test_due_is_the_earliest_and_at_most_ten_minutes_ahead(self):
        self.park(delay=3_600_000, field="far")
        ahead = float(self.call("ZSCORE", key("due"), "s")) - self.now()
        self.assertTrue(590_000 < ahead <= 600_000, ahead)
        self.park(delay=1_000, field="near")
        self.assertLess(float(self.call("ZSCORE", key("due"), "s")) - self.now(), 1_001)

    def test_lease_of_a_running_attempt(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        now = self.settle(entry, ("s", "park", 10_000, 1))
        lease = (now + 10_000) * 64 + 1
        self.assertEqual(self.resolve(member_of(0, entry), "again", lease, 5, 1), 1)


class Claim(Case):
    def test_lease_attempt_and_content(self):
        member = self.park(attempt=1)
        (found, attempt, lease, body), = self.claim()
        self.assertEqual((found, attempt, body), (member, 2, b"local\nbody of e"))
        score = self.call("ZSCORE", parked("s"), member)
        self.assertEqual(score.decode(), lease)
        self.assertEqual(int(lease) % 64, 2)
        self.assertEqual(self.claim(), [])
        self.assertGreater(float(self.call("ZSCORE", key("due"), "s")), self.now() + 50_000)

    def test_limit_zero_moves_the_lane_on(self):
        self.park()
        self.assertEqual(self.claim(limit=0, again=5_000), [])
        ahead = float(self.call("ZSCORE", key("due"), "s")) - self.now()
        self.assertTrue(4_000 < ahead <= 5_000, ahead)
        self.assertEqual(len(self.claim()), 1)

    def look(self, ahead=0, most=10):
        return [lane.decode() for lane in self.run_script("due", [key("due")], [ahead, most])]

    def test_a_look_is_by_the_clock_of_redis(self):
        now = self.now()
        self.call("ZADD", key("due"), now - 5000, "old", now, "new", now + 5000, "later",
                  now + 599_000, "last")
        self.assertEqual(self.look(), ["old", "new"])
        self.assertEqual(self.look(most=1), ["old"])
        self.assertEqual(self.look(ahead=6000), ["old", "new", "later"])

    def test_what_was_parked_while_the_clock_was_wrong(self):
        """Set a year ahead for a while: the lane is looked at, and the delivery goes."""
        year = 365 * 86_400_000
        member = self.park(attempt=3)
        self.call("ZADD", parked("s"), (self.now() + year) * 64 + 3, member)
        self.call("ZADD", key("due"), self.now() + year, "s", self.now() + 599_000, "other")
        self.assertEqual(self.look(), ["s"])
        self.assertEqual(self.claim(), [])
        self.assertEqual(self.look(), ["s"])
        (claimed, attempt, _, _), = self.claim()
        self.assertEqual((claimed, attempt), (member, 4))

    def test_an_empty_lane_leaves_due(self):
        self.call("ZADD", key("due"), 1, "s")
        self.assertEqual(self.claim(limit=0), [])
        self.assertEqual(self.call("EXISTS", key("due")), 0)

    def test_content_gone(self):
        member = self.park()
        self.call("HDEL", key("kept"), member)
        self.assertIsNone(self.claim()[0][3])
        self.assertEqual(self.resolve(member, "forget"), 1)
        self.assertEqual(self.call("EXISTS", key("refs"), parked("s"), key("due")), 0)

    def test_the_attempt_number_never_leaves_its_six_bits(self):
        self.park(attempt=63)
        lease = int(self.claim(lease=0)[0][2])
        self.assertEqual(lease % 64, 63)

    def test_lanes_take_turns(self):
        for i in range(6):
            self.park(lane="many", field=f"m{i}")
        long_ago = self.now() - 5_000
        for i, member in enumerate(self.call("ZRANGE", parked("many"), 0, -1)):
            self.call("ZADD", parked("many"), (long_ago + i) * 64, member)
        self.call("ZADD", key("due"), long_ago, "many")
        self.park(lane="late", field="late")
        member, _, lease, _ = self.claim(limit=2, lane="many")[0]
        self.assertEqual(self.call("ZRANGE", key("due"), 0, 0), [b"late"])
        time.sleep(0.002)
        self.resolve(member, "done", lease, lane="many")
        self.assertEqual(self.call("ZRANGE", key("due"), 0, 0), [b"late"])


class Resolve(Case):
    def claimed(self, **arguments):
        member = self.park(**arguments)
        return member, self.claim()[0][2]

    def test_done_twice(self):
        member, lease = self.claimed()
        self.assertEqual(self.resolve(member, "done", lease), 1)
        self.assertEqual(self.resolve(member, "done", lease), 0)
        self.assert_nothing_left()

    def test_done_needs_no_lease(self):
        member, _ = self.claimed()
        self.assertEqual(self.resolve(member, "done", "17"), 1)
        self.assert_nothing_left()

    def test_done_without_a_lease_known(self):
        member, _ = self.claimed()
        self.assertEqual(self.resolve(member, "done"), 1)
        self.assert_nothing_left()

    def test_again_is_fenced(self):
        member, lease = self.claimed()
        self.assertEqual(self.resolve(member, "again", int(lease) - 64, 0), 0)
        self.assertEqual(self.resolve(member, "again", lease, 0), 1)
        self.assertEqual(self.resolve(member, "again", lease, 60_000), 0)
        time.sleep(0.002)
        self.assertEqual(self.claim()[0][1], 2)

    def test_dead_is_fenced_and_a_move(self):
        member, lease = self.claimed()
        self.assertEqual(self.resolve(member, "dead", int(lease) - 64), 0)
        self.assertEqual(self.resolve(member, "dead", lease, attempt=9), 1)
        self.assertEqual(self.resolve(member, "dead", lease), 0)
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(int(self.call("ZSCORE", dead("s"), member)) % 64, 9)
        self.assertEqual(self.call("EXISTS", key("due"), parked("s")), 0)

    def both(self, attempt):
        """Listed dead, and parked once more: two references."""
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("s", "dead", 0, 3), ack=False, cursor="1")
        self.settle(entry, ("s", "park", 0, attempt))
        member = member_of(0, entry)
        self.assertEqual(self.refs(member), 2)
        return member

    def test_dead_onto_a_dead_entry_drops_one_reference(self):
        member = self.both(1)
        self.assertEqual(self.resolve(member, "dead", self.claim()[0][2]), 1)
        self.assertEqual(self.refs(member), 1)

    def test_done_clears_the_dead_entry_too(self):
        member = self.both(1)
        self.assertEqual(self.resolve(member, "done"), 1)
        self.assert_nothing_left()

    def test_a_stale_done_leaves_what_was_revived(self):
        member = self.both(0)
        self.assertEqual(self.resolve(member, "done", "17"), 1)
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(self.resolve(member, "done", "17"), 0)
        _, attempt, lease, _ = self.claim()[0]
        self.assertEqual((attempt, self.resolve(member, "done", lease)), (1, 1))
        self.assert_nothing_left()

    def test_forget(self):
        member = self.both(0)
        self.assertEqual(self.resolve(member, "forget"), 1)
        self.assertEqual(self.resolve(member, "forget"), 0)
        self.assert_nothing_left()

    def test_one_copy_for_many_lanes(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("s", "park", 0, 1), ("t", "park", 0, 1))
        member = member_of(0, entry)
        self.resolve(member, "done")
        self.assertEqual(self.refs(member), 1)
        self.resolve(member, "done", lane="t")
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
