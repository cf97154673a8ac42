#!/usr/bin/env python3
"""The edges of the scripts for lanes that are claimed whole, one by one, on a real redis-server."""
import time
import unittest

from case import Case
from shard import GROUP, dead, key, parked, stream


class Strict(Case):
    def held(self, lane="s"):
        value = self.call("HGET", key("held"), lane)
        return value and value.decode().split(" ")[1]

    def test_one_claim_at_a_time(self):
        first, second = self.park(), self.park(field="f")
        (_, _, lease, _), = self.claim_strict(limit=1)
        self.assertEqual(self.held(), "t1")
        self.park(field="g", rest=("strict", 0, 0))
        self.assertGreater(self.due_in(), 50_000)
        self.call("ZADD", key("due"), 1, "s")
        self.assertEqual(self.claim_strict(token="t2"), [])
        self.assertEqual(self.held(), "t1")
        self.assertGreater(self.due_in(), 50_000)
        self.resolve(first, "done", lease, mode="strict", last="t1")
        self.assertIsNone(self.held())
        self.assertLessEqual(self.due_in(), 0)
        self.assertEqual(len(self.claim_strict(token="t2")), 2)
        self.assertEqual(self.refs(second), 1)

    def test_the_hold_ends_by_itself(self):
        self.park()
        self.assertEqual(len(self.claim_strict(lease=1)), 1)
        time.sleep(0.003)
        self.assertEqual(len(self.claim_strict(token="t2")), 1)
        self.assertEqual(self.held(), "t2")

    def test_what_was_held_while_the_clock_was_wrong(self):
        """Set a year ahead for a while: no hold and no rest of then keeps a lane."""
        ahead = self.now() + 365 * 86_400_000
        member = self.park()
        self.call("HSET", key("held"), "s", f"{ahead} t0", "s~rest", ahead)
        lease = self.claim_strict()[0][2]
        self.call("HSET", key("held"), "s~rest", ahead)
        self.park(field="f", rest=("strict", 0, 0))
        self.resolve(member, "done", lease, mode="strict", last="t1", rest=30_000)
        self.assertTrue(29_000 < self.due_in() <= 30_000)

    def test_what_was_parked_while_the_clock_was_wrong(self):
        ahead = (self.now() + 365 * 86_400_000) * 64
        for mode in ("strict", "batch", "wait", "skip"):
            self.call("DEL", key("held"))
            member = self.park(lane=mode, field=mode)
            self.call("ZADD", parked(mode), ahead + 2, member)
            batch = (5, 100, 1000) if mode == "batch" else ()
            claimed = [one for _ in range(2)
                       for one in self.claim_strict(mode, lane=mode, batch=batch)]
            self.assertEqual([one[:2] for one in claimed], [(member, 3)], mode)

    def test_only_the_holder_lets_go(self):
        member = self.park()
        self.park(field="f")
        lease = self.claim_strict()[0][2]
        self.resolve(member, "done", lease, mode="strict", last="t0")
        self.assertEqual(self.held(), "t1")
        self.assertGreater(self.due_in(), 50_000)

    def test_more_follow(self):
        member = self.park()
        self.park(field="f")
        lease = self.claim_strict()[0][2]
        self.resolve(member, "done", lease, mode="strict")
        self.assertEqual(self.held(), "t1")
        self.assertGreater(self.due_in(), 50_000)

    def test_a_rest_keeps_it_held_once(self):
        member = self.park()
        lease = self.claim_strict()[0][2]
        self.park(field="f", rest=("strict", 0, 0))
        self.resolve(member, "done", lease, mode="strict", last="t1", rest=30_000)
        self.assertTrue(29_000 < self.due_in() <= 30_000)
        self.assertIsNone(self.held())
        until = self.call("HGET", key("held"), "s~rest")
        time.sleep(0.002)
        self.resolve(member, "done", lease, mode="strict", last="t1", rest=30_000)
        self.assertEqual(self.call("HGET", key("held"), "s~rest"), until)
        self.assertEqual(self.claim_strict(token="t2"), [])

    def test_the_rest_of_an_empty_lane_counts(self):
        member = self.park()
        lease = self.claim_strict()[0][2]
        self.resolve(member, "done", lease, mode="strict", last="t1", rest=30_000)
        self.assertEqual(self.call("EXISTS", key("due")), 0)
        self.park(field="f", rest=("strict", 0, 0))
        self.assertTrue(29_000 < self.due_in() <= 30_000)
        self.assertEqual(self.claim_strict(token="t2"), [])

    def test_a_rest_is_for_all_lanes_of_the_subscription(self):
        lanes = ("s", "s~replay", "s/k")
        members = {lane: self.park(lane=lane, field=f"e{lane}") for lane in lanes}
        leases = {lane: self.claim_strict(lane=lane, token=f"t{lane}", hold=0)[0][2]
                  for lane in lanes}
        for lane in lanes:
            self.park(lane=lane, field=f"f{lane}")
            self.resolve(members[lane], "done", leases[lane], lane=lane, mode="strict",
                         last=f"t{lane}", rest=10_000)
        # What was attempted in each adds up, and nothing is kept but for the subscription.
        self.assertEqual(self.call("HKEYS", key("held")), [b"s~rest"])
        self.assertTrue(29_000 < self.due_in("s/k") <= 30_000)
        for lane in lanes:
            self.assertEqual(self.claim_strict(lane=lane, token="t2"), [])
            self.assertTrue(29_000 < self.due_in(lane) <= 30_000)
        self.call("HSET", key("held"), "s~rest", 1)
        self.assertEqual(len(self.claim_strict(lane="s~replay", token="t3")), 1)
        self.assertIsNone(self.call("HGET", key("held"), "s~rest"))

    def test_a_replay_and_live_events_are_one_at_a_time(self):
        for held, other in (("s", "s~replay"), ("s~replay", "s")):
            first = self.park(lane=held, field=f"1{held}")
            second = self.park(lane=other, field=f"2{held}")
            lease = self.claim_strict(limit=1, lane=held)[0][2]
            self.assertEqual(self.claim_strict(limit=1, lane=other, token="t2"), [])
            self.assertTrue(0 < self.due_in(other) <= 50, self.due_in(other))
            self.resolve(first, "done", lease, mode="strict", last="t1", lane=held)
            lease = self.claim_strict(limit=1, lane=other, token="t2")[0][2]
            self.resolve(second, "done", lease, mode="strict", last="t2", lane=other)
        # Batches and lanes in order are not.
        self.park(lane="s", field="g"), self.park(lane="s~replay", field="h")
        self.assertEqual(len(self.claim_strict("batch", batch=(1, 0, 1000))), 1)
        self.assertEqual(len(self.claim_strict("batch", lane="s~replay", batch=(1, 0, 1000))), 1)

    def test_nothing_taken_holds_nothing(self):
        self.park(delay=60_000)
        self.call("HSET", key("held"), "s", "5 old")
        self.assertEqual(self.claim_strict(), [])
        self.assertIsNone(self.held())
        self.assertGreater(self.due_in(), 50_000)

    def test_limit_zero_moves_the_lane_on(self):
        self.park()
        self.assertEqual(self.claim_strict(limit=0, again=5_000), [])
        self.assertTrue(4_000 < self.due_in() <= 5_000)
        self.assertIsNone(self.held())

    def test_an_empty_lane_leaves_due(self):
        self.call("ZADD", key("due"), 1, "s")
        self.claim_strict()
        self.assertEqual(self.call("EXISTS", key("due"), key("held")), 0)

    def test_plain_deliveries_cost_no_hold(self):
        member = self.park()
        self.resolve(member, "done", self.claim()[0][2])
        self.assert_nothing_left()


