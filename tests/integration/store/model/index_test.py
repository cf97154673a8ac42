#!/usr/bin/env python3
"""The pull index: an event can be read exactly when it is stored, in one order for all keys, and
never appears behind a position that was handed out, whatever the clock does and however many write;
what is gone is passed over, and goes from the index."""
import random
import threading
import unittest

from case import PARTITIONS, SCRIPTS, SEEN, STREAMS, Case
from shard import GROUP, key, stream

LAST, FLOOR = key("by:last"), key("by:floor")


def by(name):
    return key("by:subject:" + name)


def command(events, window=600_000):
    """Each event is (field, partition, names of its index keys)."""
    names = sorted({name for _, _, its in events for name in its})
    width = max(len(its) for _, _, its in events)
    keys = [*SEEN, *STREAMS, *[by(n) for n in names], LAST, FLOOR]
    arguments = [window, width]
    for field, partition, its in events:
        places = [1 + len(SEEN) + len(STREAMS) + names.index(n) for n in its]
        arguments += [4 + partition, field, "d", "local", "body of " + field,
                      *places, *[0] * (width - len(its))]
    return SCRIPTS.command("ingest", keys, arguments)


def read_command(name, after=0, count=50, size=1 << 20, begin=0):
    return SCRIPTS.command("index_read", [by(name), LAST, FLOOR, *STREAMS],
                           [after, begin, count, size])


class Page:
    def __init__(self, reply):
        self.position, self.is_end, self.gone = int(reply[0]), reply[1] == 1, reply[2]
        self.rows = [(int(reply[i]), reply[i + 1].decode(), reply[i + 3].decode())
                     for i in range(3, len(reply), 4)]
        self.events = [row[2].removeprefix("body of ") for row in self.rows]


class Index(Case):
    def put(self, *events):
        return SCRIPTS.send(self.client, [command(events)])[0]

    def page(self, name, *arguments, **named):
        return Page(SCRIPTS.send(self.client, [read_command(name, *arguments, **named)])[0])

    def all(self, name, count=50):
        found, page = [], self.page(name, 0, count)
        while page.rows or not page.is_end:
            found += page.events
            page = self.page(name, page.position, count)
        return found

    def floor(self, retention=86_400_000, slack=5000):
        return self.run_script("index_floor", [FLOOR, *STREAMS], [retention, slack])

    def trim_index(self, *names, limit=100):
        return self.run_script("index_trim", [FLOOR, *STREAMS, *[by(n) for n in names]],
                               [PARTITIONS, limit])

    def ack(self, partition=0):
        entries = self.read(partition=partition)
        self.call("XACK", stream(partition), GROUP, *entries)
        return entries


