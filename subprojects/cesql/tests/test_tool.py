#!/usr/bin/env python3
"""The tool: what it prints for one event and for lines, and what it says when it is misused."""
import json
import subprocess
import sys
import unittest

TOOL = sys.argv.pop(1)
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b", "n": 5, "yes": True,
         "nothing": None, "name": "Øyvind", "data": {"x": 1.5}, "list": "x"}


def run(*words, text=""):
    done = subprocess.run([TOOL, *words], input=text, capture_output=True, text=True, check=False,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


class Tool(unittest.TestCase):
    def gives(self, expression, line, event=None):
        self.assertEqual(run(expression, text=json.dumps(EVENT if event is None else event)),
                         (0, line + "\n", ""))

    def test_values(self):
        self.gives("type = 'a.b'", "true")
        self.gives("n + 1", "6")
        self.gives("n", "5")
        self.gives("yes", "true")
        self.gives("name", '"Øyvind"')
        self.gives("'a\"b\\n'", '"a\\"b\\\\n"')
        self.gives("'a\nb'", '"a\\nb"')
        self.gives("--10", "10")
        self.gives("LEFT(name, 1)", '"Ø"')

    def test_errors(self):
        self.gives("missing", "false error=missingAttribute")
        self.gives("nothing", "false error=missingAttribute")
        self.gives("EXISTS nothing", "false")
        self.gives("data", "false error=missingAttribute")
        self.gives("1 / 0", "0 error=math")
        self.gives("INT('x')", "0 error=cast")
        self.gives("FOO()", "false error=missingFunction")
        self.gives("LEFT('abc', -1)", '"abc" error=functionEvaluation')

    def test_data_is_not_looked_at(self):
        for data in ('{"a":1,"a":2}', '[{"a":{"b":1,"b":1e999}}]', '123456789012345678901',
                     '"{"', '{"x":"]}\\"","x":{}}', '{"a":"\\u0000"}'):
            event = '{"type":"order","data":' + data + ',"n":5}'
            self.assertEqual(run("type = 'order' AND n = 5", text=event), (0, "true\n", ""), data)
            line = '{"expression":"n = 5","event":' + event + "}\n"
            self.assertEqual(run("--lines", text=line), (0, "true\n", ""), data)
        for data in ("{]", '{"a":1,}', '{"a":1', "[}", '{"a":1,"a"}'):
            self.assertEqual(run("TRUE", text='{"type":"t","data":' + data + "}")[0], 2, data)
        # Elsewhere a name stands once.
        self.assertEqual(run("TRUE", text='{"n":1,"data":{"a":1,"a":2},"n":1}')[0], 2)

    def test_parse_error_says_where(self):
        code, out, err = run("type = ", text="{}")
        self.assertEqual((code, out), (0, "false error=parse\n"))
        self.assertIn("at byte 7 of the expression: expected an attribute", err)
        self.assertIn("  type = \n         ^\n", err)
        self.assertEqual(run("--strict", "FOO()", text="{}")[1], "false error=parse\n")

    def test_empty_input_is_no_event(self):
        self.assertEqual(run("1 + 1"), (0, "2\n", ""))
        self.assertEqual(run("id", text=" \n"), (0, "false error=missingAttribute\n", ""))

    def test_bad_events(self):
        for text, words in [("[1]", "must be a JSON object"), ("{", "no JSON: line 1"),
                            ('{"a":1.5}', '"a" must be'), ('{"a":[]}', '"a" must be'),
                            ('{"a":2147483648}', '"a" must be'), ('{"a":1,"a":2}', "no JSON")]:
            code, out, err = run("TRUE", text=text)
            self.assertEqual((code, out), (2, ""), text)
            self.assertIn(words, err)

    def test_data_is_not_looked_at(self):
        for data in ("12345678901234567890123", "1e400", "-1E+999", "[1,{\"a\":[-9e999]}]",
                     '"1e400"', "0.5", "null", "{}", '{"data":1e400,"n":99999999999999999999}'):
            event = '{"x":"data","n":5,"data" : %s, "m":7}' % data
            self.assertEqual(run("n + m", text=event), (0, "12\n", ""), data)
            line = '{"event":%s,"expression":"n + m"}' % event
            self.assertEqual(run("--lines", text=line), (0, "12\n", ""), data)
        for text in ('{"n":99999999999999999999}', '{"x":"data","n":1e400}', '{"data":01}',
                     '{"data":1.}', '{"data":[1.2.3]}', '{"data":[1 2]}', '{"data":-}'):
            code, out, err = run("TRUE", text=text)
            self.assertEqual((code, out), (2, ""), text)
            self.assertIn("no JSON", err)
        for digits in ("0" * 8000000, "1" * 8000000 + ".", "-" * 8000000):  # in one pass
            self.assertEqual(run("TRUE", text='{"data":[%s]}' % digits)[0], 2)

    def test_lines(self):
        lines = [
            ('{"expression":"n = 5","event":{"n":5}}', "true"),
            ('{"expression":"n = 5","event":{"n":"6"}}', "false"),
            ('{"expression":"1 +","event":{}}', "false error=parse"),
            ('{"expression":"1 + 1"}', "2"),
            ('{"expression":"EXISTS a","event":null}', "false"),
            ('{"expression":5,"event":{}}', "false error=generic"),
            ('{"event":{}}', "false error=generic"),
            ('{"expression":"TRUE","event":[]}', "false error=generic"),
            ('{"expression":"TRUE","event":{"a":{}}}', "false error=generic"),
            ("", "false error=generic"),
            ("nonsense", "false error=generic"),
            ('{"expression":"\'\\u0000æ\'"}', '"\\u0000æ"'),
            ('{"expression":"LEFT(\'x\', -1)","event":{}}', '"x" error=functionEvaluation'),
        ]
        code, out, err = run("--lines", text="\n".join(line for line, _ in lines))
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines(), [answer for _, answer in lines])
        self.assertIn("line 3: at byte 3 of the expression", err)
        self.assertIn("line 11: no JSON", err)

    def test_each_line_is_answered_at_once(self):
        with subprocess.Popen([TOOL, "--lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as tool:
            for n in range(3):
                tool.stdin.write(json.dumps({"expression": f"{n} + 1"}) + "\n")
                tool.stdin.flush()
                self.assertEqual(tool.stdout.readline(), f"{n + 1}\n")
            tool.stdin.close()
            self.assertEqual(tool.wait(60), 0)

    def test_misuse(self):
        for words, said in [((), "there is no expression"), (("1", "2"), "in quotes"),
                            (("--lines", "1"), "in the input"), (("--line",), "no such option")]:
            code, out, err = run(*words)
            self.assertEqual((code, out), (2, ""))
            self.assertIn(said, err)
            self.assertIn("usage:", err)
        self.assertEqual(run("--", "--n", text='{"n":5}'), (0, "5\n", ""))
        code, out, err = run("--help")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("usage: cesql", out)
        self.assertEqual(run("--version"), (0, "cesql 1.0.0\n", ""))

    def test_says_when_it_cannot_write(self):
        for words, text in ((("TRUE",), "{}"), (("--help",), ""), (("--version",), ""),
                            (("--lines",), '{"expression":"1"}\n' * 3)):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([TOOL, *words], input=text, stdout=full, text=True,
                                      stderr=subprocess.PIPE, check=False, timeout=60)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
