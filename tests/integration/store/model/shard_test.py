#!/usr/bin/env python3
"""The edges of the scripts around the deliveries: registry, nodes, trimming, set-up, and what still
works at the memory limit."""
import unittest

from case import PARTITIONS, SCRIPTS, STREAMS, Case
from shard import DROP_KEYS, GROUP, REGISTRY_KEYS, Scripts, key, member_of, parked, setup, stream


class Trim(Case):
    def length(self):
        return self.call("XLEN", stream(0))

    def test_never_the_unread_or_the_pending(self):
        self.ingest(*[(f"e{i}", "d") for i in range(5)])
        self.assertEqual(self.trim(), 0)
        entries = self.read(count=4)
        self.assertEqual(self.trim(), 0)
        self.call("XACK", stream(0), GROUP, entries[0], entries[2], entries[3])
        self.assertEqual(self.trim(), 1)
        self.assertEqual(self.call("XRANGE", stream(0), "-", "+")[0][0].decode(), entries[1])

    def test_all_groups_count(self):
        self.ingest(("e", "d"), ("f", "d"))
        self.call("XGROUP", "CREATE", stream(0), "slow", "0")
        self.call("XACK", stream(0), GROUP, *self.read())
        self.assertEqual(self.trim(), 0)

    def test_a_settled_stream_becomes_empty_and_stays(self):
        self.ingest(("e", "d"), ("f", "d"))
        self.call("XACK", stream(0), GROUP, *self.read())
        self.assertEqual(self.trim(), 2)
        self.assertEqual(self.ingest(("g", "d")), [1])
        self.assertEqual(self.trim(), 0)
        self.assertEqual(len(self.read()), 1)

    def test_cutoff(self):
        self.ingest(("e", "d"))
        self.call("XACK", stream(0), GROUP, *self.read())
        self.assertEqual(self.trim(cutoff=f"{self.now() - 60_000}-0"), 0)
        self.assertEqual(self.length(), 1)

    def test_no_group_is_an_error(self):
        self.ingest(("e", "d"))
        self.call("XGROUP", "DESTROY", stream(0), GROUP)
        self.error("NOGROUP", self.trim)
        self.assertEqual(self.length(), 1)

    def test_without_a_bound_there_is_none(self):
        self.client.send([("XADD", stream(0), "*", "o", "l", "e", "b")] * 1_000)
        self.call("XACK", stream(0), GROUP, *self.read(count=1_000))
        self.assertEqual(self.trim(most=10), 10)
        self.assertEqual(self.trim(), 990)