class Ordered(Case):
    ORDER = ("order", 0, 0)
    held = Strict.held
    def put(self, n):
        return [self.park(lane="s/k", field=f"e{i}", rest=self.ORDER) for i in range(n)]

    def claim_next(self, mode="wait", token="t1", **more):
        found = self.claim_strict(mode, token, lane="s/k", **more)
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None

    def settle_next(self, claimed, verb, mode="wait", token="t1", delay=0, attempt=None):
        member, number, lease, _ = claimed
        attempt = number if attempt is None else attempt
        self.assertEqual(self.resolve(member, verb, lease, delay, attempt, "s/k", mode=mode,
                                      last=token), 1)

    def test_one_by_one(self):
        members = self.put(12)
        for member in members:
            claimed = self.claim_next()
            self.assertEqual(claimed[:2], (member, 1))
            self.assertIsNone(self.claim_next(token="t2"))
            self.settle_next(claimed, "done")
        self.assert_nothing_left()

    def test_ids_sort_as_numbers(self):
        for seq in (10, 9, 100, 2):
            self.call("ZADD", parked("s/k"), 0, f"00-5-{seq:010d}")
        got = []
        while (claimed := self.claim_next()) is not None:
            got.append(int(claimed[0][-10:]))
            self.call("ZREM", parked("s/k"), claimed[0])
            self.call("HDEL", key("held"), "s/k")
        self.assertEqual(got, [2, 9, 10, 100])

    def test_a_retry_holds_all_up(self):
        first, _ = self.put(2)
        self.settle_next(self.claim_next(), "again", delay=60_000)
        self.assertTrue(59_000 < self.due_in("s/k") <= 60_000)
        self.assertIsNone(self.claim_next())
        self.assertTrue(59_000 < self.due_in("s/k") <= 60_000)
        self.call("ZADD", parked("s/k"), 64 + 1, first)
        self.assertEqual(self.claim_next()[:2], (first, 2))

    def test_skip_passes_a_retry_by(self):
        first, second, third = self.put(3)
        self.settle_next(self.claim_next("skip"), "again", "skip", delay=60_000)
        self.assertLessEqual(self.due_in("s/k"), 0)
        claimed = self.claim_next("skip")
        self.assertEqual(claimed[0], second)
        self.settle_next(claimed, "done", "skip")
        self.call("ZADD", parked("s/k"), 64 + 1, first)
        claimed = self.claim_next("skip")
        self.assertEqual(claimed[:2], (first, 2))
        self.settle_next(claimed, "again", "skip", delay=60_000)
        self.settle_next(self.claim_next("skip"), "done", "skip")
        self.assertTrue(59_000 < self.due_in("s/k") <= 60_000)
        self.assertEqual(self.call("ZCARD", parked("s/k")), 1)
        self.assertIsNone(self.claim_next("skip"))
        self.assertTrue(59_000 < self.due_in("s/k") <= 60_000)
        self.assertNotEqual(third, first)

    def test_no_attempt_made_goes_back_to_its_place(self):
        for mode in ("wait", "skip"):
            first, _ = self.put(2)
            self.settle_next(self.claim_next(mode), "again", mode, delay=30_000, attempt=0)
            self.assertEqual(self.call("ZSCORE", parked("s/k"), first), b"0")
            self.assertTrue(29_000 < self.due_in("s/k") <= 30_000)
            self.assertEqual(self.claim_next(mode)[:2], (first, 1))
            self.setUp()

    def test_not_before_what_is_pending_in_front(self):
        self.ingest(("before", "d"))
        entry = self.read()[0]
        member, = self.put(1)
        self.assertIsNone(self.claim_next())
        self.assertTrue(40 < self.due_in("s/k") <= 50)
        self.call("XACK", stream(0), GROUP, entry)
        self.assertEqual(self.claim_next()[0], member)

    def test_not_while_its_own_event_is_pending(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("s/k", "order", 0, 0, 0, 0), ack=False, cursor="1")
        self.assertIsNone(self.claim_next())

    def test_what_is_pending_behind_is_no_matter(self):
        member, = self.put(1)
        self.ingest(("behind", "d"))
        self.read()
        self.assertEqual(self.claim_next()[0], member)

    def test_a_dead_one_makes_room(self):
        first, second = self.put(2)
        self.settle_next(self.claim_next(), "dead")
        self.assertIsNotNone(self.call("ZSCORE", dead("s"), first))
        self.assertEqual(self.claim_next()[0], second)

    def test_a_lease_that_ended_is_a_retry(self):
        first, _ = self.put(2)
        self.claim_next(lease=1)
        time.sleep(0.003)
        self.assertEqual(self.claim_next(token="t2")[:2], (first, 2))


