"""A broadcast to 10 000 subscriptions while the dispatcher is killed and subscriptions come and go:
each that stayed receives each event."""
import http.client
import os
import random
import threading
import time

from kit import Budstikke, Receiver, folder, patience, wait_until

EVENTS = 3
THREADS = 8
# Shapes of filters that all match; every sixth subscription has one of its own. The last one names
# nothing that an event must have: an owner may have only so many of those.
SHAPES = [
    {"types": ["broadcast"]},
    {"filters": [{"exact": {"type": "broadcast"}}]},
    {"filters": [{"prefix": {"type": "broad"}}, {"suffix": {"type": "cast"}}]},
    {"filters": [{"any": [{"exact": {"subject": "all"}}, {"exact": {"subject": "some"}}]}]},
    {"filters": [{"not": {"exact": {"subject": "nobody"}}}]},
]


def wish(number):
    if number % 6 == 5:
        return {"filters": [{"not": {"exact": {"subject": f"nobody-{number}"}}},
                            {"exact": {"type": "broadcast"}}]}
    return SHAPES[1 if number % 6 == 4 and number > 3000 else number % 6]


class Crowd:
    """Subscriptions by number. Every call to a server that is being killed goes again until it is
    answered; one without an answer may have been done."""

    def __init__(self, node, receiver):
        self.node, self.receiver = node, receiver
        self.ids = {}  # of those there are
        self.since = {}  # the first event that each must get
        self.until = {}  # the first event that one that is gone must not get
        self.next_event = 0
        self.lock = threading.Lock()

    def call(self, method, path, body=None, api=None):
        end = time.monotonic() + patience(60)
        while time.monotonic() < end:
            try:
                answer = (api or self.node.api(15)).request(method, path, body)
                if answer.status < 500:
                    return answer
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise AssertionError(f"{method} {path}: no answer within a minute")

    def add(self, number, api=None):
        answer = self.call("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": self.receiver.sink(f"s/{number}"),
            "config": {"timeout_ms": 2000}, **wish(number)}, api)
        assert answer.status in (200, 201), answer  # 200: a call without an answer made it
        with self.lock:
            self.ids[number] = answer.json()["id"]
            self.since[number] = self.next_event

    def add_many(self, count):
        def work(first):
            api = self.node.api(30)
            for number in range(first, count, THREADS):
                self.add(number, api)
        workers = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(self.ids) == count, f"{len(self.ids)} of {count} subscribed"

    def remove(self, number):
        with self.lock:
            name = self.ids.pop(number)
        answer = self.call("DELETE", f"/subscriptions/{name}")
        assert answer.status in (200, 404), answer  # 404: a call without an answer did it
        with self.lock:
            self.until[number] = self.next_event

    def publish(self):
        with self.lock:
            number = self.next_event
            self.next_event += 1
        event = {"specversion": "1.0", "id": str(number), "source": "/broadcast",
                 "type": "broadcast", "subject": "all", "data": {"n": number}}
        end = time.monotonic() + patience(60)
        while time.monotonic() < end:
            try:
                if self.node.api(15).publish(event).status == 202:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise AssertionError(f"event {number}: no 202 within a minute")

    def received(self):
        return {(d.path, int(d.id)) for d in list(self.receiver.deliveries)
                if 200 <= d.status < 300}

    def missing(self):
        """(subscription, event) of those that stayed and did not get what they must."""
        got = self.received()
        with self.lock:
            return [(number, event) for number in self.ids
                    for event in range(self.since[number], self.next_event)
                    if (f"s/{number}", event) not in got]

    def too_much(self):
        """(subscription, event) of those that were gone when it was published."""
        got = self.received()
        return [(number, event) for number, first in self.until.items()
                for event in range(first, self.next_event) if (f"s/{number}", event) in got]


class Churn:
    """Takes one away and adds another, in turn, until told to stop."""

    def __init__(self, crowd, count):
        self.crowd, self.count = crowd, count
        self.removed = self.added = 0
        self.stopping = threading.Event()
        self.problem = None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            for number in random.sample(range(self.count), self.count // 4):
                if self.stopping.is_set():
                    return
                self.crowd.remove(number)
                self.removed += 1
                self.crowd.add(self.count + self.added)
                self.added += 1
                time.sleep(0.005)
        except BaseException as error:  # for whoever stops it
            self.problem = error

    def stop(self):
        self.stopping.set()
        self.thread.join(patience(120))
        assert self.problem is None, self.problem
        assert self.removed >= 20 and self.added >= 20, f"{self.removed} {self.added}"


def story_kills_and_changes():
    count = 1000 if os.environ.get("BUD_TEST_QUICK") else 10000
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"workers": 2}) as node:
        crowd = Crowd(node, receiver)
        crowd.add_many(count)
        churn = Churn(crowd, count)
        for number in range(EVENTS):
            before = len(receiver.pairs)
            crowd.publish()
            part = count * (2 * number + 1) // (2 * EVENTS)
            wait_until(lambda: len(receiver.pairs) >= before + part,
                       lambda: f"{len(receiver.pairs)} came in: {node.metrics()}", 60)
            assert crowd.missing(), "the broadcast was over before the kill"
            node.kill()
            node.start()
        wait_until(lambda: len(receiver.pairs) >= (EVENTS - 0.5) * count, "most of it", 120, 0.5)
        churn.stop()
        wait_until(lambda: not crowd.missing(),
                   lambda: f"{len(crowd.missing())} deliveries are missing, e.g. "
                   f"{crowd.missing()[:5]}: {node.metrics()}", 120, 1)
        node.wait_settled(120)  # the lane of one that was deleted may rest for a minute
        assert node.metric("events_lost_total") == 0
        assert not crowd.too_much(), f"to those that were gone: {crowd.too_much()[:5]}"
        print(f"{count} subscriptions, {churn.removed} removed and {churn.added} added meanwhile, "
              f"{EVENTS} kills, {len(receiver.deliveries)} attempts, "
              f"{len(receiver.pairs)} deliveries")
