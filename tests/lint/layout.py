#!/usr/bin/env python3
"""Layout: clang-format 14, Debian 12's, has the last word: other versions lay out otherwise. Exit
77 (meson: skipped) where it is not installed."""
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
    if not shutil.which("clang-format") or " 14." not in subprocess.run(
            ["clang-format", "--version"], capture_output=True, text=True, check=False).stdout:
        print("clang-format 14 is missing")
        sys.exit(77)
    source.finish("layout", check())
