#!/usr/bin/env python3
"""Sizes: functions of 70 lines, files of 500, headers of 120, lines of 100 columns."""
import re

import source

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
HEADER_LINES_MAX = 120
COLUMNS_MAX = 100

# A file or `file:function` that may be longer, and why.
LONGER = {
    "src/config/config.h": "one struct with every setting of the program",
    "src/core/metrics.h": "three enums that list every metric of the program",
}


def width(line):
    return len(line.expandtabs(8))


def check_c(path, text):
    lines = text.rstrip("\n").split("\n")
    faults = []
    limit = HEADER_LINES_MAX if path.endswith(".h") and not path.startswith("tests/") \
        else FILE_LINES_MAX
    if len(lines) > limit and path not in LONGER:
        faults.append(f"{path}:{len(lines)}: {len(lines)} lines, at most {limit}")
    for name, _, first, count in source.functions(text):
        if count > FUNCTION_LINES_MAX and f"{path}:{name}" not in LONGER:
            faults.append(f"{path}:{first}: {name}() has {count} lines, "
                          f"at most {FUNCTION_LINES_MAX}")
    return faults


def is_vector(path, line):
    """A test's vector stays on its line: only its text is what makes it long."""
    return path.startswith("tests/") and path.endswith(".c") \
        and width(re.sub(r'"(?:\\.|[^"\\])*"', '""', line)) <= COLUMNS_MAX - 40


def check_lines(path, text):
    return [f"{path}:{n}: {width(line)} columns, at most {COLUMNS_MAX}"
            for n, line in enumerate(text.split("\n"), 1)
            if width(line) > COLUMNS_MAX and not is_vector(path, line)]


def check(root=None):
    faults = []
    for path in source.c_files(root):
        faults += check_c(path, source.read(path, root))
    for path in source.files(root):
        if path.endswith((".c", ".h", ".py", ".sh", ".mjs", ".js", ".lua")) \
                and not path.startswith("subprojects/packagefiles/"):
            text = source.read(path, root)
            faults += check_lines(path, text)
            if path.endswith(".py") and text.count("\n") > FILE_LINES_MAX:
                faults.append(f"{path}:1: more than {FILE_LINES_MAX} lines")
    return faults


if __name__ == "__main__":
    source.finish("sizes", check())