class Write(Index):
    def test_one_order_for_all_keys(self):
        put = [(f"e{i}", i % 2, ["a", "b"] if i % 3 else ["a"]) for i in range(40)]
        self.assertEqual(self.put(*put), [1] * 40)
        page = self.page("a")
        self.assertEqual(page.events, [f"e{i}" for i in range(40)])
        self.assertTrue(page.is_end)
        self.assertEqual(self.page("b").events, [f"e{i}" for i in range(40) if i % 3])
        scores = dict((row[2], row[0]) for row in page.rows)
        self.assertEqual([scores[r[2]] for r in self.page("b").rows],
                         [r[0] for r in self.page("b").rows])
        self.assertEqual(sorted(set(scores.values())), [r[0] for r in page.rows])

    def test_members_name_the_entries(self):
        self.put(("e", 1, ["a"]))
        entry = self.call("XRANGE", stream(1), "-", "+")[0][0].decode()
        self.assertEqual(self.page("a").rows[0][1], "01-" + entry)

    def test_duplicates_and_conflicts_are_not_indexed(self):
        self.put(("e", 0, ["a"]))
        self.assertEqual(self.put(("e", 0, ["a"]), ("f", 0, ["a"])), [0, 1])
        self.assertEqual(self.page("a").events, ["e", "f"])

    def test_without_an_index_nothing_is_written(self):
        self.ingest(("e", "d"))
        self.assertEqual(self.call("EXISTS", LAST, FLOOR), 0)
        self.assertEqual(self.call("KEYS", key("by:*")), [])

    def test_some_events_have_none(self):
        self.put(("e", 0, []), ("f", 0, ["a", "b"]), ("g", 1, ["b"]))
        self.assertEqual((self.all("a"), self.all("b")), (["f"], ["f", "g"]))

    def test_a_clock_that_goes_back(self):
        ahead = (self.now() + 3_600_000) * 1000
        self.call("SET", LAST, ahead)
        self.put(("e", 0, ["a"]), ("f", 0, ["a"]))
        self.assertEqual([r[0] for r in self.page("a").rows], [ahead + 1, ahead + 2])
        self.assertEqual(self.page("a").position, ahead + 2)

    def test_two_calls_in_one_microsecond(self):
        replies = SCRIPTS.send(self.client, [command([(f"e{i}", 0, ["a"])]) for i in range(300)])
        self.assertEqual(replies, [[1]] * 300)
        scores = [r[0] for r in self.page("a", count=400).rows]
        self.assertEqual((len(set(scores)), scores), (300, sorted(scores)))

    def test_a_call_that_fails_midway_uses_its_numbers_up(self):
        self.call("DEL", stream(1))
        self.error("NOSTREAM", self.raised, ("e", 0, ["a"]), ("f", 1, ["a"]), ("g", 0, ["a"]))
        page = self.page("a")
        self.assertEqual(page.events, ["e"])
        self.put(("h", 0, ["a"]))
        self.assertEqual(self.page("a", page.position).events, ["h"])

    def raised(self, *events):
        reply = self.put(*events)
        if isinstance(reply, Exception):
            raise reply

    def test_what_is_past_retention_goes_as_others_come(self):
        self.call("ZADD", by("a"), *[w for i in range(1, 301) for w in (i, f"00-{i}-0")])
        self.call("SET", FLOOR, 300)
        for i in range(16):
            self.put(*[(f"e{i}-{k}", 0, ["a"]) for k in range(16)])
        self.assertEqual(self.call("ZCOUNT", by("a"), "-inf", 300), 0)
        self.assertEqual(self.call("ZCARD", by("a")), 256)


class Read(Index):
    def test_pages_go_on_where_they_ended(self):
        self.put(*[(f"e{i}", i % 2, ["a"]) for i in range(25)])
        self.assertEqual(self.all("a", 7), [f"e{i}" for i in range(25)])
        self.assertFalse(self.page("a", count=24).is_end)
        self.assertTrue(self.page("a", count=25).is_end)

    def test_the_end_is_above_all_that_is_stored(self):
        self.assertEqual(self.page("a").position, 0)
        self.put(("e", 0, ["b"]))
        end = self.page("a")
        self.assertEqual((end.rows, end.is_end), ([], True))
        self.assertEqual(end.position, self.page("b").rows[0][0])
        self.put(("f", 0, ["a"]))
        self.assertEqual(self.page("a", end.position).events, ["f"])

    def test_bytes(self):
        self.put(*[(f"e{i}", 0, ["a"]) for i in range(5)])
        page = self.page("a", size=25)
        self.assertEqual((page.events, page.is_end), (["e0", "e1"], False))
        self.assertEqual(self.page("a", page.position, size=1).events, ["e2"])
        self.assertEqual(self.page("a", page.position).events, ["e2", "e3", "e4"])

    def test_what_is_gone_is_passed_over(self):
        self.put(*[(f"e{i}", 0, ["a"]) for i in range(6)])
        entries = self.read()
        self.call("XDEL", stream(0), *entries[:3], entries[4])
        page = self.page("a", count=3)
        self.assertEqual((page.events, page.gone, page.is_end), ([], 3, False))
        self.assertEqual(self.page("a", page.position).events, ["e3", "e5"])

    def test_the_floor_is_where_it_begins(self):
        self.put(("e", 0, ["a"]), ("f", 0, ["a"]))
        first = self.page("a").rows[0][0]
        self.call("SET", FLOOR, first)
        self.assertEqual(self.page("a").events, ["f"])

    def test_where_to_begin(self):
        self.put(("e", 0, ["a"]), ("f", 0, ["a"]), ("g", 0, ["a"]))
        e, f, g = self.page("a").rows
        self.assertEqual(self.page("a", begin=e[0]).events, ["f", "g"])
        self.assertEqual(self.page("a", f[0], begin=e[0]).events, ["g"])
        page = self.page("a", begin=10 ** 17)  # nobody's wish moves the numbers on
        self.assertEqual((page.events, page.position), ([], g[0]))
        self.assertEqual(int(self.call("GET", LAST)), g[0])

    def test_a_position_that_redis_has_lost(self):
        """Redis came back without its last writes, and with a clock behind the one before."""
        ahead = (self.now() + 60_000) * 1000
        self.assertEqual(self.page("a", ahead).position, ahead)
        self.put(("e", 0, ["a"]))
        self.assertEqual(self.page("a", ahead).events, ["e"])


