#!/usr/bin/env python3
"""Writes case_table.c: the simple case mappings of the Unicode that this Python knows.

    python3 case_table.py > case_table.c && clang-format -i case_table.c"""
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
    return (f"static const struct range {name}[] = {{\n" + ", ".join(rows) + "\n};\n")


sys.stdout.write(f"""/* Made by case_table.py from Unicode {unicodedata.unidata_version}. */
#include "case_table.h"

#include <stddef.h>

/* The characters first, first + step … last all move by delta. */
struct range {{
	uint32_t first, last;
	int32_t step, delta;
}};

{table("to_upper", upper)}
{table("to_lower", lower)}
static uint32_t map(const struct range *ranges, size_t n, uint32_t code)
{{
	size_t low = 0;

	while (n > low) {{
		size_t middle = low + (n - low) / 2;
		if (code < ranges[middle].first)
			n = middle;
		else if (code > ranges[middle].last)
			low = middle + 1;
		else if ((code - ranges[middle].first) % (uint32_t)ranges[middle].step == 0)
			return (uint32_t)((int32_t)code + ranges[middle].delta);
		else
			return code;
	}}
	return code;
}}

uint32_t cesql_case_map(uint32_t code, bool is_upper)
{{
	if (is_upper)
		return map(to_upper, sizeof(to_upper) / sizeof(to_upper[0]), code);
	return map(to_lower, sizeof(to_lower) / sizeof(to_lower[0]), code);
}}
""")
