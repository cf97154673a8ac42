"""Bad input gets a clear error that names the member at fault, and changes nothing."""
import gzip
import threading
import time

from kit import Api, Budstikke, Receiver, folder, make_event, patience

JSON = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def event(**members):
    import json
    full = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **members}
    return json.dumps({k: v for k, v in full.items() if v is not ...}).encode()


def raw(tail):
    return b'{"specversion":"1.0","id":"1","source":"/s","type":"t"' + tail + b"}"


# What is wrong, the body, and a word the answer must have (the member; "" where there is none).
STRUCTURED = [
    ("not JSON", b"{", ""),
    ("empty body", b"", ""),
    ("not an object", b"[]", ""),
    ("trailing garbage", event() + b"x", ""),
    ("byte order mark", b"\xef\xbb\xbf" + event(), ""),
    ("malformed data", raw(b',"data":{"a":}'), "data"),
    ("malformed number in data", raw(b',"data":01'), "data"),
    ("unclosed data", raw(b',"data":[1'), ""),
    ("control character in data", raw(b',"data":"a\nb"'), "data"),
    ("twice the same attribute", raw(b',"type":"u"'), "type"),
    ("twice, spelled with an escape", raw(b',"t\\u0079pe":"u"'), "type"),
    ("twice data", raw(b',"data":1,"data":2'), "data"),
    ("no specversion", event(specversion=...), "specversion"),
    ("wrong specversion", event(specversion="0.3"), "specversion"),
    ("specversion as number", event(specversion=1.0), "specversion"),
    ("no id", event(id=...), "id"),
    ("null id", event(id=None), "id"),
    ("empty id", event(id=""), "id"),
    ("id as number", event(id=1), "id"),
    ("no source", event(source=...), "source"),
    ("empty source", event(source=""), "source"),
    ("source is no URI-reference", event(source="a b"), "source"),
    ("no type", event(type=...), "type"),
    ("empty type", event(type=""), "type"),
    ("empty subject", event(subject=""), "subject"),
    ("time without zone", event(time="2026-01-01T00:00:00"), "time"),
    ("time of no day", event(time="2026-02-30T00:00:00Z"), "time"),
    ("dataschema not absolute", event(dataschema="schema"), "dataschema"),
    ("datacontenttype is none", event(datacontenttype="json"), "datacontenttype"),
    ("capital in a name", event(traceParent="x"), "traceParent"),
    ("underscore in a name", event(my_ext="x"), "my_ext"),
    ("empty name", event(**{"": "x"}), ""),
    ("attribute as object", event(ext={}), "ext"),
    ("attribute as array", event(ext=[1]), "ext"),
    ("attribute with a fraction", raw(b',"ext":5.0'), "ext"),
    ("attribute with an exponent", raw(b',"ext":5e0'), "ext"),
    ("number out of range", raw(b',"ext":2147483648'), "ext"),
    ("number out of range below", raw(b',"ext":-2147483649'), "ext"),
    ("data with data_base64", event(data=1, data_base64="AA=="), "data_base64"),
    ("bad base64", event(data_base64="A"), "data_base64"),
    ("base64 of the URL alphabet", event(data_base64="_-8="), "data_base64"),
    ("data_base64 as number", event(data_base64=1), "data_base64"),
    ("bad UTF-8 in an attribute", raw(b',"subject":"\xff"'), "subject"),
    ("overlong UTF-8", raw(b',"subject":"\xc0\xa0"'), "subject"),
    ("surrogate in UTF-8", raw(b',"subject":"\xed\xa0\x80"'), "subject"),
    ("bad UTF-8 in data", raw(b',"data":"\xff"'), "data"),
    ("lone surrogate", raw(b',"subject":"\\uDEAD"'), "subject"),
    ("lone high surrogate", raw(b',"subject":"\\uD800x"'), "subject"),
    ("control character by escape", raw(b',"subject":"a\\u0000b"'), "subject"),
    ("control character of Latin 1", raw(b',"subject":"a\\u0085b"'), "subject"),
    ("noncharacter", raw(b',"subject":"\\uFFFE"'), "subject"),
    ("depth bomb in data", raw(b',"data":' + b"[" * 5000 + b"]" * 5000), "data"),
    ("depth bomb", b"[" * 100000, ""),
    ("text where data is text only", event(datacontenttype="text/plain", data={"a": 1}), "data"),
    ("empty traceparent", event(traceparent=""), "traceparent"),
]

BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t",
          "content-type": "application/json"}
BINARY_FAULTS = [
    ("no ce- headers", {k: None for k in BINARY if k != "content-type"},
     "content-type"),
    ("no ce-id", {"ce-id": None}, "id"),
    ("wrong specversion", {"ce-specversion": "1.1"}, "specversion"),
    ("bad percent-encoding", {"ce-subject": "a%zz"}, "subject"),
    ("half a percent-encoding", {"ce-subject": "a%4"}, "subject"),
    ("percent-encoded bad UTF-8", {"ce-subject": "%C0%A0"}, "subject"),
    ("percent-encoded surrogate", {"ce-subject": "%ED%A0%80"}, "subject"),
    ("percent-encoded control character", {"ce-subject": "a%0Ab"}, "subject"),
    ("illegal name", {"ce-my-ext": "x"}, "my-ext"),
    ("ce-datacontenttype", {"ce-datacontenttype": "text/plain"}, "datacontenttype"),
    ("empty attribute", {"ce-subject": ""}, "subject"),
]


def must_refuse(answer, what, member, status=400):
    assert answer is not None, f"{what}: no answer"
    assert answer.status == status, f"{what}: {answer}"
    assert answer.type == "application/problem+json", f"{what}: {answer}"
    problem = answer.json()
    assert problem["status"] == status and problem["type"] and problem["title"], f"{what}: {answer}"
    assert member in answer.body.decode(), f"{what}: {member} is not named in {answer}"


def collect(faults, call):
    try:
        call()
    except AssertionError as error:
        faults.append(str(error))


def nothing_was_stored(node, receiver):
    assert node.metric("events_accepted_total") == 0
    assert not receiver.deliveries


def story_events():
    faults = []
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        for what, body, member in STRUCTURED:
            answer = api.request("POST", "/events", body, {"content-type": JSON})
            collect(faults, lambda: must_refuse(answer, what, member))
        good = make_event("good")
        for what, body, member in STRUCTURED[6:]:
            answer = api.request(
                "POST", "/events", b"[" + good + b"," + body + b"]", {"content-type": BATCH})
            collect(faults, lambda: must_refuse(answer, "batch: " + what, member))
        for what, headers, member in BINARY_FAULTS:
            sent = {k: v for k, v in {**BINARY, **headers}.items() if v is not None}
            answer = api.request("POST", "/events", b"{}", sent)
            collect(faults, lambda: must_refuse(answer, "binary: " + what, member))
        for what, body, kind, status in [
                ("event too large", event(data="x" * (1 << 20)), JSON, 413),
                ("batch too large", b"[" + b",".join([event(data="x" * 99999)] * 45) + b"]", BATCH,
                 413),
                ("too many events", b"[" + b",".join([event()] * 1001) + b"]", BATCH, 413),
                ("unknown format", b"x", "application/cloudevents+avro", 415),
                ("other charset", event(), JSON + "; charset=utf-16", 415)]:
            answer = api.raw(
                f"POST /events HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n"
                f"content-length: {len(body)}\r\n\r\n".encode() + body)
            collect(faults, lambda: must_refuse(answer, what, "", status))
        for kind, headers in ((JSON, {}), (BATCH, {}), ("text/plain", BINARY)):
            answer = api.request("POST", "/events", gzip.compress(event()), {
                **headers, "content-type": kind, "content-encoding": "gzip"})
            collect(faults, lambda: must_refuse(answer, "gzip " + kind, "content-encoding", 415))
        assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)
        nothing_was_stored(node, receiver)