class News(Index):
    def news(self, last, *waits):
        reply = self.run_script("index_news", [LAST, *[by(n) for n, _ in waits]],
                                [last, *[p for _, p in waits]])
        return int(reply[0]), reply[1:]

    def test_news(self):
        self.assertEqual(self.news(0, ("a", 0)), (0, []))
        self.put(("e", 0, ["a"]))
        last, places = self.news(0, ("b", 0), ("a", 0), ("a", 0))
        self.assertEqual(places, [1, 2])
        self.assertEqual(self.news(last, ("b", 0), ("a", 0)), (last, []))
        self.put(("f", 0, ["b"]))
        self.assertEqual(self.news(last, ("b", last), ("a", last))[1], [0])


class Find(Index):
    def find(self, name, needle, below="+inf", count=10):
        reply = self.run_script("index_find", [by(name), *STREAMS], [below, count, needle])
        return reply[0].decode(), Page([0, *reply[1:]])

    def test_newest_first(self):
        self.put(*[(f"e{i}", i % 2, ["a"]) for i in range(10)])
        below, page = self.find("a", "e3", count=4)
        self.assertEqual((page.events, page.is_end), ([], False))
        below, page = self.find("a", "e3", below, count=4)
        self.assertEqual((page.events, page.is_end), (["e3"], False))
        self.assertEqual(self.find("a", "e3", below)[1].is_end, True)
        self.assertEqual(self.find("none", "e3"), ("+inf", Same([], True)))

    def test_escapes_may_hide_it(self):
        self.put(("\\u0065", 0, ["a"]))
        self.assertEqual(len(self.find("a", "zzz")[1].rows), 1)


class Same:
    def __init__(self, events, is_end):
        self.events, self.is_end = events, is_end

    def __eq__(self, other):
        return (self.events, self.is_end) == (other.events, other.is_end)


