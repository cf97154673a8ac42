#!/usr/bin/env python3
"""A stream read backwards: the newest first, ending at so many entries or bytes, whichever comes
first, but never without one entry while there is one."""
import unittest

from case import Case
from shard import stream


class ReadBack(Case):
    def back(self, before="+", oldest="-", entries=10, most=1 << 20):
        reply = self.run_script("read_back", [stream(0)], [before, oldest, entries, most])
        return [e[0].decode() for e in reply]

    def setUp(self):
        super().setUp()
        for i in range(1, 6):
            self.call("XADD", stream(0), f"{i}-0", "o", "local", "e", "x" * 100)

    def test_newest_first(self):
        self.assertEqual(self.back(), ["5-0", "4-0", "3-0", "2-0", "1-0"])
        self.assertEqual(self.back("(4-0", "2"), ["3-0", "2-0"])
        self.assertEqual(self.back("(1-0"), [])

    def test_bounds(self):
        self.assertEqual(self.back(entries=2), ["5-0", "4-0"])
        self.assertEqual(self.back(most=101), ["5-0", "4-0"])
        self.assertEqual(self.back(most=1), ["5-0"])


if __name__ == "__main__":
    unittest.main()
