#!/usr/bin/env python3
"""Layout: clang-format has the last word. Exit 77 (meson: skipped) where it is not installed."""
import shutil
import subprocess
import sys

import source


def check(root=None):
    listed = source.c_files(root)
    if not listed:
        return []
    result = subprocess.run(
        ["clang-format", "--dry-run", "-Werror", "--style=file", *listed],
        cwd=root or source.ROOT, capture_output=True, text=True, check=False)
    faults = [line for line in result.stderr.split("\n") if "error:" in line]
    if result.returncode and not faults:
        faults = [result.stderr.strip() or "clang-format failed"]
    return faults


if __name__ == "__main__":
    if not shutil.which("clang-format"):
        print("clang-format is missing")
        sys.exit(77)
    source.finish("layout", check())
