#!/usr/bin/env python3
"""What tests/run.sh says at its end is what happened, in the words that others read."""
import contextlib
import io
import os
import subprocess
import sys
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
import suites  # noqa: E402


def end(results):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = results.finish()
    return code, out.getvalue().splitlines()


def add(results, *args, **kw):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        results.add(*args, **kw)
    return out.getvalue()


class Suites(unittest.TestCase):
    def test_last_line(self):
        results = suites.Results()
        add(results, "unit", "a", "ok")
        add(results, "unit", "b", "ok")
        self.assertEqual(end(results), (0, ["2 passed, 0 failed"]))
        said = add(results, "e2e", "c", "FAIL", "line\nwhy it failed")
        self.assertIn("FAIL e2e: c", said)
        self.assertIn("why it failed", said)
        code, lines = end(results)
        self.assertEqual((code, lines[-1]), (1, "2 passed, 1 failed"))
        self.assertIn("failed e2e: c", lines)

    def test_skips_are_named(self):
        results = suites.Results()
        add(results, "unit", "a", "ok")
        add(results, "tsan", "all", "skip", missing="a kernel that can")
        self.assertEqual(end(results), (0, ["skipped tsan: all: a kernel that can",
                                            "1 passed, 0 failed, 1 skipped"]))

    def test_nothing_is_a_failure(self):
        self.assertEqual(end(suites.Results()), (1, ["0 passed, 0 failed"]))

    def test_unknown_suite(self):
        done = subprocess.run(
            [sys.executable, "-B", str(TESTS / "suites.py"), "no-such-suite"],
            capture_output=True, text=True, check=False, env={**os.environ})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("integration", done.stderr)


if __name__ == "__main__":
    unittest.main()
