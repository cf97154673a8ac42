"""What callers say, drawn at random from a seed: valid subscriptions and events, and nearly valid
ones. `nearly` is how often a part is wrong."""
import base64
import json
import random
import time

ATTRIBUTES = ["type", "source", "subject", "resource", "id", "ext1", "time", "partitionkey"]
TYPES = ["a.b", "a.b.c", "app.instance.created", "no.budstikke.delivery.dead.v1",
         "no.budstikke.subscription.disabled.v1", "\u00e6.\u00f8"]
SUBJECTS = ["/party/1", "/party/51326198", "x", "\u00e5", "/person/13861498942"]
RESOURCES = ["urn:altinn:resource:app_ttd_apps-test", "urn:altinn:resource:some", "x"]
SOURCES = ["/a", "/a/b", "urn:x", "a%20b", "?q", "#f"]
TEXTS = ["", " ", "a" * 300, "\u00e5\u20ac\U0001f600", "\0", "\n", '"', "\\", "%", "%zz",
         "sealed:x", "\ud800", "\ufffe", "x" * 4097, "*", "a*"]
WRONG = [None, True, 0, -1, 1.5, 2**31, 2**63, -2**63, 1e308, [], {}, [[]], [None], "", "x"]
TIMES = ["2020-01-01T00:00:00Z", "1969-01-01T00:00:00Z", "0000-01-01T00:00:00+01:00",
         "2030-01-01t00:00:60.123456789z", "9999-12-31T23:59:60Z", "9999-12-31T23:59:59-23:59"]
STATUSES = [{"404": "dead"}, {"5xx": "again", "401": "disable"}, {"2xx": "again"}, {"100": "dead"},
            {str(400 + i): "again" for i in range(32)}]


