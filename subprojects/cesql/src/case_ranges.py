#!/usr/bin/env python3
"""Writes case_ranges.c: the simple case mappings of the Unicode that this Python knows.

    python3 case_ranges.py > case_ranges.c && clang-format -i case_ranges.c"""
import sys
import unicodedata


def upper(code):
    mapped = chr(code).upper()
    if len(mapped) > 1:  # the full mapping is longer; the simple one is that of a title, if any
        mapped = chr(code).title()
    return ord(mapped) if len(mapped) == 1 else code


def lower(code):
    mapped = chr(code).lower()
    # Without its context a capital sigma is a small one, and I with a dot is an i.
    return ord(mapped) if len(mapped) == 1 else ord(mapped[0])


def ranges(mapping):
    """(first, last, step, delta): `step` apart, all moved by the same."""
    found = []
    for code in range(0x80, 0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        delta = mapping(code) - code
        if delta == 0:
            continue
        if found:
            first, last, step, was = found[-1]
            gap = code - last
            if was == delta and (gap == step or (first == last and gap <= 2)):
                found[-1] = (first, code, gap, delta)
                continue
        found.append((code, code, 1, delta))
    return found


def table(name, mapping):
    rows = [f"{{0x{first:04X}, 0x{last:04X}, {step}, {delta}}}"
            for first, last, step, delta in ranges(mapping)]
    return (f"const struct cesql_case_range {name}[] = {{\n" + ", ".join(rows) + "\n};\n"
            f"const size_t {name}_n = sizeof({name}) / sizeof({name}[0]);\n")


VERSION = unicodedata.unidata_version
sys.stdout.write(f"""/* Made by case_ranges.py from Unicode {VERSION}. */
#include "case_ranges.h"

{table("cesql_to_upper", upper)}
{table("cesql_to_lower", lower)}""")