class Replay(Case):
    """The replay of an ordered subscription: one line over all keys."""
    LANE = "s~replay"

    def put(self, n, ordered=True):
        rest = Ordered.ORDER if ordered else ("park",)
        return [self.park(lane=self.LANE, field=f"e{i}", delay=0 if ordered else 100 * (n - i),
                          rest=rest) for i in range(n)]

    def claim_next(self, mode="wait", token="t1"):
        found = self.claim_strict(mode, token, lane=self.LANE)
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None

    def fail(self, claimed, mode="wait", delay=60_000):
        member, number, lease, _ = claimed
        self.assertEqual(self.resolve(member, "again", lease, delay, number, self.LANE, mode=mode,
                                      last="t1"), 1)

    def test_what_is_pending_is_no_matter(self):
        self.ingest(("before", "d"))
        self.read()
        member, = self.put(1)
        self.assertEqual(self.claim_next()[:2], (member, 1))

    def test_a_retry_holds_all_up_or_is_passed_by(self):
        for mode in ("wait", "skip"):
            first, second = self.put(2)
            self.fail(self.claim_next(mode), mode)
            ahead = self.due_in(self.LANE)
            self.assertTrue(59_000 < ahead <= 60_000 if mode == "wait" else ahead <= 0, mode)
            claimed = self.claim_next(mode)
            self.assertEqual(claimed and claimed[0], None if mode == "wait" else second)
            self.call("HDEL", key("held"), self.LANE)
            self.call("ZADD", parked(self.LANE), 64 + 1, first)
            self.assertEqual(self.claim_next(mode)[:2], (first, 2), mode)
            self.setUp()

    def test_what_waited_for_its_time_before_it_was_ordered(self):
        """It was revived at times, the last ones first: it goes by its ids, behind what failed."""
        members = self.put(4, ordered=False)
        self.call("ZADD", parked(self.LANE), (self.now() + 200) * 64 + 1, members[3])
        self.assertIsNone(self.claim_next())
        self.call("ZADD", parked(self.LANE), 64 + 1, members[3])
        self.assertEqual(self.claim_next()[:2], (members[3], 2))
        self.resolve(members[3], "forget", lane=self.LANE, mode="wait", last="t1")
        for member in members[:3]:
            claimed = self.claim_next()
            self.assertEqual(claimed[:2], (member, 1))
            self.resolve(member, "done", claimed[2], lane=self.LANE, mode="wait", last="t1")
        self.assert_nothing_left()

    def test_of_very_many_a_part_is_put_in_order_at_a_time(self):
        ahead = (self.now() + 60_000) * 64
        self.call("ZADD", parked(self.LANE), *[word for i in range(2500) for word in
                                               (ahead - 64 * i, f"00-5-{i:010d}")])
        for waiting in (1000, 2000):
            self.assertIsNone(self.claim_next())
            self.assertEqual(self.call("ZCOUNT", parked(self.LANE), 0, 0), waiting)
            self.assertLessEqual(self.due_in(self.LANE), 0)
        self.assertEqual(self.claim_next()[:2], ("00-5-0000000000", 1))


