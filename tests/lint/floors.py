#!/usr/bin/env python3
"""Floors: a file includes its own folder and lower floors, and a wrapped library stays at home."""
import re

import source

FLOORS = {
    "core": 0,
    "config": 1, "event": 1, "crypto": 1,
    "subscription": 2, "auth": 2, "http": 2, "fetch": 2, "redis": 2,
    "store": 3, "access": 3,
    "ingest": 4, "dispatch": 4, "read": 4, "lifecycle": 4,
    "api": 5, "ui": 5, "cli": 5,
    "app": 6,
}
PURE = {"config", "event", "crypto", "subscription", "auth"}
FLOWS = {"ingest", "dispatch", "read", "lifecycle"}
# Headers of wrapped libraries, and the folders that may include them.
LIBRARIES = [
    (r"curl/", {"fetch"}),
    (r"ares(_\w+)?\.h", {"fetch"}),
    (r"hiredis/(?!hiredis\.h|read\.h)", {"redis"}),
    (r"hiredis/(hiredis|read)\.h", {"redis", "store"}),
    (r"(http_parser|llhttp)\.h", {"http"}),
    (r"openssl/", {"crypto"}),
    (r"ini\.h", {"config"}),
    (r"xxhash\.h", {"core"}),
]
NOT_PURE = r"uv\.h|sys/socket\.h|netdb\.h|poll\.h|sys/epoll\.h"
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def check_include(folder, quote, name):
    """One fault as text, or None. `folder` is in FLOORS."""
    floor = FLOORS[folder]
    if quote == "<":
        for pattern, homes in LIBRARIES:
            if re.match(pattern, name) and folder not in homes:
                return f"<{name}> belongs in {', '.join(sorted(homes))}"
        if folder in PURE and re.match(NOT_PURE, name):
            return f"<{name}> in a pure folder"
        return None
    other = name.split("/")[0] if "/" in name else None
    if other == "budstikke":
        return None
    if other is None or other not in FLOORS:
        return f'"{name}" is not written as "folder/file.h"'
    if other == folder:
        return None
    if FLOORS[other] >= floor:
        return f'"{name}" is floor {FLOORS[other]}, this is floor {floor}'
    if other == "redis" and folder in FLOWS:
        return f'"{name}": flows call store/, never redis/'
    return None


def check_file(path, text):
    parts = path.split("/")
    is_unit = path.startswith("tests/unit/") and len(parts) > 3
    public = path.startswith("include/")
    folder = parts[2] if is_unit else parts[1] if len(parts) > 2 else None
    faults = []
    if not public and folder not in FLOORS:
        return [f"{path}:1: folder {folder} has no floor (tests/lint/floors.py)"]
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        fault = None
        if public:
            if "jansson" in name or (quote == '"' and not name.startswith("budstikke/")):
                fault = f"{name} in the public library's header"
        elif is_unit and (quote == "<" or "/" not in name):
            continue  # a test's libraries, and what the tests of its folder share
        else:
            fault = check_include(folder, quote, name)
        if fault:
            faults.append(f"{path}:{number}: {fault}")
    if not path.startswith("src/"):
        return faults
    for number, line in enumerate(source.without_comments(text).split("\n"), 1):
        if 0 < FLOORS[folder] <= 3 and re.search(r"\bbud_log(_error|_warn|_info|_debug)?\(", line):
            faults.append(f"{path}:{number}: floors 0-3 do not log")
        if folder in PURE:
            if re.search(r"\bbud_clock_(wall|mono)_|\bclock_gettime\b|\btime\(", line):
                faults.append(f"{path}:{number}: a pure folder takes the time as a parameter")
    return faults


def check(root=None):
    faults = []
    for path in source.c_files(root, under=("src/", "include/", "tests/unit/")):
        if path.startswith("tests/unit/") and path.count("/") < 3:
            continue
        faults += check_file(path, source.read(path, root))
    return faults


if __name__ == "__main__":
    source.finish("floors", check())
