#!/usr/bin/env python3
"""The benchmark of matching, small: every kind of work is made, matched and agreed on by table,
linear evaluator and plain walk; what is written for other engines gives the same checksum; changes
beside readers leave the table as it was.

    test_match.py FOLDER    where the programs are
"""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import neutral

FOLDER = Path(sys.argv.pop(1)) if len(sys.argv) > 1 else Path()
QUICK = ["--passes", "1"]


def run(name, *options):
    """The lines it printed."""
    done = subprocess.run([FOLDER / f"bench_{name}", *map(str, options)], capture_output=True,
                          text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{name} {options}: {done.returncode}\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def match(work, filters, events, *more):
    return run("match", "--work", work, "--filters", filters, "--events", events, *QUICK, *more)[0]


class Match(unittest.TestCase):
    def agree(self, work, filters, events):
        said = match(work, filters, events)
        self.assertEqual(said["engines"], 3)
        self.assertGreater(said["ns"], 0)
        return said

    def test_ten_thousand(self):
        said = self.agree("w1", 10000, 300)
        self.assertGreater(said["matches"], 1)
        counted = run("match_count", "--work", "w1", "--filters", 10000, "--events", 300)[0]
        self.assertEqual(counted["matches"], said["matches"])
        self.assertGreater(counted["compared"], 0.5)
        self.assertLess(counted["compared"], 1.5 * counted["matches"])

    def test_nested_prefixes(self):
        self.assertGreaterEqual(self.agree("w4a", 3000, 6)["matches"], 1000)
        self.assertEqual(self.agree("w4b", 3000, 6)["matches"], 0)

    def test_shared_attributes(self):
        self.assertEqual(self.agree("w4c", 2000, 100)["matches"], 1)

    def test_all_match(self):
        for work in ("w5-empty", "w5-type", "w5-not"):
            self.assertEqual(self.agree(work, 700, 5)["matches"], 700)

    def test_sql(self):
        self.assertEqual(match("w7", 1000, 100)["engines"], 2)

    def test_seeds_differ_and_come_back(self):
        first = match("w1", 500, 100, "--seed", 1)["checksum"]
        self.assertEqual(match("w1", 500, 100, "--seed", 1)["checksum"], first)
        self.assertNotEqual(match("w1", 500, 100, "--seed", 2)["checksum"], first)

    def test_files_give_the_same(self):
        for work, filters, events in (("w1", 1000, 100), ("w4a", 1000, 3), ("w5-not", 50, 5)):
            with tempfile.TemporaryDirectory() as folder:
                run("match_make", "--work", work, "--filters", filters, "--events", events,
                    "--out", folder)
                head = (Path(folder) / "filters.ndjson").open(encoding="utf-8").readline()
                self.assertEqual(json.loads(head)["seed"], 1)
                matches, checksum = neutral.run(folder)
            said = match(work, filters, events)
            self.assertEqual(said["checksum"], f"{checksum:016x}")
            self.assertAlmostEqual(said["matches"], matches / events, places=2)

    def test_churn(self):
        rows = run("match_churn", "--work", "w1", "--filters", 1000, "--events", 200,
                   "--rounds", 1, "--ms", 50)
        self.assertEqual([row["changes_per_s"] for row in rows], [0, 1000, 10000, 100000])
        self.assertEqual(rows[0]["made_per_s"], 0)
        self.assertGreater(rows[1]["made_per_s"], 0)
        self.assertTrue(all(row["ns"] > 0 for row in rows))


if __name__ == "__main__":
    unittest.main()
