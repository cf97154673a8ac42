"""Waiting for a condition, never for a time."""
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def patience(seconds):
    """Sanitizer builds are slower: BUD_TEST_SLOW multiplies every patience."""
    return seconds * float(os.environ.get("BUD_TEST_SLOW", "1"))


def scaled(count, least=1):
    """How many of something a story does: a tenth on sanitizer builds, ten times as many at
    night."""
    if os.environ.get("BUD_TEST_QUICK"):
        return max(least, count // 10)
    return count * 10 if os.environ.get("BUD_TEST_NIGHTLY") else count


def wait_until(condition, what, seconds=20.0, every=0.02):
    """Returns the condition's first true value; AssertionError naming `what` when time is up."""
    end = time.monotonic() + patience(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {patience(seconds):.0f} s: {said}")
        time.sleep(every)


@contextmanager
def folder():
    """A temporary folder, kept for a look when the story fails and BUD_TEST_KEEP is set."""
    path = Path(tempfile.mkdtemp(prefix="budstikke-"))
    try:
        yield path
    finally:
        if not os.environ.get("BUD_TEST_KEEP"):
            shutil.rmtree(path, ignore_errors=True)
