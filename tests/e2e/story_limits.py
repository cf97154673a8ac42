"""The limits of publishing: what is just within them passes and arrives, what is beyond is refused
with 413 or 431."""
from kit import Budstikke, Receiver, folder, make_event, wait_until
from kit.api import BATCH, STRUCTURED

EVENT_BYTES_MAX = 1 << 20
BATCH_BYTES_MAX = 4 << 20
HEADER = 64 << 10


def event_of(size, identity):
    """A structured event of exactly `size` bytes."""
    least = len(make_event(identity))
    return make_event(identity, filler=size - least)


def post(api, body, kind):
    """Raw, since a refusal may come while the body is still being sent."""
    return api.raw(f"POST /events HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n"
                   f"content-length: {len(body)}\r\n\r\n".encode() + body, 20)


def must_be(answer, status, what):
    assert answer is not None and answer.status == status, (what, answer)
    if status != 202:
        assert answer.type == "application/problem+json", (what, answer)


def story_publish():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api(20)
        api.subscribe(receiver.sink("a"))
        must_be(post(api, event_of(EVENT_BYTES_MAX, "largest"), STRUCTURED), 202, "1 MiB")
        must_be(post(api, event_of(EVENT_BYTES_MAX + 1, "no"), STRUCTURED), 413, "1 MiB and 1")
        thousand = [make_event(i) for i in range(1001)]
        most = b"[" + b",".join(thousand[:1000]) + b"]"
        must_be(post(api, most, BATCH), 202, "1000 events")
        must_be(post(api, b"[" + b",".join(thousand) + b"]", BATCH), 413, "1001 events")
        part = event_of(EVENT_BYTES_MAX // 2, "x")
        parts = [event_of(len(part), f"part-{i}") for i in range(7)]
        room = BATCH_BYTES_MAX - len(b",".join(parts)) - 3
        full = b"[" + b",".join([*parts, event_of(room, "rest")]) + b"]"
        assert len(full) == BATCH_BYTES_MAX
        must_be(post(api, full, BATCH), 202, "4 MiB")
        must_be(post(api, full[:-1] + b" ]", BATCH), 413, "4 MiB and 1")
        wait_until(lambda: len(receiver.deliveries) >= 1009,
                   lambda: f"{len(receiver.deliveries)} of 1009", 60)
        node.wait_settled()
        assert len(receiver.ids("a")) == 1009
        largest = next(d for d in receiver.deliveries if d.id == "largest")
        assert largest.body == event_of(EVENT_BYTES_MAX, "largest"), "1 MiB comes as it went"


def story_header_value():
    """CloudEvents asks that events of 64 KiB pass, in binary mode as one header value even."""
    value = "".join(chr(ord("a") + i % 26) for i in range(HEADER))
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/stories", "ce-type": "t",
              "content-type": "application/json"}
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        answer = api.request("POST", "/events", b'{"x":1}', {**binary, "ce-large": value})
        must_be(answer, 202, "64 KiB in a header value")
        wait_until(lambda: receiver.deliveries, "it arrives")
        event = receiver.deliveries[0].event
        assert event["large"] == value and event["data"] == {"x": 1}
        half = b"POST /events HTTP/1.1\r\nhost: x\r\nce-large: " + b"x" * (129 << 10)
        must_be(api.raw(half + b"\r\n\r\n", 5), 431, "a head of 129 KiB")
        many = b"".join(b"x-%d: y\r\n" % i for i in range(200))
        must_be(api.raw(b"POST /events HTTP/1.1\r\nhost: x\r\n" + many + b"\r\n", 5), 431,
                "200 fields")
        must_be(api.raw(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 5), 414,
                "a long target")
        node.wait_settled()
        assert len(receiver.deliveries) == 1
