#!/usr/bin/env python3
"""Each lint finds its bad example and lets the good one pass: a lint that cannot fail is none."""
import shutil
import tempfile
import unittest
from pathlib import Path

import floors
import layout
import names
import points
import sizes
import source
import words

GOOD_HEADER = """/* A thing: what it is. */
#pragma once

int bud_thing_read(int n);
"""
GOOD_SOURCE = """#include "core/thing.h"

int bud_thing_read(int n)
{
\treturn n;
}
"""


class Project(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp())
        self.put("src/core/thing.h", GOOD_HEADER)
        self.put("src/core/thing.c", GOOD_SOURCE)
        shutil.copy(source.ROOT / ".clang-format", self.root)

    def tearDown(self):
        shutil.rmtree(self.root)

    def put(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def finds(self, lint, path, text, words_of_fault):
        self.assertEqual(lint.check(self.root), [])
        self.put(path, text)
        faults = lint.check(self.root)
        self.assertTrue(any(words_of_fault in f for f in faults), faults)
        (self.root / path).unlink()

    def test_floors(self):
        cases = [
            ("src/event/a.c", '#include "store/keys.h"\n', "floor 3"),
            ("src/event/a.c", '#include "crypto/sign.h"\n', "floor 1"),
            ("src/dispatch/a.c", '#include "ingest/a.h"\n', "floor 4"),
            ("src/dispatch/a.c", '#include "redis/client.h"\n', "never redis/"),
            ("src/store/a.c", "#include <curl/curl.h>\n", "belongs in fetch"),
            ("src/store/a.c", "#include <ares.h>\n", "belongs in fetch"),
            ("src/store/a.c", "#include <hiredis/async.h>\n", "belongs in redis"),
            ("src/api/a.c", "#include <hiredis/hiredis.h>\n", "belongs in redis, store"),
            ("src/api/a.c", "#include <llhttp.h>\n", "belongs in http"),
            ("src/api/a.c", "#include <openssl/evp.h>\n", "belongs in crypto"),
            ("src/event/a.c", "#include <uv.h>\n", "pure"),
            ("src/event/a.c", "int f(void)\n{\n\treturn bud_clock_wall_ms();\n}\n", "time"),
            ("src/store/a.c", 'int f(void)\n{\n\tbud_log_info("a");\n}\n', "do not log"),
            ("src/store/a.c", '#include "a.h"\n', "folder/file.h"),
            ("src/attic/a.c", "\n", "has no floor"),
            ("include/budstikke/a.h", "#include <jansson.h>\n", "public"),
            ("tests/unit/event/test_event_a.c", '#include "store/keys.h"\n', "floor 3"),
        ]
        for path, text, fault in cases:
            with self.subTest(path=path, text=text):
                self.finds(floors, path, text, fault)
        self.put("src/store/good.c", "#include <hiredis/hiredis.h>\n#include \"redis/a.h\"\n")
        self.assertEqual(floors.check(self.root), [])

    def test_sizes(self):
        long = "int bud_a(void)\n{\n" + "\ta();\n" * 70 + "}\n"
        self.finds(sizes, "src/core/a.c", long, "bud_a() has 73 lines")
        self.finds(sizes, "src/core/a.c", "int a;\n" * 510, "at most 500")
        self.finds(sizes, "src/core/a.h", "\nint a;" * 121, "at most 120")
        self.finds(sizes, "src/core/a.c", "\t" * 11 + "12345678901234;\n", "103 columns")

    def test_names(self):
        cases = [
            ("src/core/a.c", "int read_it(void)\n{\n\treturn 0;\n}\n", "lacks bud_"),
            ("src/core/a.c", "static int bud_x(void)\n{\n\treturn 0;\n}\n", "no prefix"),
            ("src/core/a.c", "void bud_thing_free(void)\n{\n}\n", "write destroy"),
            ("src/core/a.c", "typedef struct a a_t;\n", "typedef"),
            ("src/core/a.c", "typedef struct a {\n\tint b;\n} a_t;\n", "typedef"),
            ("src/core/a.h", "/* A good thing. */\nint bud_a(void);\n", "pragma"),
            ("src/core/a.h", "#pragma once\n", "sentence"),
            ("src/core/a.h", "/* A good thing. */\n#pragma once\n#define A 1\n", "lacks BUD_"),
            ("src/core/utils.c", "\n", "one thing"),
        ]
        for path, text, fault in cases:
            with self.subTest(path=path, text=text):
                self.finds(names, path, text, fault)
        self.put("src/core/b.h", "/* A good thing. */\n#pragma once\n"
                 "typedef void (*bud_a_fn)(void *owner);\ntypedef bud_a_fn bud_b_fn;\n")
        self.put("src/core/main.c", "int main(void)\n{\n\treturn 0;\n}\n")
        self.assertEqual(names.check(self.root), [])

    def test_words(self):
        cases = [
            ("src/core/a.c", "/* TO" + "DO later */\n", "left"),
            ("README.md", "see /wor" + "k/main\n", "one machine"),
            ("deploy/start", "cd /tm" + "p/build\n", "one machine"),
            ("tests/e2e/package-lock.json", '{"resolved": "https://host/x.tgz"}\n', "registry"),
        ]
        for path, text, fault in cases:
            with self.subTest(path=path):
                self.finds(words, path, text, fault)
        self.put("tests/unit/core/a.c", 'mkdtemp("/tm' + 'p/a-XXXXXX");\n')
        self.assertEqual(words.check(self.root), [])

    def test_points(self):
        for name in points.DOCUMENTS:
            self.put(name, "")
        self.put("tests/e2e/story_a.py", "def story_b():\n    pass\n")
        self.put("tests/unit/core/test_core_a.c", "static void test_b(void **state)\n{\n}\n")
        good = "| a | `e2e/a:b`, `unit/core/a:test_b`, `e2e/a` | done |\n"
        self.put(points.POINTS, good)
        self.assertEqual(points.check(self.root), [])
        for text, fault in (("| a | `e2e/a:c` | done |", "has no c"),
                            ("| a | `faults/a` | done |", "no tests/faults/story_a.py"),
                            ("| a | `unit/core/a:b` | done |", "has no b")):
            with self.subTest(text=text):
                self.put(points.POINTS, good + text + "\n")
                self.assertTrue(any(fault in f for f in points.check(self.root)), fault)

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is missing")
    def test_layout(self):
        self.finds(layout, "src/core/a.c", "int  bud_a ;\n", "error")


if __name__ == "__main__":
    unittest.main()