FILTERS = [
    ([{}], "filters"), ([{"exact": {}}], "exact"), ([{"exact": {"type": ""}}], "exact"),
    ([{"exact": {"type": 1}}], "exact"), ([{"exact": {"Bad": "x"}}], "Bad"),
    ([{"exact": {"data": "x"}}], "data"), ([{"prefix": {}}], "prefix"),
    ([{"suffix": []}], "suffix"), ([{"all": []}], "all"), ([{"any": []}], "any"),
    ([{"any": {}}], "any"), ([{"not": []}], "not"), ([{"not": {}}], "not"),
    ([{"exact": {"type": "a"}, "prefix": {"type": "b"}}], "filters"),
    ([{"regex": {"type": "a"}}], "regex"), ([{"sql": "TRUE AND"}], "sql"), ({}, "filters"),
    ([{"sql": ""}], "sql"), ([{"sql": 1}], "sql"), ([{"sql": "NOSUCH()"}], "sql"),
    ([{"sql": "(" * 30 + "TRUE" + ")" * 30}], "sql"), ([{"sql": "'" + "x" * 5000 + "'"}], "sql"),
    ([{"any": [{"exact": {"x": str(i)}} for i in range(33)]}], "filters"),
]
SUBSCRIPTIONS = [
    ({"protocol": None}, "protocol"), ({"protocol": "http"}, "protocol"),
    ({"protocol": "KAFKA"}, "protocol"), ({"sink": None}, "sink"), ({"sink": ""}, "sink"),
    ({"sink": "ftp://127.0.0.1/"}, "sink"), ({"sink": "/relative"}, "sink"),
    ({"sink": "http://10.0.0.1/private"}, "sink"), ({"sink": "http://[::1]/"}, "sink"),
    ({"sink": "http://169.254.169.254/latest"}, "sink"),
    ({"sink": "http://u:p@127.0.0.1/"}, "sink"),
    ({"sink": "http://127.0.0.1/" + "x" * 3000}, "sink"), ({"sink": 7}, "sink"),
    ({"types": "t"}, "types"), ({"types": [""]}, "types"), ({"types": [1]}, "types"),
    ({"source": ""}, "source"), ({"source": 5}, "source"),
    ({"config": {"surprise": 1}}, "surprise"), ({"config": {"timeout_ms": 0}}, "timeout_ms"),
    ({"config": {"timeout_ms": "1"}}, "timeout_ms"),
    ({"config": {"signing": {"secret": "short"}}}, "secret"),
    ({"config": {"signing": {"secret": "whsec_AAAA"}}}, "secret"),
    ({"surprise": 1}, "surprise"),
    ({"protocolsettings": {"headers": {"host": "x"}}}, "host"),
    ({"protocolsettings": {"headers": {"x": "a\r\nb: c"}}}, "protocolsettings"),
]


def story_subscriptions():
    faults = []
    with folder() as home, Budstikke(home / "data") as node:
        api = node.api()
        cases = SUBSCRIPTIONS + [({"filters": f}, member) for f, member in FILTERS]
        for members, member in cases:
            body = {"protocol": "HTTP", "sink": "http://127.0.0.1:8449/a", **members}
            body = {k: v for k, v in body.items() if v is not None}
            answer = api.request("POST", "/subscriptions", body)
            collect(faults, lambda: must_refuse(answer, str(members)[:80], member))
        deep = {"exact": {"type": "t"}}
        for _ in range(30):
            deep = {"not": deep}
        many = [{"exact": {"type": "t"}}] * 300
        for filters in ([deep], many, [{"any": many}], [{"exact": {"type": "x" * 5000}}]):
            answer = api.request("POST", "/subscriptions", {
                "protocol": "HTTP", "sink": "http://127.0.0.1:8449/a", "filters": filters})
            collect(faults, lambda: must_refuse(answer, "filter limits", "filters"))
        for body, status in ((b"{", 400), (b"[]", 400), (b"x" * 70000, 413)):
            answer = api.request("POST", "/subscriptions", body,
                                 {"content-type": "application/json"})
            collect(faults, lambda: must_refuse(answer, str(body[:9]), "", status))
        answer = api.request("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": "http://127.0.0.1:8449/a", "filters": [{"regex": "a"}]})
        collect(faults, lambda: must_refuse(answer, "the known dialects are named", "sql"))
        assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)
        assert api.get("/subscriptions").json() == [], "a refused one is stored"