class Upkeep(Index):
    def test_floor(self):
        self.assertEqual(self.floor(), [0, b"0"])
        self.put(("e", 0, ["a"]), ("f", 1, ["a"]), ("g", 1, ["a"]))
        entry = self.call("XRANGE", stream(0), "-", "+")[0][0].decode()
        events, oldest = self.floor()
        self.assertEqual((events, oldest.decode()), (3, entry.split("-")[0]))
        self.assertEqual(int(self.call("GET", FLOOR)), (int(oldest) - 5000) * 1000)
        self.floor(retention=1, slack=-5000)
        self.assertGreater(int(self.call("GET", FLOOR)), int(oldest) * 1000)
        self.floor(retention=10 ** 15, slack=10 ** 15)
        self.assertEqual(self.call("GET", FLOOR), b"0")

    def test_the_floor_hides_nothing_that_is_there(self):
        for _ in range(50):
            self.put(*[(f"e{random.random()}", p, ["a"]) for p in (0, 1)])
            self.floor()
            # TIME is read before XADD takes its own, so an id may be a little ahead of its score.
            first = self.call("ZRANGE", by("a"), 0, 0, "WITHSCORES")
            self.assertLess(int(self.call("GET", FLOOR)), int(first[1]))

    def test_trim_by_the_floor(self):
        self.put(*[(f"e{i}", 0, ["a", "b"]) for i in range(5)])
        self.call("SET", FLOOR, self.page("a").rows[1][0])
        self.assertEqual(self.trim_index("a", "b"), [4])
        self.assertEqual(self.all("a"), ["e2", "e3", "e4"])

    def test_trim_by_the_streams(self):
        self.put(*[(f"e{i}", i % 2, ["a"]) for i in range(6)])
        entries = self.ack(1)
        self.run_script("trim", [stream(1)], [entries[2], 0])
        self.assertEqual(self.trim_index("a"), [2])
        self.assertEqual(self.all("a"), ["e0", "e2", "e4", "e5"])
        self.run_script("trim", [stream(1)], [f"{self.now() + 1}-0", 0])
        self.assertEqual(self.trim_index("a"), [1])
        self.assertEqual(self.call("ZCARD", by("a")), 3)

    def test_keys_with_more_to_give(self):
        self.put(*[(f"e{i}", 0, ["a"]) for i in range(10)], ("f", 0, ["b"]))
        self.ack()
        self.run_script("trim", [stream(0)], [f"{self.now() + 1}-0", 0])
        self.assertEqual(self.trim_index("b", "a", limit=4), [5, 1])
        self.assertEqual(self.trim_index("a", limit=4), [4, 0])
        self.assertEqual(self.trim_index("a", limit=4), [2])
        self.assertEqual(self.call("EXISTS", by("a"), by("b")), 0)


class Gaps(Index):
    """Readers follow what writers write at the same time, and Redis keeps its word."""

    def test_nothing_appears_behind_a_position(self):
        writers, calls, stop, problems = 3, 400, threading.Event(), []
        logs = {}

        def write(writer):
            rng, client = random.Random(writer), self.server.client()
            for call in range(calls):
                events = [(f"w{writer}-{call}-{i}", rng.randrange(2),
                           rng.choice([["a"], ["b"], ["a", "b"]]))
                          for i in range(rng.randint(1, 9))]
                if SCRIPTS.send(client, [command(events)])[0] != [1] * len(events):
                    problems.append(f"writer {writer}: call {call}")
                if rng.random() < 0.02:  # the clock jumps: back again for whoever comes next
                    client.call("INCRBY", LAST, 1_000_000)
            client.close()

        def read(name, count):
            client, position, found = self.server.client(), 0, []
            while True:
                is_last = stop.is_set()
                page = Page(SCRIPTS.send(client, [read_command(name, position, count)])[0])
                if page.position < position or any(r[0] <= position for r in page.rows):
                    problems.append(f"{name}: back from {position}")
                position = page.position
                found += page.events
                if is_last and page.is_end:
                    break
            logs[name, count] = found
            client.close()

        threads = [threading.Thread(target=write, args=(i,)) for i in range(writers)]
        readers = [threading.Thread(target=read, args=(n, c)) for n in "ab" for c in (1, 7, 50)]
        for thread in [*threads, *readers]:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()
        self.assertEqual(problems, [])
        for name in "ab":
            whole = self.all(name)
            self.assertEqual(len(whole), self.call("ZCARD", by(name)))
            self.assertGreater(len(whole), writers * calls)
            for count in (1, 7, 50):
                self.assertEqual(logs[name, count], whole)


if __name__ == "__main__":
    unittest.main()
