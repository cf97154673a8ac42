#!/usr/bin/env python3
"""Runs the stories: each file story_*.py in processes of its own, a process per story.

    run.py [--jobs N] [--results FILE] [--folder DIR] [NAME…]     NAME: a part of file:story
"""
import argparse
import ast
import json
import os
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS_MAX = 240


def stories(folder):
    """(file, function, seconds) in the order they stand in their files."""
    for path in sorted(folder.glob("story_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("story_"):
                yield path, node.name


def title(path, function):
    return f"{path.stem.removeprefix('story_')}:{function.removeprefix('story_')}"


def run_one(path, function):
    """In the child: 0, 1 for a failure, 77 for skipped with the reason as last line."""
    sys.path.insert(0, str(HERE))
    sys.path.insert(0, str(path.parent))
    module = __import__(path.stem)
    try:
        getattr(module, function)()
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_child(path, function):
    began = time.monotonic()
    limit = SECONDS_MAX * float(os.environ.get("BUD_TEST_SLOW", "1"))
    if os.environ.get("BUD_TEST_NIGHTLY"):
        limit *= 20
    # A session of its own, so that nothing of a hanging story survives it.
    child = subprocess.Popen(
        [sys.executable, "-B", __file__, "--one", str(path), function],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = child.communicate(timeout=limit)
        code = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        output = child.communicate()[0] + f"\nnot finished within {limit:.0f} s\n"
        code = 1
    state = {0: "ok", 77: "skip"}.get(code, "FAIL")
    return {"name": title(path, function), "state": state, "output": output,
            "seconds": round(time.monotonic() - began, 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--folder", type=Path, default=HERE)
    parser.add_argument("--one", nargs=2, metavar=("FILE", "STORY"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.one:
        sys.exit(run_one(Path(options.one[0]), options.one[1]))
    chosen = [s for s in stories(options.folder.resolve())
              if not options.names or any(n in title(*s) for n in options.names)]
    results = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(lambda s: run_child(*s), chosen):
            results.append(result)
            print(f"{result['state']:4} {result['name']}  {result['seconds']} s", flush=True)
            if result["state"] == "FAIL":
                print(result["output"], flush=True)
    if options.results:
        options.results.write_text(json.dumps(results), encoding="utf-8")
    count = {s: sum(r["state"] == s for r in results) for s in ("ok", "FAIL", "skip")}
    print(f"{count['ok']} passed, {count['FAIL']} failed"
          + (f", {count['skip']} skipped" if count["skip"] else ""))
    sys.exit(1 if count["FAIL"] or not results else 0)


if __name__ == "__main__":
    main()