class Registry(Case):
    def put(self, name, expected, etag, fingerprint="f1", record="{}"):
        return self.run_script("registry_put", REGISTRY_KEYS,
                               [name, expected, etag, fingerprint, record])

    def drop(self, name, expected="*", etag="t9", owner=""):
        return self.run_script("registry_drop", DROP_KEYS, [name, expected, etag, owner])

    def test_replay_comes_and_goes_with_it(self):
        rest = ["f1", "{}", "0", ""]
        self.run_script("registry_put", REGISTRY_KEYS, ["a", "", "t1", *rest, "job"])
        self.assertEqual(self.call("HGET", key("replays"), "a"), b"job")
        self.run_script("registry_put", REGISTRY_KEYS, ["a", "t1", "t2", *rest, "other"])
        self.assertEqual(self.call("HGET", key("replays"), "a"), b"job")
        self.put("a", "t2", "t3")
        self.assertEqual(self.call("HGET", key("replays"), "a"), b"job")
        self.drop("a", "t3", "t4")
        self.assertEqual(self.call("EXISTS", key("replays")), 0)

    def test_a_status_that_was_changed_meanwhile(self):
        """Tokens are renewed without another etag: they are not written over."""
        def put(etag, new, sets, status):
            return self.run_script("registry_put", REGISTRY_KEYS, [
                "a", etag, new, "f1", "{}", sets, status])[0]

        def status():
            return self.call("HGET", key("subs:records"), "a").decode().split("\n")[2:]
        self.assertEqual(put("", "t1", "1", "tokens 1"), b"ok")
        self.assertEqual(put("t1", "t2", "=tokens 0", "none"), b"changed")
        self.assertEqual(status(), ["tokens 1"])
        self.assertEqual(put("t1", "t2", "=tokens 1", "none"), b"ok")
        self.assertEqual(put("t1", "t2", "=tokens 1", "none"), b"ok")  # its reply was lost
        self.assertEqual(status(), ["none"])
        self.assertEqual(put("t2", "t3", "0", "other"), b"ok")
        self.assertEqual(status(), ["none"])
        self.assertEqual(put("t3", "t4", "1", "other"), b"ok")
        self.assertEqual(put("t4", "t5", "=other", ""), b"ok")
        self.assertEqual(status(), [])
        self.assertEqual(put("t5", "t6", "=", "again"), b"ok")
        self.assertEqual(status(), ["again"])

    def count(self, owner):
        n = self.call("HGET", key("subs:counts"), owner)
        return int(n) if n else 0

    def put_of(self, owner, most, name, expected="", etag="t1", record="{}"):
        return self.run_script("registry_put", REGISTRY_KEYS, [
            name, expected, etag, "f" + name, record, "0", "", "", owner, most])

    def test_a_replay_ends_where_its_record_begins(self):
        """Whatever its writer took for now, what was stored meanwhile is part of it."""
        before = self.now()
        self.run_script("registry_put", REGISTRY_KEYS,
                        ["a", "", "t1", "f1", "{}", "", "", "1 events 5 70 80 0 0 3 - 0 0 [70 1]"])
        words = self.call("HGET", key("replays"), "a").decode().split(" ")
        self.assertTrue(before <= int(words.pop(3)) <= self.now())
        self.assertEqual(" ".join(words), "1 events 5 80 0 0 3 - 0 0 [70 1]")

    def test_counts_what_each_owner_has(self):
        for name in "abc":
            self.assertEqual(self.put_of("o", 0, name)[0], b"ok")
        self.put_of("o", 0, "a")  # its reply was lost
        self.put_of("p", 0, "d")
        self.put_of("", 0, "e")  # counted for nobody
        self.assertEqual([self.count(o) for o in ("o", "p")], [3, 1])
        self.put_of("o", 0, "a", "t1", "t2")  # changed
        self.assertEqual(self.count("o"), 3)
        for _ in range(2):
            self.assertEqual(self.drop("a", "*", "t3", "o")[0], b"ok")
        self.assertEqual(self.drop("a", "*", "t4", "o"), [b"missing"])
        self.assertEqual(self.drop("b", "t0", "t4", "o")[0], b"changed")
        self.assertEqual(self.drop("e")[0], b"ok")  # counted for nobody
        self.assertEqual(self.count("o"), 2)
        self.drop("d", owner="p")
        self.assertEqual(self.call("HEXISTS", key("subs:counts"), "p"), 0)

    def test_an_owner_has_as_many_as_it_may(self):
        self.put_of("o", 2, "a")
        self.put_of("o", 2, "b")
        before = self.call("GET", key("subs:version"))
        self.assertEqual(self.put_of("o", 2, "c"), [b"full", 2])
        self.assertEqual(self.call("GET", key("subs:version")), before)
        self.assertEqual(self.call("GET", key("subs:serial")), b"2")
        self.assertEqual(self.put_of("p", 2, "c")[0], b"ok")
        # What it has may be written again, changed, and found as a twin.
        self.assertEqual(self.put_of("o", 2, "b")[0], b"ok")
        self.assertEqual(self.put_of("o", 2, "b", "t1", "t2")[0], b"ok")
        self.assertEqual(self.run_script("registry_put", REGISTRY_KEYS, [
            "x", "", "t1", "fa", "{}", "0", "", "", "o", 2])[0], b"same")
        self.drop("a", owner="o")
        self.assertEqual(self.put_of("o", 2, "d")[0], b"ok")
        self.assertEqual(self.put_of("o", 2, "e"), [b"full", 2])

    def test_what_was_made_before_counts_does_not_go_below_zero(self):
        self.put("old", "", "t1")
        self.drop("old", owner="o")
        self.assertEqual(self.count("o"), 0)
        self.assertEqual(self.put_of("o", 1, "a")[0], b"ok")
        self.assertEqual(self.count("o"), 1)

    def changes(self):
        entries = self.call("XRANGE", key("subs:changes"), "-", "+")
        return [(e[0], e[1][1], e[1][3]) for e in entries]

    def test_create_and_its_lost_reply(self):
        ok, serial, version = self.put("a", "", "t1")
        self.assertEqual((ok, serial), (b"ok", b"1"))
        self.assertEqual(self.put("a", "", "t1"), [b"ok", b"1", version])
        self.assertEqual(self.put("a", "", "t2"), [b"exists"])
        self.assertEqual(self.changes(), [(version, b"a", b"0-0")])
        self.assertEqual(self.call("GET", key("subs:version")), version)
        self.assertEqual(self.call("HGET", REGISTRY_KEYS[0], "a"), b"1 t1 f1\n{}")

    def test_an_identical_one(self):
        self.put("a", "", "t1")
        self.assertEqual(self.put("b", "", "t2"), [b"same", b"a", b"1 t1 f1\n{}"])
        self.assertEqual(self.put("b", "", "t2", "f2")[:2], [b"ok", b"2"])

    def test_update(self):
        self.put("a", "", "t1")
        self.assertEqual(self.put("a", "t0", "t2"), [b"changed", b"1 t1 f1\n{}"])
        ok, serial, version = self.put("a", "t1", "t2", "f2", "{2}")
        self.assertEqual((ok, serial), (b"ok", b"1"))
        self.assertEqual(self.put("a", "t1", "t2", "f2", "{2}"), [b"ok", b"1", version])
        self.assertEqual(self.put("a", "*", "t3", "f2")[:2], [b"ok", b"1"])
        self.assertEqual(self.call("HGETALL", key("subs:fingerprints")), [b"f2", b"a"])
        self.assertEqual(self.put("b", "t1", "t2"), [b"missing"])
        self.assertEqual(self.put("b", "*", "t2"), [b"missing"])

    def test_each_change_names_the_one_before(self):
        self.put("a", "", "t1")
        self.put("a", "t1", "t2")
        self.put("b", "", "t1", "f2")
        self.drop("a")
        changes = self.changes()
        self.assertEqual([c[1] for c in changes], [b"a", b"a", b"b", b"a"])
        self.assertEqual([c[2] for c in changes], [b"0-0"] + [c[0] for c in changes[:-1]])

    def test_tombstone(self):
        self.put("a", "", "t1")
        self.run_script("registry_status", REGISTRY_KEYS[:3], ["a", "", "paused", ""])
        self.assertEqual(self.drop("a", "t0", "t2"), [b"changed", b"1 t1 f1\n{}\npaused"])
        version = self.drop("a", "t1", "t2")[2]
        self.assertEqual(self.call("GET", key("subs:version")), version)
        self.assertEqual(self.drop("a", "t1", "t2"), [b"ok", b"1", version])
        self.assertEqual(self.call("HGET", REGISTRY_KEYS[0], "a"), b"1 t2 f1\n")
        self.assertEqual(self.drop("a", "*", "t3"), [b"missing"])
        self.assertEqual(self.drop("b", "*", "t3"), [b"missing"])
        self.assertEqual(len(self.changes()), 3)
        self.assertEqual(self.put("a", "*", "t3"), [b"missing"])
        self.assertEqual(self.put("a", "", "t3"), [b"exists"])
        self.assertEqual(self.put("b", "", "t1")[:2], [b"ok", b"2"])

    def test_a_record_may_end_with_a_newline(self):
        self.put("a", "", "t1", "f1", "{}\n")
        self.assertEqual(self.put("a", "t1", "t2")[0], b"ok")

    def test_the_print_of_another_is_left_alone(self):
        self.put("a", "", "t1", "f1")
        self.put("b", "", "t1", "f2")
        self.put("b", "*", "t2", "f1")
        self.drop("b")
        self.assertEqual(self.put("c", "", "t1", "f1")[:2], [b"same", b"a"])

    def test_a_missing_registry_is_an_error(self):
        self.call("DEL", key("subs:version"))
        self.error("NOREGISTRY", self.put, "a", "", "t1")
        self.error("NOREGISTRY", self.drop, "a")
        self.assertEqual(self.call("EXISTS", *REGISTRY_KEYS), 0)


