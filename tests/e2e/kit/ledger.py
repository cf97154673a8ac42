"""Two ledgers and a checker: what was published and how it was answered, what arrived and where."""
import hashlib
import http.client
import json
import threading
import time
from dataclasses import dataclass, field

from kit.api import Api


def data_digest(data):
    return hashlib.blake2b(data, digest_size=16).digest()


def make_event(identity, kind="story.happened", source="/stories", filler=0, **attributes):
    """Bytes of a structured event. The data is written as no JSON library would write it again, so
    that only the very same bytes have the same digest."""
    head = {"specversion": "1.0", "id": str(identity), "source": source, "type": kind, **attributes}
    return json.dumps(head)[:-1].encode() + b', "data":' + make_data(identity, filler) + b"}"


def make_data(identity, filler=0):
    text = f'{{ "n" :"{identity}",  "odd":[1.0e0 ,-0, 1E+2], "\\u00e5":"\\/å",'
    return (text + f'"filler":"{"x" * filler}" }}').encode()


@dataclass(slots=True)
class Entry:
    id: str
    kind: str
    source: str
    digest: bytes
    outcome: str = "unsent"  # accepted, refused, unknown
    at: float = 0.0
    attributes: dict = field(default_factory=dict)


class Ledger:
    """The producer's: every event's identity, digest and outcome. Thread safe by the GIL: entries
    are only added and their fields only set."""

    def __init__(self):
        self.entries = {}
        self.accepted_count = 0

    def make(self, identity, kind="story.happened", source="/stories", filler=0, **attributes):
        event = make_event(identity, kind, source, filler, **attributes)
        digest = data_digest(make_data(identity, filler))
        self.entries[source, str(identity)] = Entry(
            str(identity), kind, source, digest, attributes=attributes)
        return event

    def answer(self, keys, outcome):
        now = time.monotonic()
        for key in keys:
            entry = self.entries[key]
            if entry.outcome != "accepted":
                entry.outcome, entry.at = outcome, now
                self.accepted_count += outcome == "accepted"

    def accepted(self):
        # A list is made at once: a publisher adds more meanwhile.
        entries = list(self.entries.items())
        return {key for key, entry in entries if entry.outcome == "accepted"}


class Publisher:
    """Publishes batches from a thread; after no answer or a 5xx the same batch goes again, as a
    publisher who wants to lose nothing does. `url` is asked before each try: servers come back on
    other ports. `may_go()` holds it back."""

    def __init__(self, ledger, url, prefix="e", batch=20, kinds=("story.happened",),
                 may_go=None, filler=200, pause_s=0.0):
        self.ledger, self.url, self.prefix, self.batch = ledger, url, prefix, batch
        self.kinds, self.filler, self.pause_s = kinds, filler, pause_s
        self.may_go = may_go or (lambda: True)
        self.stopping = threading.Event()
        self.limit = None
        self.count = 0
        self.unavailable = 0
        self.problem = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self, limit=None):
        """`limit`: this many events, then it ends by itself."""
        self.limit = limit
        self.thread.start()
        return self

    def stop(self, seconds=60):
        """The batch under way is tried until it is answered."""
        self.stopping.set()
        return self.join(seconds)

    def join(self, seconds=120):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the publisher hangs"
        assert self.problem is None, self.problem
        return self

    def run(self):
        while not self.stopping.is_set() and (self.limit is None or self.count < self.limit):
            if not self.may_go():
                time.sleep(0.002)
                continue
            n = self.batch if self.limit is None else min(self.batch, self.limit - self.count)
            events, keys = [], []
            for _ in range(n):
                kind = self.kinds[self.count % len(self.kinds)]
                identity = f"{self.prefix}-{self.count}"
                events.append(self.ledger.make(identity, kind, filler=self.filler))
                keys.append(("/stories", identity))
                self.count += 1
            self.send(events, keys)
            if self.problem:
                return
            if self.pause_s:
                time.sleep(self.pause_s)

    def send(self, events, keys):
        end = time.monotonic() + 120
        api, url = None, None
        while time.monotonic() < end:
            if api is None or url != self.url():
                url = self.url()
                api = Api(url, timeout=15)
            try:
                answer = api.publish(events)
            except (OSError, http.client.HTTPException):
                self.ledger.answer(keys, "unknown")
                time.sleep(0.02)
                continue
            if answer.status == 202:
                said = answer.json()
                if said["accepted"] + said["duplicates"] != len(events):
                    self.problem = f"{len(events)} events sent, the answer says {said}"
                self.ledger.answer(keys, "accepted")
                return
            if answer.status < 500:
                self.problem = f"refused: {answer}"
                return
            self.ledger.answer(keys, "unknown")
            self.unavailable += 1
            time.sleep(0.02)
        self.problem = "no 202 within 120 s"


@dataclass
class Report:
    """`lost`, `phantom` and `changed` must be empty; duplicates have their bound in each story."""
    expected: int = 0
    lost: list = field(default_factory=list)
    phantom: list = field(default_factory=list)
    changed: list = field(default_factory=list)
    duplicates: list = field(default_factory=list)  # the first delivery of each repeated pair

    def __str__(self):
        return (f"{self.expected} expected, {len(self.lost)} lost {self.lost[:5]}, "
                f"{len(self.phantom)} phantom {self.phantom[:5]}, "
                f"{len(self.changed)} changed {self.changed[:5]}, "
                f"{len(self.duplicates)} duplicates")

    def must_be_clean(self):
        assert not self.lost and not self.phantom and not self.changed, str(self)


def check(ledger, receiver, wants):
    """`wants`: path -> function(entry) -> bool, what each subscription should get."""
    report = Report()
    first = {}
    webhook_ids = {}
    for delivery in list(receiver.deliveries):
        key = (delivery.source, delivery.id)
        entry = ledger.entries.get(key)
        pair = (delivery.path, *key)
        known = webhook_ids.setdefault(pair, delivery.webhook_id)
        if known != delivery.webhook_id:
            report.changed.append((*pair, "webhook-id"))
        if entry is None or delivery.path not in wants or not wants[delivery.path](entry) \
                or entry.outcome in ("unsent", "refused"):
            report.phantom.append(pair)
            continue
        if delivery.digest != entry.digest:
            report.changed.append((*pair, "data"))
        if not 200 <= delivery.status < 300:
            continue
        if pair in first:
            report.duplicates.append(first[pair])
        else:
            first[pair] = delivery
    if len(set(webhook_ids.values())) != len(webhook_ids):
        report.changed.append(("one webhook-id for two deliveries",))
    for key in ledger.accepted():
        for path, wanted in wants.items():
            if wanted(ledger.entries[key]):
                report.expected += 1
                if (path, *key) not in first:
                    report.lost.append((path, *key))
    return report
