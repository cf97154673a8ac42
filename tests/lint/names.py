#!/usr/bin/env python3
"""Names: bud_ before everything that is not static, `_fn` for the only typedefs, headers that
begin with a sentence."""
import re

import source

VAGUE_FILES = {"common", "util", "utils", "internal", "helper", "helpers", "misc"}
# One word per idea (conventions 2): what to write instead.
OTHER_VERBS = {"new": "create", "free": "destroy or finish", "dispose": "destroy",
               "deinit": "finish", "teardown": "finish or close"}
TYPEDEF = re.compile(r"\btypedef\b([^;{]*(?:\{[^}]*\})?[^;]*);", re.S)
FUNCTION_POINTER = re.compile(r"\(\s*\*\s*\w+_fn\s*\)\s*\(|^\s*\w+_fn\s+\w+_fn\s*$")


def prefix_of(path):
    return "cesql_" if path.startswith("subprojects/cesql/") else "bud_"


def check_functions(path, text):
    faults = []
    for name, signature, first, _ in source.functions(text):
        if re.search(r"\bstatic\b", signature):
            if name.startswith("bud_") and path.endswith(".c"):
                faults.append(f"{path}:{first}: {name}() is static, it needs no prefix")
            continue
        if name != "main" and not name.startswith(prefix_of(path)):
            faults.append(f"{path}:{first}: {name}() is not static and lacks {prefix_of(path)}")
        verb = name.rsplit("_", 1)[-1]
        if verb in OTHER_VERBS:
            faults.append(f"{path}:{first}: {name}(): write {OTHER_VERBS[verb]}")
    return faults


def check_header(path, text):
    faults = []
    comment = re.match(r"/\* (.*?)\*/", text, re.S)
    if not comment or not re.match(r"\S+ \S+ \S+", comment.group(1)) \
            or not re.search(r"[.?]", comment.group(1)):
        faults.append(f"{path}:1: the first line is not a sentence that says what this is")
    if not re.search(r"^#pragma once$", text, re.M):
        faults.append(f"{path}:1: no #pragma once")
    for number, line in enumerate(source.without_comments(text).split("\n"), 1):
        macro = re.match(r"\s*#\s*define\s+(\w+)", line)
        if macro and not macro.group(1).startswith(("BUD_", "bud_", "CESQL_", "cesql_")):
            faults.append(f"{path}:{number}: macro {macro.group(1)} lacks BUD_")
    return faults


def check_file(path, text):
    faults = []
    plain = source.without_comments(text)
    for match in TYPEDEF.finditer(plain):
        if not FUNCTION_POINTER.search(match.group(1)):
            line = plain.count("\n", 0, match.start()) + 1
            faults.append(f"{path}:{line}: typedef; write struct or enum and the tag")
    if not path.startswith(("tests/", "subprojects/cesql/tests/")):
        faults += check_functions(path, text)
        if path.endswith(".h"):
            faults += check_header(path, text)
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    if stem in VAGUE_FILES:
        faults.append(f"{path}:1: a file's name says which one thing it holds")
    return faults


def check(root=None):
    return [fault for path in source.c_files(root)
            for fault in check_file(path, source.read(path, root))]


if __name__ == "__main__":
    source.finish("names", check())