class Parked(Case):
    def measure(self, *lanes, sample=16):
        return self.run_script("parked_bytes", [key("kept"), *map(parked, lanes)], [sample])

    def test_measures_each_lane(self):
        sizes = [10, 200, 3000]
        for i, size in enumerate(sizes):
            self.call("HSET", key("kept"), f"m{i}", "x" * size)
            self.call("ZADD", parked("a"), i, f"m{i}")
        self.call("ZADD", parked("b"), 0, "m2", 0, "gone")
        self.assertEqual(self.measure("a", "b", "empty"), [sum(sizes), 3000, 0])
        self.assertEqual(self.measure(), [])

    def test_a_sample_stands_for_a_long_lane(self):
        for i in range(1000):
            self.call("HSET", key("kept"), f"m{i}", "x" * 70)
            self.call("ZADD", parked("a"), i, f"m{i}")
        self.assertEqual(self.measure("a"), [70_000])

    def test_puts_in_place_of_what_was(self):
        def put(*pairs):
            return self.run_script("parked_put", [key("quota:parked")], pairs)
        self.assertEqual(put("o", 1, "p", 2), 2)
        self.assertEqual(put("p", 3), 1)
        self.assertEqual(self.call("HGETALL", key("quota:parked")), [b"p", b"3"])
        self.assertEqual(put(), 0)
        self.assertEqual(self.call("EXISTS", key("quota:parked")), 0)


