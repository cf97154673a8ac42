"""The plainest engine for the work that bench_match_make writes: reads its two files, compares each
event with each filter and gives the number of matches and the checksum that all engines agree on.

    neutral.py FOLDER
"""
import json
import sys
from pathlib import Path

MASK = 2 ** 64 - 1


def mix(number):
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9 & MASK
    number = (number ^ number >> 27) * 0x94d049bb133111eb & MASK
    return number ^ number >> 31


def match_hash(event, filter_number):
    return mix((event + 1) << 32 | filter_number)


def holds(node, event):
    op, *rest = node
    if op == "all":
        return all(holds(child, event) for child in rest)
    if op == "any":
        return any(holds(child, event) for child in rest)
    if op == "not":
        return not holds(rest[0], event)
    name, wanted = rest
    have = event.get(name)
    if have is None:
        return False
    return {"exact": have == wanted, "prefix": have.startswith(wanted),
            "suffix": have.endswith(wanted)}[op]


def read(path):
    """Without the first line, which says how the file was made."""
    with open(path, encoding="utf-8") as lines:
        next(lines)
        return [json.loads(line) for line in lines]


def run(folder):
    """(matches, checksum)"""
    filters = read(Path(folder) / "filters.ndjson")
    matches, checksum = 0, 0
    for i, event in enumerate(read(Path(folder) / "events.ndjson")):
        for j, node in enumerate(filters):
            if holds(node, event):
                matches += 1
                checksum = checksum + match_hash(i, j) & MASK
    return matches, checksum


if __name__ == "__main__":
    found = run(sys.argv[1])
    print(json.dumps({"matches": found[0], "checksum": f"{found[1]:016x}"}))
