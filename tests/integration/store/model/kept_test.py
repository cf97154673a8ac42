#!/usr/bin/env python3
"""Kept events are read and walked over by so many bytes at a time, and never without one while
there is one: whatever their sizes, a reply is bounded, and all are found."""
import unittest

from case import Case
from shard import key

LARGE = "local\n" + "x" * 1000


class Kept(Case):
    def read(self, *members, most=1 << 20):
        return self.run_script("kept", [key("kept")], [most, *members])

    def walk(self, events=64, most=1 << 20):
        """The pages: each a list of members."""
        cursor, pages = b"0", []
        while not pages or cursor != b"0":
            cursor, found = self.run_script(
                "kept_scan", [key("kept")], [cursor, events, most])
            pages.append([m.decode() for m in found[::2]])
        return pages

    def fill(self, n, text=LARGE):
        for i in range(n):
            self.call("HSET", key("kept"), f"{i:03}", text)
        return [f"{i:03}" for i in range(n)]

    def test_read(self):
        members = self.fill(5)
        self.assertEqual(self.read(*members), [LARGE.encode()] * 5)
        self.assertEqual(self.read("001", "none", "002"), [LARGE.encode(), None, LARGE.encode()])
        self.assertEqual(self.read("none"), [None])

    def test_read_ends(self):
        members = self.fill(5)
        self.assertEqual(len(self.read(*members, most=1)), 1)
        self.assertEqual(len(self.read(*members, most=2000)), 2)
        self.assertEqual(len(self.read("none", *members, most=1)), 2)

    def test_walk_finds_all(self):
        members = self.fill(300)
        for pages in (self.walk(), self.walk(most=3000), self.walk(events=1)):
            self.assertEqual(sorted({m for page in pages for m in page}), members)
            self.assertGreater(len(pages), 3)

    def test_walk_is_bounded(self):
        """A step of four may bring a few more: buckets are walked whole."""
        self.fill(300)
        self.assertLess(max(len(page) for page in self.walk(most=3000)), 30)
        self.assertLess(max(len(page) for page in self.walk(events=40)), 70)

    def test_walk_over_nothing(self):
        self.assertEqual(self.walk(), [[]])


if __name__ == "__main__":
    unittest.main()