class Nodes(Case):
    def beat(self, node, run, counter, first=False):
        return self.run_script("heartbeat", [key("nodes")],
                               [node, run, counter, "1" if first else "0"])

    def forget(self, node, value):
        return self.run_script("forget_node", [key("nodes"), *STREAMS], [node, value, GROUP])

    def take_over(self, old, heir, most=10):
        return self.run_script("take_over", [stream(0)], [GROUP, old, heir, most])

    def test_a_rival_takes_the_name(self):
        self.assertEqual(self.beat("n1", "r1", 1, True), [b"n1", b"r1 1"])
        self.assertEqual(self.beat("n1", "r2", 1, True), [b"n1", b"r2 1"])
        self.assertEqual(self.beat("n1", "r1", 2), [])
        self.assertEqual(self.beat("n1", "r2", 2), [b"n1", b"r2 2"])

    def test_a_forgotten_node_that_lives_is_listed_again(self):
        self.beat("n1", "r1", 1, True)
        self.assertEqual(self.forget("n1", "r1 1"), 1)
        self.assertEqual(self.beat("n1", "r1", 2), [b"n1", b"r1 2"])

    def test_forget_only_the_dead(self):
        self.beat("n1", "r1", 1, True)
        self.beat("n1", "r1", 2)
        self.assertEqual(self.forget("n1", "r1 1"), 0)
        self.assertEqual(self.forget("n1", "r1 2"), 1)
        self.assertEqual(self.forget("n1", "r1 2"), 0)

    def test_forget_only_what_holds_nothing(self):
        self.beat("n1", "r1", 1, True)
        self.ingest(("e", "d", 1))
        entries = self.read("n1", 1)
        self.assertEqual(self.forget("n1", "r1 1"), 0)
        self.call("XACK", stream(1), GROUP, *entries)
        self.assertEqual(self.forget("n1", "r1 1"), 1)

    def test_take_over_counts_no_delivery(self):
        self.ingest(*[(f"e{i}", "d") for i in range(5)])
        self.read("n1")
        self.assertEqual(self.take_over("n1", "n2", 3), [3, 3])
        self.assertEqual(self.take_over("n1", "n2", 3), [2, 2])
        self.assertEqual(self.take_over("n1", "n2", 3), [0, 0])
        pending = self.call("XPENDING", stream(0), GROUP, "-", "+", 10, "n2")
        self.assertEqual([e[3] for e in pending], [1] * 5)

    def test_take_over_tells_what_is_gone(self):
        self.ingest(("e", "d"), ("f", "d"))
        self.call("XDEL", stream(0), self.read("n1")[0])
        self.assertEqual(self.take_over("n1", "n2"), [2, 1])
        self.assertEqual(self.take_over("n1", "n2"), [0, 0])

    def test_what_a_forgotten_node_reads_shows_in_the_summary(self):
        """Why take-over also looks for consumers that are not in the list of nodes."""
        self.beat("n1", "r1", 1, True)
        self.forget("n1", "r1 1")
        self.ingest(("e", "d"))
        self.read("n1")
        self.assertEqual(self.call("EXISTS", key("nodes")), 0)
        self.assertEqual(self.call("XPENDING", stream(0), GROUP)[3], [[b"n1", b"1"]])


