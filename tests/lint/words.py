#!/usr/bin/env python3
"""Words: nothing left to do, no machine's paths, no registry's address in a lock file."""
import re

import source

# Put together here, so that this file passes its own check.
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
MACHINE_PATH = re.compile(
    r"(?<![\w.$})*/-])(/wor" + r"k/|/ho" + r"me/\w|/tm" + r"p/[\w.-]|/roo" + r"t/\w)")
TEXT = (".c", ".h", ".py", ".sh", ".mjs", ".js", ".md", ".json", ".build", ".txt", ".conf",
        ".lua", ".toml", ".yml", ".yaml", ".service", ".wrap", ".in", ".html", ".css")
LOCK_FILES = {"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", ".npmrc"}


def is_temporary_template(line, path, text):
    """A test may name a template for mkdtemp, whose last letters are replaced."""
    return "XXXXXX" in line and (path.startswith("tests/") or "mkdtemp" in text)


def check_file(path, text):
    faults = []
    name = path.rsplit("/", 1)[-1]
    if name in LOCK_FILES and re.search(r'"resolved"\s*:|registry\s*=|resolved "http', text):
        faults.append(f"{path}:1: names a registry; the client's settings choose it")
        return faults
    if name in LOCK_FILES:
        return faults
    for number, line in enumerate(text.split("\n"), 1):
        left = LEFT_OVER.search(line)
        if left:
            faults.append(f"{path}:{number}: {left.group(1)} left")
        if MACHINE_PATH.search(line) and not is_temporary_template(line, path, text):
            faults.append(f"{path}:{number}: a path of one machine: {line.strip()[:60]}")
    return faults


def check(root=None):
    faults = []
    for path in source.files(root):
        scripts = path.startswith((".ci/", "deploy/"))
        if path.endswith(TEXT) or scripts:
            if not path.startswith(("tests/fuzz/corpus", "subprojects/packagefiles/")):
                faults += check_file(path, source.read(path, root))
    return faults


if __name__ == "__main__":
    source.finish("words", check())