class Grammar:
    def __init__(self, seed, sinks):
        """`sinks`: URLs to push to; those of tokens begin with the first one."""
        self.random = random.Random(seed)
        self.sinks = sinks
        self.nearly = 0.0

    def one(self, *choices):
        return self.random.choice(choices)

    def often(self, share):
        return self.random.random() < share

    def wrong(self):
        return self.one(*WRONG, self.one(*TEXTS))

    def word(self, *choices):
        return self.wrong() if self.often(self.nearly) else self.one(*choices)

    def number(self, low, high):
        beyond = [low - 1, high + 1, str(low)] if self.often(self.nearly) else []
        return self.one(*(beyond or [low, low + 1, (low + high) // 2, high - 1, high]))

    def some(self, members, share):
        """Of {name: function} some, called."""
        return {name: make() for name, make in members.items() if self.often(share)}

    def expression(self, depth=0):
        """CloudEvents SQL."""
        inner = [self.expression(depth + 1) for _ in range(3)] if depth < 4 else ["1"] * 3
        a, b, c = inner
        return self.one(
            self.one(*ATTRIBUTES), "-2147483648", "2147483648", "'a\\'\u00e5%'", "TRUE",
            f"({a} {self.one('=', '!=', '<', 'AND', 'OR', 'XOR', '+', '-', '*', '/', '%')} {b})",
            f"NOT {a}", f"-({a})", f"{a} LIKE '{self.one('%', 'a%_', '%%a', '')}'",
            f"EXISTS {self.one(*ATTRIBUTES)}", f"{a} {self.one('', 'NOT ')}IN ({b}, {c})",
            f"{self.one('LENGTH', 'UPPER', 'TRIM', 'INT', 'BOOL', 'STRING', 'ABS', 'NOPE')}({a})",
            f"{self.one('LEFT', 'RIGHT', 'SUBSTRING')}({a}, {b})", f"SUBSTRING({a}, {b}, {c})",
            f"CONCAT({a}, {b})", f"CONCAT_WS({a}, {b}, {c})")

    def filter(self, depth=0):
        if self.often(self.nearly):
            return self.one(self.wrong(), {"nope": {}}, {"exact": {}}, {"all": []}, {"sql": "a ="})
        if depth > 3 or self.often(0.5):
            name = self.one(*ATTRIBUTES)
            return self.one({self.one("exact", "prefix", "suffix"): {name: self.text(name)}},
                            {"exact": {"type": self.one(*TYPES)}}, {"sql": self.expression()})
        most = 33 if depth == 0 else 3
        several = [self.filter(depth + 1) for _ in range(self.one(1, 2, 4, most))]
        return self.one({"all": several}, {"any": several}, {"not": several[0]})

    def text(self, name):
        usual = {"type": TYPES, "source": SOURCES, "subject": SUBJECTS, "resource": RESOURCES}
        return self.one(*TEXTS) if self.often(0.1) else self.one(*usual.get(name, ["1", "v"]))

    def config(self):
        made = self.some({
            "mode": lambda: self.word("structured", "binary", "batch", "altinn", "slack"),
            "timeout_ms": lambda: self.word(100, 500, self.number(100, 60000)),
            "retry": lambda: self.some({
                "schedule": lambda: self.word("default", "altinn", [], [1] * 60, [1, 604800], [0]),
                "max_age_s": lambda: self.number(1, 100), "jitter": lambda: self.word(0, 0.5, 0.51),
                "statuses": lambda: self.word(*STATUSES)}, 0.4),
            "verify": lambda: self.word("off", "cloudevents", "altinn"),
            "signing": lambda: self.some({
                "secret": lambda: self.word("whsec_" + base64.b64encode(b"k" * 24).decode()),
                "schemes": lambda: self.word(["v1"], ["v1a"], ["v1", "v1a", "rfc9421"], []),
                "components": lambda: self.word("target-uri", "authority")}, 0.6)}, 0.4)
        if self.often(0.3):
            made.update(self.one(
                {"ordered": True, "on_blocked": self.word("wait", "skip")},
                {"rate_per_s": self.word(0.01, 5, 50, 10000, 10001)},
                {"max_in_flight": self.number(1, 64)}))
        if made.get("mode") == "batch":
            made["batch"] = self.some({"max_events": lambda: self.number(1, 256),
                                       "max_bytes": lambda: self.number(1024, 1 << 20),
                                       "max_wait_ms": lambda: self.word(0, 100, 60000)}, 0.5)
        return made

    def credential(self):
        token = {"accesstoken": self.word("t", "x" * 8192), "accesstokentype": self.word("Bearer"),
                 "accesstokenexpiresutc": self.word(*TIMES)}
        url = self.sinks[0] + "token"
        return self.one(
            {"credentialtype": "PLAIN", "identifier": self.word("me", "\u00e5"), "secret": "s"},
            {"credentialtype": "ACCESSTOKEN", **token},
            {"credentialtype": "REFRESHTOKEN", **token, "refreshtoken": "r",
             "refreshtokenendpoint": url},
            {"credentialtype": "CLIENT", "identifier": "\u00e5:&=%", "secret": self.word("&=%+"),
             "tokenendpoint": url, "scope": self.word("a b")})

    def subscription(self):
        self.nearly = self.one(0, 0, 0, 0.02, 0.1)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.one(1, 3, 1e6)))
        made = {"protocol": self.word("HTTP"), "sink": self.word(*self.sinks)}
        members = {
            "types": (0.3, lambda: self.word(self.random.sample(TYPES, 2), ["t", "t"], [])),
            "source": (0.2, lambda: self.text("source")),
            "filters": (0.6, lambda: [self.filter() for _ in range(self.one(0, 1, 1, 2))]),
            "name": (0.3, lambda: self.word("n", "x" * 256, "x" * 257)),
            "expires": (0.1, lambda: self.word(soon, *TIMES)),
            "from": (0.2, lambda: self.word("earliest", *TIMES)),
            "protocolsettings": (0.2, lambda: {"headers": {
                self.word("X-A", "Host", "webhook-id", "Signature"): self.word("a b", "\u00e5")
                for _ in range(self.one(1, 16))}} if not self.often(self.nearly) else self.wrong()),
            "config": (0.8, self.config), "sinkcredential": (0.2, self.credential)}
        for name, (share, make) in members.items():
            if self.often(share):
                made[name] = make()
        return made

    def patch(self):
        made = {name: value for name, value in self.subscription().items() if self.often(0.4)}
        return {name: None if self.often(0.1) else value for name, value in made.items()}

    def event(self, identity):
        self.nearly = self.one(0, 0, 0, 0.05)
        made = {"specversion": self.word("1.0"), "id": identity, "source": self.one(*SOURCES),
                "type": self.one(*TYPES[:3]), **self.some({
                    "subject": lambda: self.text("subject"), "time": lambda: self.word(*TIMES),
                    "resource": lambda: self.text("resource"), "partitionkey": lambda: "k",
                    "ext1": lambda: self.word("v", 5, True, -2**31, "\u00e5\u20ac %"),
                    "expirytime": lambda: self.word(*TIMES), "webhookhops": lambda: "1",
                    "long": lambda: "x" * self.one(1, 4000, 60000)}, 0.2)}
        data = self.one({}, {"data": {"n": 1}}, {"data": None}, {"data": "t"},
                        {"data_base64": self.word("AAEC", "")}, {"data": [1, {"a": "\u00e5"}]},
                        {"data": "<x/>", "datacontenttype": "application/cloudevents+json"})
        return {**made, **data, **({self.one(*TEXTS): self.wrong()} if self.often(0.03) else {})}

    def quoted(self, text):
        """A JSON string; now and then its characters as escapes."""
        share = self.one(0, 0, 0.3)
        return '"' + "".join(f"\\u{ord(c):04x}" if c < " " or "\ud800" <= c < "\ue000" or (
            c < "\uffff" and self.often(share)) else "\\" + c if c in '"\\' else c
            for c in text) + '"'

    def written(self, value):
        if isinstance(value, str):
            return self.quoted(value)
        if isinstance(value, list):
            return "[" + ",".join(map(self.written, value)) + "]"
        if isinstance(value, dict):
            return "{" + ",".join(f"{self.quoted(k)}: {self.written(v)}"
                                  for k, v in value.items()) + "}"
        return json.dumps(value)

    def body(self, value):
        """JSON, rarely with a member twice or a byte too many or wrong."""
        text = self.written(value).encode()
        if text[:2] == b'{"' and self.often(0.03):
            text = b'{"type": "a", ' + text[1:]
        if text and self.often(0.03):
            at = self.random.randrange(len(text))
            text = text[:at] + self.one(b"", b"\0", b"\xff", b'"', b"{") + text[at + 1:]
        return text

    def as_headers(self, event):
        """Binary mode: (headers, body)."""
        headers = [("content-type", event.get("datacontenttype") or "application/json")]
        for name, value in event.items():
            if name not in ("data", "data_base64", "datacontenttype") and value is not None:
                text = value if isinstance(value, str) else json.dumps(value)
                headers.append(("ce-" + name, "".join(
                    c if "!" <= c <= "~" and c not in '"%' or self.often(0.02) else
                    "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace")) for c in text)))
        return headers, json.dumps(event.get("data")).encode()