class Setup(Case):
    def again(self):
        return self.run_script("setup", [key("meta"), key("subs:version"), *STREAMS],
                               ["2", "other", "seed2", GROUP])

    def test_fresh(self):
        self.call("FLUSHALL")
        told = setup(SCRIPTS, self.client, PARTITIONS)
        self.assertEqual(told, [b"1", b"server", b"seed", b"2", 0])
        self.assertEqual(self.call("GET", key("subs:version")), b"0-0")
        self.assertEqual(self.call("HGET", key("meta"), "shards"), b"1")

    def test_again_tells_what_is_there(self):
        self.ingest(("e", "d"))
        self.assertEqual(self.again(), [b"1", b"server", b"seed", b"2", 0])
        self.assertEqual(len(self.read()), 1)

    def test_parts_missing(self):
        self.call("XGROUP", "DESTROY", stream(0), GROUP)
        self.call("DEL", stream(1))
        self.assertEqual(self.again()[4], 2)
        self.assertEqual(self.call("EXISTS", stream(1)), 0)

    def test_no_meta_with_a_stream(self):
        self.call("DEL", key("meta"))
        self.error("NOMETA", self.again)
        self.assertEqual(self.call("EXISTS", key("meta")), 0)

    def test_no_meta_with_a_registry(self):
        self.run_script("registry_put", REGISTRY_KEYS, ["a", "", "t1", "f1", "{}"])
        version = self.call("GET", key("subs:version"))
        self.call("DEL", key("meta"), *STREAMS)
        self.error("NOMETA", self.again)
        self.assertEqual(self.call("GET", key("subs:version")), version)


class Memory(Case):
    def test_at_the_limit_nothing_comes_in_and_all_goes_on(self):
        self.ingest(*[(f"e{i}", "d") for i in range(3)])
        self.run_script("registry_put", REGISTRY_KEYS, ["s", "", "t", "fs", "{}"])
        entries = self.read()
        seen = self.call("HLEN", key("seen:0"))
        self.call("CONFIG", "SET", "maxmemory", "1")
        self.error("OOM", self.ingest, ("new", "d"))
        self.error("OOM", self.run_script, "registry_put", REGISTRY_KEYS, ["a", "", "t", "f", "{}"])
        self.assertEqual(self.call("HLEN", key("seen:0")), seen)
        self.assertEqual(self.call("XLEN", stream(0)), 3)
        for entry in entries:
            self.assertGreater(self.settle(entry, ("s", "park", 0, 1)), 0)
        claimed = self.claim()
        self.assertEqual(len(claimed), 3)
        for (member, attempt, lease, _), verb in zip(claimed, ("done", "again", "dead")):
            self.assertEqual(self.resolve(member, verb, lease, 0, attempt), 1)
        self.error("OOM", self.run_script, "registry_put", REGISTRY_KEYS,
                   ["s", "t", "u", "fs", "{}"])
        for _ in range(2):
            gone = self.run_script("registry_drop", DROP_KEYS, ["s", "t", "u", ""])
            self.assertEqual(gone[0], b"ok")
        beat = self.run_script("heartbeat", [key("nodes")], ["n1", "r", 1, "1"])
        self.assertEqual(beat, [b"n1", b"r 1"])
        self.assertEqual(self.run_script("take_over", [stream(0)], [GROUP, "n1", "n2", 9]), [0, 0])
        self.assertEqual(self.trim(), 3)

    def test_which_scripts_may_exceed_it(self):
        for name, text in Scripts().text.items():
            first = text.split("\n", 1)[0]
            refused = name in ("ingest", "registry_put", "test_event")
            self.assertEqual(first, "#!lua" if refused else "#!lua flags=allow-oom", name)


if __name__ == "__main__":
    unittest.main()
