"""What every lint needs: the project's files, and a rough reading of C that fits our layout."""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("LINT_ROOT", Path(__file__).resolve().parents[2]))
SKIPPED_FOLDERS = {".git", "node_modules", "__pycache__", "packagecache"}


def files(root=None):
    """Paths (relative) of everything that is or would be committed."""
    root = root or ROOT
    if (root / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=root, capture_output=True, check=False)
        if listed.returncode == 0:
            names = listed.stdout.decode().split("\0")
            return sorted(n for n in names if n and (root / n).is_file())
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [d for d in inner if d not in SKIPPED_FOLDERS and not d.startswith("build")]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def c_files(root=None, *, under=("src/", "include/", "tests/", "subprojects/cesql/")):
    return [f for f in files(root) if f.endswith((".c", ".h")) and f.startswith(tuple(under))]


def read(path, root=None):
    return ((root or ROOT) / path).read_text(encoding="utf-8", errors="replace")


def without_comments(text):
    """Blanks comments and the inside of strings; line numbers stay."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[0] if len(found) > 1 else found
        return re.sub(r"[^\n]", " ", found)
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def functions(text):
    """(name, signature, first line, number of lines) of each function defined in `text`: kernel
    braces, so a body stands between a `{` and a `}` in the first column."""
    lines = without_comments(text).split("\n")
    found, at = [], 0
    while at < len(lines):
        if lines[at] != "{":
            at += 1
            continue
        head = at
        while head > 0 and lines[head - 1].strip() and lines[head - 1][:1] not in "#}" \
                and not lines[head - 1].rstrip().endswith(";"):
            head -= 1
        end = at
        while end < len(lines) and not lines[end].startswith("}"):
            end += 1
        signature = " ".join(line.strip() for line in lines[head:at])
        signature = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature)
        name = re.search(r"(\w+)\s*\(", signature)
        if name:
            found.append((name.group(1), signature, head + 1, end - head + 1))
        at = end + 1
    return found


def finish(what, faults):
    """Prints what was found; the exit code is the result."""
    for fault in faults:
        print(fault)
    print(f"{what}: {len(faults)} faults")
    sys.exit(1 if faults else 0)
