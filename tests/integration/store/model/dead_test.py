#!/usr/bin/env python3
"""The edges of the scripts for what dies, waits and is revived, one by one, on a real Redis."""
import time
import unittest

from case import STREAMS, Case
from shard import GROUP, dead, entry_of, key, member_of, parked, stream


class Why(Case):
    def why(self):
        found = self.call("HGETALL", key("why"))
        return {found[i].decode(): found[i + 1].decode() for i in range(0, len(found), 2)}

    def notes(self):
        return [e[1][3].decode() for e in self.call("XRANGE", stream(0), "-", "+")
                if e[1][1] == b"us"]

    def die(self, why="w1", note="", field="e"):
        """Dead by resolve, with one attempt: (member, lease)."""
        member = self.park(field=field)
        lease = self.claim()[0][2]
        self.assertEqual(self.resolve(member, "dead", lease, why=(why, "us", note)), 1)
        return member, lease

    def test_settle_writes_it_and_forget_takes_it(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        member = member_of(0, entry)
        self.settle(entry, ("s", "dead", 0, 3, "w1", "us", "n1"), ("t", "dead", 0, 3))
        self.assertEqual(self.why(), {"s " + member: "w1"})
        self.assertEqual(self.notes(), ["n1"])
        self.settle(entry, ("s", "dead", 0, 3, "w1", "us", "n1"))
        self.assertEqual(self.notes(), ["n1"])
        self.resolve(member, "forget")
        self.resolve(member, "forget", lane="t")
        self.assertEqual(self.why(), {})

    def test_a_settle_onto_a_dead_entry_tells_the_newer_and_no_note(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        self.settle(entry, ("s", "dead", 0, 3, "w1", "us", "n1"), ack=False, cursor="1")
        score = self.call("ZSCORE", dead("s"), member_of(0, entry))
        time.sleep(0.002)
        self.settle(entry, ("s", "dead", 0, 4, "w2", "us", "n2"))
        self.assertEqual(self.refs(member_of(0, entry)), 1)
        self.assertEqual(list(self.why().values()), ["w2"])
        self.assertEqual(self.notes(), ["n1"])
        self.assertGreater(self.call("ZSCORE", dead("s"), member_of(0, entry)), score)

    def test_a_clock_set_back_keeps_the_newer(self):
        member, _ = self.die()
        self.call("ZADD", dead("s"), (self.now() + 60_000) * 64, member)
        self.revive_by_hand(member)
        self.assertEqual(self.resolve(member, "dead", self.claim()[0][2], why=("w2", "", "")), 1)
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(list(self.why().values()), ["w1"])

    def revive_by_hand(self, member):
        self.call("ZADD", parked("s"), 0, member)
        self.call("HINCRBY", key("refs"), member, 1)

    def test_resolve_writes_it_and_done_takes_it(self):
        member, lease = self.die(note="n1")
        self.assertEqual((self.why(), self.notes()), ({"s " + member: "w1"}, ["n1"]))
        self.assertEqual(self.resolve(member, "dead", lease, why=("w2", "us", "n2")), 0)
        self.assertEqual((self.why(), self.notes()), ({"s " + member: "w1"}, ["n1"]))
        self.assertEqual(self.resolve(member, "done"), 1)
        self.assertEqual(self.why(), {})
        self.assertEqual(self.refs(member), 0)

    def test_dead_once_more_tells_the_newer_and_no_note(self):
        member, _ = self.die(note="n1")
        self.revive_by_hand(member)
        time.sleep(0.002)
        self.resolve(member, "dead", self.claim()[0][2], attempt=2, why=("w2", "us", "n2"))
        self.assertEqual(self.refs(member), 1)
        self.assertEqual((list(self.why().values()), self.notes()), (["w2"], ["n1"]))
        self.revive_by_hand(member)
        time.sleep(0.002)
        self.resolve(member, "dead", self.claim()[0][2], attempt=2)
        self.assertEqual(self.why(), {})

    def test_a_note_is_an_event_like_any(self):
        self.die(note="n1")
        entry, = self.read()
        self.assertEqual(self.call("XRANGE", stream(0), entry, entry)[0][1],
                         [b"o", b"us", b"e", b"n1"])

    def test_a_note_makes_no_stream(self):
        member = self.park()
        self.call("DEL", stream(0))
        self.resolve(member, "dead", self.claim()[0][2], why=("w", "us", "n"))
        self.assertEqual(self.call("EXISTS", stream(0)), 0)
        self.assertEqual(self.why(), {"s " + member: "w"})


class Look(Case):
    def test_the_lane_later_than_its_member(self):
        member = self.park(rest=("look", 60_000, 0))
        self.assertLessEqual(float(self.call("ZSCORE", parked("s"), member)) / 64, self.now())
        self.assertTrue(59_000 < self.due_in() <= 60_000)
        self.park(rest=("look", 3_600_000, 0), lane="t", field="f")
        self.assertTrue(590_000 < self.due_in("t") <= 600_000)
        self.park(delay=60_000, rest=("look", 5_000, 0), lane="u", field="g")
        self.assertTrue(59_000 < self.due_in("u") <= 60_000)

    def pull(self, cursor="0", count=1000, sub="s"):
        return self.run_script("pull", [key("due")], [sub, cursor, count])

    def test_pull(self):
        for lane in ("s", "s~replay", "s/00", "s/01", "s2", "s2/00", "t"):
            self.call("ZADD", key("due"), self.now() + 60_000, lane)
        self.call("ZADD", key("due"), 5, "s/02")
        self.assertEqual(self.pull(), [b"0", 4])
        for lane in ("s", "s~replay", "s/00", "s/01"):
            self.assertLessEqual(self.due_in(lane), 0, lane)
        self.assertEqual(self.call("ZSCORE", key("due"), "s/02"), b"5")
        for lane in ("s2", "s2/00", "t"):
            self.assertGreater(self.due_in(lane), 50_000, lane)
        self.assertEqual(self.pull(sub="nobody"), [b"0", 0])
        self.assertEqual(self.call("ZCARD", key("due")), 8)

    def test_pull_goes_on_by_cursor(self):
        later = self.now() + 60_000
        for i in range(500):
            self.call("ZADD", key("due"), later, f"s/{i:04d}", later, f"t/{i:04d}")
        cursor, calls = "0", 0
        while calls == 0 or cursor != "0":
            cursor, pulled = self.pull(cursor, 50)
            cursor, calls = cursor.decode(), calls + 1
            self.assertLess(pulled, 200)
        self.assertGreater(calls, 5)
        self.assertEqual(self.call("ZCOUNT", key("due"), "-inf", later - 1), 500)


class Reviving(Case):
    def revive(self, *items, job=("", "", ""), delay=0, spread=0, ordered=0):
        """Each is (member, "dead" or "event")."""
        keys = [key("due"), parked("s~replay"), dead("s"),
                *[key(n) for n in ("kept", "refs", "why", "replays")], *STREAMS]
        arguments = ["s~replay", "s", delay, spread, *job, ordered]
        for member, source in items:
            _, ms, seq = member.split("-")
            arguments += [member, f"{ms}-{int(seq)}", source]
        return self.run_script("revive", keys, arguments)


class Revive(Reviving):
    def dead_one(self, field="e"):
        self.ingest((field, "d"))
        entry = self.read()[-1]
        self.settle(entry, ("s", "dead", 0, 5, "w", "", ""))
        return member_of(0, entry)

    def retained(self, n=1):
        self.ingest(*[(f"r{i}", "d") for i in range(n)])
        entries = self.read()
        self.call("XACK", stream(0), GROUP, *entries)
        return [member_of(0, e) for e in entries]

    def test_a_dead_letter_moves(self):
        member = self.dead_one()
        self.assertEqual(self.revive((member, "dead")), 1)
        self.assertEqual(self.call("EXISTS", dead("s"), key("why")), 0)
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(self.revive((member, "dead")), 0)
        (found, attempt, lease, body), = self.claim(lane="s~replay")
        self.assertEqual((found, attempt, body), (member, 1, b"local\nbody of e"))
        self.assertEqual(self.resolve(member, "dead", lease, lane="s~replay"), 1)
        self.assertIsNotNone(self.call("ZSCORE", dead("s"), member))
        self.assertEqual(self.refs(member), 1)

    def test_a_dead_letter_that_is_parked_already_drops_a_reference(self):
        member = self.dead_one()
        self.revive((member, "event"))
        self.assertEqual(self.refs(member), 2)
        self.assertEqual(self.revive((member, "dead")), 0)
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(self.call("EXISTS", dead("s"), key("why")), 0)

    def test_a_retained_event(self):
        member, = self.retained()
        self.assertEqual(self.revive((member, "event")), 1)
        self.assertEqual(self.revive((member, "event")), 0)
        self.assertEqual(self.refs(member), 1)
        self.trim()
        claimed = self.claim(lane="s~replay")[0]
        self.assertEqual(claimed[3], b"local\nbody of r0")
        self.resolve(member, "done", claimed[2], lane="s~replay")
        self.assert_nothing_left()

    def test_an_event_that_is_gone_is_passed_by(self):
        members = self.retained(2)
        self.call("XDEL", stream(0), "-".join([members[0].split("-")[1], "0"]))
        self.assertEqual(self.revive(*[(m, "event") for m in members]), 1)
        self.assertEqual((self.refs(members[0]), self.refs(members[1])), (0, 1))

    def test_spread(self):
        members = self.retained(3)
        self.revive(*[(m, "event") for m in members], delay=10_000, spread=1_000)
        scores = self.call("ZRANGE", parked("s~replay"), 0, -1, "WITHSCORES")[1::2]
        due = [int(s) // 64 - int(scores[0]) // 64 for s in scores]
        self.assertEqual(due, [0, 1_000, 2_000])
        self.assertEqual([int(s) % 64 for s in scores], [0, 0, 0])
        ahead = float(self.call("ZSCORE", key("due"), "s~replay")) - self.now()
        self.assertTrue(9_000 < ahead <= 10_000)

    def test_what_is_ordered_waits_by_its_id(self):
        members = self.retained(3)
        dying = self.dead_one()
        revived = [(m, "event") for m in reversed(members)]
        self.revive((dying, "dead"), *revived, delay=10_000, spread=1_000, ordered=1)
        self.assertEqual(self.call("ZRANGE", parked("s~replay"), 0, -1, "WITHSCORES"),
                         [word for m in (*members, dying) for word in (m.encode(), b"0")])
        ahead = float(self.call("ZSCORE", key("due"), "s~replay")) - self.now()
        self.assertTrue(9_000 < ahead <= 10_000)
        # Made plain again, it goes at once, as anything that is due.
        self.assertEqual([c[:2] for c in self.claim(lane="s~replay")],
                         [(m, 1) for m in (*members, dying)])

    def test_a_job_moves_on_with_what_it_revived(self):
        members = self.retained(2)
        self.call("HSET", key("replays"), "j", "c0")
        self.assertEqual(self.revive((members[0], "event"), job=("j", "c0", "c1")), 1)
        self.assertEqual(self.call("HGET", key("replays"), "j"), b"c1")
        self.resolve(members[0], "done", self.claim(lane="s~replay")[0][2], lane="s~replay")
        self.assertEqual(self.revive((members[0], "event"), job=("j", "c0", "c1")), -1)
        self.assertEqual(self.refs(members[0]), 0)
        self.assertEqual(self.revive((members[1], "event"), job=("j", "c1", "")), 1)
        self.assertEqual(self.call("EXISTS", key("replays")), 0)
        self.assertEqual(self.revive(job=("j", "c1", "")), -1)

    def test_live_traffic_of_the_same_event_is_left_alone(self):
        member = self.park()
        self.assertEqual(self.revive((member, "event")), 1)
        self.assertEqual(self.refs(member), 2)
        self.resolve(member, "done", self.claim()[0][2])
        self.assertEqual(self.refs(member), 1)
        self.assertEqual(len(self.claim(lane="s~replay")), 1)

    def test_states(self):
        member = self.dead_one()
        self.revive((member, "event"))
        keys = [parked("s"), parked("s~replay"), dead("s")]
        states = self.run_script("states", keys, [member])
        self.assertEqual([s is not None for s in states], [False, True, True])
        self.assertEqual(int(states[2]) % 64, 5)


class Bare(Reviving):
    """What a quota keeps from being parked dies without a copy of its event."""

    def bare_one(self, *others, field="e"):
        self.ingest((field, "d"))
        entry = self.read()[-1]
        self.assertGreater(self.settle(entry, ("s", "bare", 0, 1, "quota", "", ""), *others), 0)
        return member_of(0, entry)

    def content(self, member):
        return self.call("HGET", key("kept"), member)

    def listed(self, member):
        return self.run_script("kept", [key("kept"), *STREAMS], [1 << 20, member])[0]

    def test_it_is_dead_and_its_stream_has_it(self):
        member = self.bare_one()
        self.assertIsNotNone(self.call("ZSCORE", dead("s"), member))
        self.assertEqual(self.call("HGET", key("why"), "s " + member), b"quota")
        self.assertEqual((self.refs(member), self.content(member)), (1, b""))
        self.assertEqual(self.listed(member), b"local\nbody of e")
        self.trim()
        self.assertIsNone(self.listed(member))
        self.resolve(member, "forget")
        self.assert_nothing_left()

    def test_who_is_parked_has_the_content(self):
        member = self.bare_one(("t", "park", 0, 0))
        self.trim()
        self.assertEqual((self.refs(member), self.content(member)), (2, b"local\nbody of e"))
        self.assertEqual(self.claim(lane="t")[0][3], b"local\nbody of e")

    def test_a_later_chunk_needs_the_content(self):
        self.ingest(("e", "d"))
        entry = self.read()[0]
        member = member_of(0, entry)
        self.settle(entry, ("s", "bare", 0, 0, "quota", "", ""), ack=False, cursor="1")
        self.assertEqual(self.content(member), b"")
        self.settle(entry, ("t", "park", 0, 0), ack=False, cursor="2")
        self.settle(entry, ("u", "bare", 0, 0, "quota", "", ""))
        self.assertEqual((self.refs(member), self.content(member)), (3, b"local\nbody of e"))

    def test_it_is_revived_from_its_stream(self):
        member = self.bare_one()
        self.assertEqual(self.revive((member, "dead")), 1)
        self.trim()
        (found, attempt, lease, body), = self.claim(lane="s~replay")
        self.assertEqual((found, attempt, body), (member, 1, b"local\nbody of e"))
        self.resolve(member, "done", lease, lane="s~replay")
        self.assert_nothing_left()

    def test_without_its_event_it_stays_dead(self):
        member, other = self.bare_one(), self.bare_one(field="f")
        self.call("XDEL", stream(0), entry_of(member)[1])
        self.assertEqual(self.revive((member, "dead"), (other, "dead")), 1)
        self.assertIsNotNone(self.call("ZSCORE", dead("s"), member))
        self.assertEqual(self.call("HGET", key("why"), "s " + member), b"quota")
        self.assertEqual((self.refs(member), self.refs(other)), (1, 1))
        self.assertEqual(len(self.claim(lane="s~replay")), 1)
        # Nor is it kept by an event that nobody can read.
        self.assertEqual(self.revive((member, "event")), 0)


if __name__ == "__main__":
    unittest.main()
