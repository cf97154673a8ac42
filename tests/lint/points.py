#!/usr/bin/env python3
"""tests/POINTS.md names tests that exist, and the documents that it promises are there; every pair
of src/ has a test, or stands in WITHOUT with the reason."""
import re

import source

POINTS = "tests/POINTS.md"
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md",
             "LICENSE", ".clang-format", ".editorconfig"]
NAMED = re.compile(r"`((?:unit|integration|e2e|faults|model|lint)/[a-z0-9_/]+)(?::(\w+))?`")


def places(name):
    """(file, what defines the test `:x` there) of a name as POINTS.md writes it."""
    kind, _, rest = name.partition("/")
    if kind in ("e2e", "faults"):
        return f"tests/{kind}/story_{rest}.py", "def story_{}("
    if kind == "model":
        return f"tests/integration/store/model/{rest}_test.py", "def {}("
    if kind == "lint":
        return f"tests/lint/{rest}.py", "def {}("
    folder, _, thing = rest.partition("/")
    return f"tests/{kind}/{folder}/test_{folder}_{thing}.c", "static void {}(void **"


def check_points(root=None):
    faults = []
    for number, line in enumerate(source.read(POINTS, root).splitlines(), 1):
        where = f"{POINTS}:{number}"
        for name, test in NAMED.findall(line):
            path, definition = places(name)
            if not ((root or source.ROOT) / path).is_file():
                faults.append(f"{where}: {name}: no {path}")
            elif test and definition.format(test) not in source.read(path, root):
                faults.append(f"{where}: {path} has no {test}")
        if line.startswith("| ") and line.count("|") < 3:
            faults.append(f"{where}: a line of a table without its state")
    return faults


def check(root=None):
    root = root or source.ROOT
    faults = [f"{name} is missing" for name in DOCUMENTS if not (root / name).is_file()]
    if not (root / POINTS).is_file():
        return faults + [f"{POINTS} is missing"]
    return faults + check_points(root)


if __name__ == "__main__":
    source.finish("points", check())