class Batch(Case):
    def put(self, n, wait=60_000, fill=3, start=0):
        return [self.park(delay=wait, field=f"e{start + i}", rest=("batch", 0, fill))
                for i in range(n)]

    def claim_batch(self, limit=10, fill=3, wait=60_000, most=1_000, token="t1"):
        return [c[0] for c in self.claim_strict("batch", token, limit=limit,
                                                batch=(fill, wait, most))]

    def test_waits_until_enough_are_there(self):
        members = self.put(2)
        self.assertGreater(self.due_in(), 50_000)
        self.assertEqual(self.claim_batch(), [])
        self.assertGreater(self.due_in(), 50_000)
        members += self.put(1, start=2)
        self.assertLessEqual(self.due_in(), 0)
        self.assertEqual(self.claim_batch(), members)

    def test_paused_it_is_looked_at_later(self):
        for i in range(4):
            self.park(delay=0, field=f"e{i}", rest=("batch", 30_000, 3))
        self.assertTrue(29_000 < self.due_in() <= 30_000)

    def test_waits_no_longer_than_it_may(self):
        first, = self.put(1, wait=1)
        second, = self.put(1, start=1)
        time.sleep(0.003)
        self.assertEqual(self.claim_batch(), [first, second])

    def test_so_many_and_so_many_bytes(self):
        members = self.put(5)
        self.assertEqual(self.claim_batch(limit=4), members[:4])
        self.setUp()
        members = self.put(5)
        each = len("body of e0")
        self.assertEqual(self.claim_batch(most=2 * each + 1), members[:2])
        self.setUp()
        members = self.put(5)
        self.assertEqual(self.claim_batch(most=1), members[:1])

    def test_a_retry_is_not_early(self):
        members = self.put(4)
        self.call("ZADD", parked("s"), (self.now() + 30_000) * 64 + 1, members[0])
        self.assertEqual(self.claim_batch(), members[1:])

    def test_one_that_waits_for_a_retry_fills_nothing(self):
        members = self.put(3)
        self.call("ZADD", parked("s"), (self.now() + 30_000) * 64 + 1, members[0])
        self.assertEqual(self.claim_batch(), [])
        self.assertTrue(29_000 < self.due_in() <= 30_000)

    def test_the_next_batch_follows_at_once(self):
        members = self.put(7)
        claimed = self.claim_strict("batch", limit=3, batch=(3, 60_000, 1_000))
        done = [(m, "done", lease, 0, n) for m, n, lease, _ in claimed]
        self.resolve_all(done, mode="batch", last="t1", batch=(3, 60_000))
        self.assertLessEqual(self.due_in(), 0)
        claimed = self.claim_strict("batch", limit=3, batch=(3, 60_000, 1_000))
        self.assertEqual([c[0] for c in claimed], members[3:6])
        done = [(m, "done", lease, 0, n) for m, n, lease, _ in claimed]
        self.resolve_all(done, mode="batch", last="t1", batch=(3, 60_000))
        self.assertGreater(self.due_in(), 50_000)

    def test_no_attempt_made_lets_the_lane_wait(self):
        self.put(4)
        claimed = self.claim_strict("batch", limit=3, batch=(3, 60_000, 1_000))
        back = [(m, "again", lease, 10_000, 0) for m, _, lease, _ in claimed]
        self.resolve_all(back, mode="batch", last="t1", batch=(3, 60_000))
        self.assertTrue(9_000 < self.due_in() <= 10_000)


if __name__ == "__main__":
    unittest.main()
