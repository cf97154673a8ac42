#!/usr/bin/env python3
"""Writes the scripts as a C table: embed.py OUT.c SCRIPT.lua ..."""
import pathlib
import sys

out, *paths = sys.argv[1:]
rows = []
for path in map(pathlib.Path, paths):
    lines = []
    for line in path.read_text().splitlines():
        # The shebang must stay the first line; comments and indentation need not travel to Redis.
        text = line.strip()
        if text.startswith("--") or not text:
            continue
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'\t\t"{escaped}\\n"')
    row = f'\t[BUD_SCRIPT_{path.stem.upper()}] = {{"{path.stem}",\n'
    rows.append(row + "\n".join(lines) + "},\n")
pathlib.Path(out).write_text(
    '/* Made by embed.py from src/store/scripts. */\n#include "store/scripts.h"\n\n'
    "const struct bud_redis_script bud_store_scripts[] = {\n" + "".join(rows) + "};\n"
    f"const size_t bud_store_scripts_n = {len(rows)};\n")
