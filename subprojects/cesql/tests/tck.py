#!/usr/bin/env python3
"""Runs the conformance cases of the CloudEvents specification (cesql/cesql_tck/*.yaml) by the tool.

    tck.py TOOL [FOLDER]

FOLDER may also be named by CESQL_TCK. Exit 77 (meson: skipped) where there is none. Each case must
give its value and its error, but for those that contradict the specification."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

# (file, expression): the specification says otherwise, and this is what it says.
CONTRADICTIONS = {
    ("not_operator", "NOT 10"): (False, None),  # 3.7: an integer is cast to a boolean, always
}
EVENT = {"specversion": "1.0", "id": "1", "source": "/source", "type": "a.type"}


class Yaml:
    """As much of YAML as the cases need: nested maps, lists of maps, scalars plain, quoted or in
    blocks. Plain scalars follow the core schema: no dates."""

    def __init__(self, text):
        self.lines = []
        for line in text.split("\n"):
            self.lines.append((len(line) - len(line.lstrip(" ")), line.strip(" "), line))
        self.at = 0

    def skip(self):
        while self.at < len(self.lines) and (
                not self.lines[self.at][1] or self.lines[self.at][1].startswith("#")
                or self.lines[self.at][1] == "---"):
            self.at += 1
        return self.at < len(self.lines)

    def value(self, indent):
        """What begins at this line, indented by at least `indent`."""
        if not self.skip() or self.lines[self.at][0] < indent:
            return None
        depth, text, _ = self.lines[self.at]
        if text.startswith("- ") or text == "-":
            return self.sequence(depth)
        return self.mapping(depth)

    def sequence(self, depth):
        found = []
        while self.skip() and self.lines[self.at][0] == depth \
                and self.lines[self.at][1].startswith("-"):
            _, text, whole = self.lines[self.at]
            rest = text[1:].lstrip(" ")
            inner = depth + len(text) - len(rest)
            if not rest:
                self.at += 1
                found.append(self.value(depth + 1))
            elif self.key_of(rest):
                self.lines[self.at] = (inner, rest, whole)
                found.append(self.mapping(inner))
            else:
                self.at += 1
                found.append(self.scalar(rest))
        return found

    @staticmethod
    def key_of(text):
        return re.match(r"""("[^"]*"|'[^']*'|[^\s:'"{\[][^:]*):(?:\s+(.*))?$""", text)

    def mapping(self, depth):
        found = {}
        while self.skip() and self.lines[self.at][0] == depth:
            match = self.key_of(self.lines[self.at][1])
            if not match:
                raise ValueError(f"line {self.at + 1}: {self.lines[self.at][1]}")
            key, rest = match.group(1).strip("\"'"), (match.group(2) or "").strip()
            self.at += 1
            if rest[:1] in ("|", ">"):
                found[key] = self.block(depth, rest)
            elif rest and not rest.startswith("#"):
                found[key] = self.scalar(self.whole_quoted(rest))
            elif self.skip() and self.lines[self.at][0] == depth \
                    and self.lines[self.at][1].startswith("- "):
                found[key] = self.sequence(depth)
            else:
                found[key] = self.value(depth + 1)
        return found

    def whole_quoted(self, text):
        """A quoted scalar may go on in the next lines."""
        quote = text[0]
        if quote not in "\"'":
            return text
        ends = r'"(?:\\.|[^"\\])*"' if quote == '"' else r"'(?:''|[^'])*'"
        while not re.match(ends, text, re.S) and self.at < len(self.lines):
            text += " " + self.lines[self.at][1]
            self.at += 1
        return text

    def block(self, depth, style):
        taken = []
        while self.at < len(self.lines) and (
                self.lines[self.at][0] > depth or not self.lines[self.at][1]):
            taken.append(self.lines[self.at])
            self.at += 1
        indent = min((line[0] for line in taken if line[1]), default=0)
        texts = [line[2][indent:] for line in taken]
        text = ("\n" if style[0] == "|" else " ").join(texts).rstrip(" \n")
        return text if "-" in style else text + "\n"

    @staticmethod
    def scalar(text):
        double = re.match(r'"((?:\\.|[^"\\])*)"', text, re.S)
        if double:
            return json.loads('"' + double.group(1).replace("\t", "\\t") + '"')
        single = re.match(r"'((?:''|[^'])*)'", text, re.S)
        if single:
            return single.group(1).replace("''", "'")
        text = re.split(r"\s+#", text)[0].strip()
        if re.fullmatch(r"true|True|TRUE|false|False|FALSE", text):
            return Plain(text, text.lower() == "true")
        if re.fullmatch(r"[-+]?[0-9]+", text):
            return Plain(text, int(text))
        return None if text in ("null", "~") else text


class Plain:
    """A plain scalar that YAML takes for a boolean or a number, and how it was written."""

    def __init__(self, text, value):
        self.text, self.value = text, value


def plain(value):
    if isinstance(value, Plain):
        return value.value
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value


def expression_of(case):
    written = case["expression"]
    return written.text if isinstance(written, Plain) else written


def question(case):
    event = plain(case.get("event")) or dict(EVENT)
    event.update(plain(case.get("eventOverrides")) or {})
    return json.dumps({"expression": expression_of(case), "event": event})


def fault_of(name, case, answer):
    """What is wrong with the answer, or None."""
    value, _, error = answer.partition(" error=") if " error=" in answer else (answer, "", "")
    value, error = json.loads(value), error or None
    wanted, wanted_error = plain(case.get("result")), case.get("error")
    known = CONTRADICTIONS.get((name, expression_of(case)))
    if known:
        if (value, error) == known:
            return None
        wanted, wanted_error = known
    same = "result" not in case or wanted_error == "parse" or (
        type(value) is type(wanted) and value == wanted)
    if same and error == wanted_error:
        return None
    return (f"{name}: {case['name']}\n    {expression_of(case)}\n    expected {wanted!r} "
            f"{wanted_error}, got {value!r} {error}")


def main():
    folder = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else os.environ.get("CESQL_TCK", "")
    files = sorted(Path(folder).glob("*.yaml")) if folder else []
    if not files:
        print("no folder with the cases: name it by CESQL_TCK")
        return 77
    cases = []
    for path in files:
        suite = Yaml(path.read_text(encoding="utf-8")).value(0)
        cases += [(path.stem, case) for case in suite["tests"]]
    done = subprocess.run([sys.argv[1], "--lines"], input="\n".join(
        question(case) for _, case in cases), capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    faults = [f for f in (fault_of(name, case, answer)
                          for (name, case), answer in zip(cases, answers, strict=True)) if f]
    print("\n".join(faults))
    print(f"{len(files)} files, {len(cases)} cases, {len(faults)} failed")
    return 1 if faults or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
