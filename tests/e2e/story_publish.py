"""What is published arrives: everywhere it is wanted, nowhere else, verified, byte for byte."""
import base64

from kit import (Budstikke, Ledger, Receiver, Verifier, check, folder, make_event, scaled,
                 wait_until)

KINDS = ["a.created", "a.updated", "a.deleted", "b.created", "b.updated"]
WANTS = {
    "all": ({}, lambda e: True),
    "types": ({"types": ["a.created", "b.updated"]},
              lambda e: e.kind in ("a.created", "b.updated")),
    "exact": ({"filters": [{"exact": {"type": "a.deleted", "region": "north"}}]},
              lambda e: e.kind == "a.deleted" and e.attributes.get("region") == "north"),
    "prefix": ({"filters": [{"prefix": {"subject": "person:1"}}]},
               lambda e: e.attributes["subject"].startswith("person:1")),
    "nested": ({"filters": [{"any": [{"suffix": {"type": ".created"}},
                                     {"all": [{"exact": {"region": "south"}},
                                              {"not": {"prefix": {"type": "a."}}}]}]}]},
               lambda e: e.kind.endswith(".created") or (
                   e.attributes.get("region") == "south" and not e.kind.startswith("a."))),
}


def story_five_subscriptions():
    """10 000 events to 5 subscriptions with different filters."""
    count = scaled(10000)
    ledger = Ledger()
    with folder() as home, Receiver() as receiver, Verifier() as verifier, \
            Budstikke(home / "data") as node:
        api = node.api()
        secrets = {}
        for path, (members, _) in WANTS.items():
            made = api.subscribe(receiver.sink(path), **members)
            secrets[path] = made["config"]["signing"]["secret"]
        for start in range(0, count, 100):
            events, keys = [], []
            for i in range(start, start + 100):
                attributes = {"subject": f"person:{i % 37}"}
                if i % 3:
                    attributes["region"] = "north" if i % 2 else "south"
                events.append(ledger.make(i, KINDS[i % 5], filler=i % 700, **attributes))
                keys.append(("/stories", str(i)))
            answer = api.publish(events)
            assert answer.status == 202, answer
            assert answer.json() == {"accepted": 100, "duplicates": 0, "durability": "fsync"}
            ledger.answer(keys, "accepted")
        wants = {path: wanted for path, (_, wanted) in WANTS.items()}
        expected = sum(wanted(e) for wanted in wants.values() for e in ledger.entries.values())
        wait_until(lambda: len(receiver.pairs) >= expected,
                   lambda: f"{len(receiver.pairs)} of {expected} arrived", 90)
        node.wait_settled()
        report = check(ledger, receiver, wants)
        report.must_be_clean()
        assert report.expected == expected and not report.duplicates, str(report)
        assert not (faults := verifier.faults(receiver.deliveries, secrets)), faults[:3]
        for delivery in receiver.deliveries[::97]:
            sent = ledger.entries[delivery.source, delivery.id]
            event = delivery.event
            assert event["type"] == sent.kind and event["specversion"] == "1.0", event
            assert {k: event.get(k) for k in sent.attributes} == sent.attributes, event
            kind = delivery.headers["content-type"]
            assert kind.startswith("application/cloudevents+json"), kind


def published(api, node, receiver, method):
    """Publishes by `method` and returns the one delivery."""
    before = len(receiver.deliveries)
    answer = method()
    assert answer.status == 202, answer
    wait_until(lambda: len(receiver.deliveries) > before, "nothing arrived")
    return receiver.deliveries[-1].event


def story_modes():
    """Structured, batch and binary; JSON, text and bytes; traceparent is passed on."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("all"))

        def binary(body, kind, identity, **headers):
            sent = {"ce-specversion": "1.0", "ce-id": identity, "ce-source": "/a%2520b",
                    "ce-type": "t", **headers}
            if kind:
                sent["content-type"] = kind
            return lambda: api.request("POST", "/events", body, sent)

        def one(method):
            return published(api, node, receiver, method)

        assert one(lambda: api.publish(make_event("1")))["id"] == "1"
        assert one(lambda: api.publish([make_event("2")]))["id"] == "2"
        event = one(binary(b'{"x": 1.0}', "application/json", "3",
                           **{"ce-subject": "Euro%20%E2%82%AC%20%F0%9F%98%80"}))
        assert event["data"] == {"x": 1.0} and event["subject"] == "Euro € 😀", event
        assert event["source"] == "/a%20b", event
        assert b'"data":{"x": 1.0}' in receiver.deliveries[-1].body.replace(b'": {"', b'":{"')
        event = one(binary(b"<a/>", "text/xml", "4"))
        assert event.get("data") == "<a/>" or event.get("data_base64") == "PGEvPg==", event
        assert event["datacontenttype"] == "text/xml", event
        event = one(binary(b"\xff\x00\x01", "application/octet-stream", "5"))
        assert base64.b64decode(event["data_base64"]) == b"\xff\x00\x01", event
        event = one(binary(None, None, "6"))
        assert "data" not in event and "data_base64" not in event, event
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        event = one(lambda: api.publish(make_event("7", traceparent=trace)))
        assert event["traceparent"] == trace, event
        assert trace.split("-")[1] in receiver.deliveries[-1].headers.get("traceparent", "")
        large = "x" * 60000
        event = one(binary(b"1", "application/json", "8", **{"ce-large": large}))
        assert event["large"] == large
        assert api.publish([]).status == 202


def story_duplicates():
    """The same (source, id) in the window is counted and not delivered again; with other content
    it is a conflict."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("all"))
        first, other = make_event("1"), make_event("1", filler=5)
        assert api.publish(first).json()["accepted"] == 1
        again = api.publish(first)
        assert again.status == 202, again
        assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 1), again
        conflict = api.publish(other)
        assert conflict.status == 409 and conflict.type == "application/problem+json", conflict
        assert api.publish(make_event("1", source="/elsewhere")).json()["accepted"] == 1
        mixed = api.publish([first, make_event("2"), other, make_event("3")])
        assert mixed.status == 202, mixed
        said = mixed.json()
        assert (said["accepted"], said["duplicates"], len(said["conflicts"])) == (2, 1, 1), said
        assert api.publish([other, other]).status == 409
        twice = api.publish([make_event("4"), make_event("4")])
        assert twice.json()["accepted"] == 1 and twice.json()["duplicates"] == 1, twice
        wait_until(lambda: len(receiver.deliveries) >= 5, "5 deliveries")
        node.wait_settled()
        got = sorted((d.source, d.id) for d in receiver.deliveries)
        assert got == [("/elsewhere", "1"), ("/stories", "1"), ("/stories", "2"),
                       ("/stories", "3"), ("/stories", "4")], got


def story_batch_is_checked_as_a_whole():
    """One invalid event: 400 names it, and nothing of the batch is stored."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("all"))
        answer = api.publish([make_event("1"), make_event("2", badName="x"), make_event("3")])
        assert answer.status == 400 and answer.type == "application/problem+json", answer
        assert b"badName" in answer.body, answer
        assert api.publish([make_event("1"), make_event("3")]).json()["accepted"] == 2
        wait_until(lambda: len(receiver.deliveries) >= 2, "2 deliveries")
        node.wait_settled()
        assert receiver.ids("all") == {("/stories", "1"), ("/stories", "3")}