HEAD = b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-type: " + JSON.encode() + b"\r\n"
BODY = event()
LENGTH = b"content-length: %d\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n"
CHUNKS = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
HOSTILE = [
    ("length with transfer-encoding", HEAD + LENGTH + CHUNKED + b"\r\n" + CHUNKS),
    ("transfer-encoding with length", HEAD + CHUNKED + LENGTH + b"\r\n" + CHUNKS),
    ("two equal lengths", HEAD + LENGTH * 2 + b"\r\n" + BODY),
    ("two lengths", HEAD + LENGTH + b"content-length: 3\r\n\r\n" + BODY),
    ("list of lengths", HEAD + b"content-length: 3, 3\r\n\r\nabc"),
    ("signed length", HEAD + b"content-length: +3\r\n\r\nabc"),
    ("two transfer-encodings", HEAD + CHUNKED * 2 + b"\r\n" + CHUNKS),
    ("gzip, chunked", HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n" + CHUNKS),
    ("bad chunk size", HEAD + CHUNKED + b"\r\nzz\r\n" + BODY),
    ("folded line", HEAD + b"x: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY),
    ("space before colon", HEAD + b"content-length : 3\r\n\r\nabc"),
    ("bare line feeds", HEAD.replace(b"\r\n", b"\n") + LENGTH + b"\r\n" + BODY),
    ("NUL in a value", HEAD + b"x: a\0b\r\n" + LENGTH + b"\r\n" + BODY),
    ("two hosts", HEAD + b"host: y\r\n" + LENGTH + b"\r\n" + BODY),
    ("no host", HEAD.replace(b"host: x\r\n", b"") + LENGTH + b"\r\n" + BODY),
    ("twice ce-id", b"POST /events HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\n"
     b"ce-id: 2\r\nce-source: /s\r\nce-type: t\r\ncontent-length: 0\r\n\r\n"),
]


def story_http():
    """Hostile heads are refused and the connection closed; nothing behind them is read."""
    faults = []
    smuggled = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        for what, data in HOSTILE:
            answer = api.raw(data + smuggled, 3)
            if answer is None or not 400 <= answer.status < 502 or answer.status == 404:
                faults.append(f"{what}: {answer}")
        huge = api.raw(HEAD + b"x: " + b"a" * 300000 + b"\r\n\r\n", 3)
        if huge is None or huge.status != 431:
            faults.append(f"300 KB of head: {huge}")
        for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/events", 405),
                                     ("PUT", "/subscriptions", 405), ("GET", "/../etc", 404),
                                     ("GET", "/subscriptions/none", 404)):
            answer = api.request(method, path)
            collect(faults, lambda: must_refuse(answer, f"{method} {path}", "", status))
            if status == 405 and "allow" not in answer.headers:
                faults.append(f"{method} {path}: no Allow")
        assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)
        assert api.raw(HEAD + CHUNKED + b"\r\n" + CHUNKS.replace(BODY, BODY)).status == 202
        assert node.metric("events_accepted_total") == 1


def story_pages_of_other_sites():
    """Where nobody has to say who asks, a page that a browser on this machine shows changes
    nothing: it may send a body without a type, or none, and the browser says for which page."""
    wish = b'{"protocol":"HTTP","sink":"https://example.com/a"}'
    with folder() as home, Budstikke(home / "data") as node:
        public, admin = node.api(), Api(node.admin, patience(10))
        for api, path, body in ((public, "/subscriptions", wish), (public, "/grants", b"{}"),
                                (admin, "/pause", b'{"all":true}'), (admin, "/keys/rotate", b""),
                                (admin, "/api-keys", b'{"name":"/a","scopes":["events:read"]}')):
            for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://"):
                answer = api.request("POST", path, body, {"origin": origin})
                must_refuse(answer, f"{path} for {origin}", "Origin", 403)
        assert public.get("/subscriptions").json() == []
        assert admin.get("/pauses").json() == []
        own = {"origin": node.url, "content-type": "application/json"}
        assert public.request("POST", "/subscriptions", wish, own).status == 201
        others = {"origin": "https://evil.example"}
        assert public.get("/subscriptions", headers=others).status == 200


def story_slow_head_and_body():
    """A deadline for the whole head and the whole body, however steadily they drip."""
    drips = {"head": b"POST /events HTTP/1.1\r\n",
             "body": HEAD + b"content-length: 1000\r\n\r\n",
             "chunks": HEAD + CHUNKED + b"\r\n"}
    limits = {"head": 10, "body": 30, "chunks": 30}
    took, answers = {}, {}

    def drip(node, which):
        began = time.monotonic()
        piece = b"1\r\na\r\n" if which == "chunks" else b"a"
        answers[which] = node.api().raw(drips[which], 30, [piece] * 200, 0.5)
        took[which] = time.monotonic() - began

    with folder() as home, Budstikke(home / "data") as node:
        threads = [threading.Thread(target=drip, args=(node, which)) for which in drips]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for which, limit in limits.items():
            assert limit - 1 < took[which] < patience(limit + 6), f"{which}: {took[which]:.0f} s"
            answer = answers[which]
            assert answer is None or answer.status == 408, f"{which}: {answer}"
        assert node.metric("events_accepted_total") == 0
