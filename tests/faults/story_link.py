"""The connection to Redis breaks at the worst moment, again and again: a request has been carried
out, its answer is lost."""
import os
import random
import socket
import threading
import time

from kit import (Budstikke, Ledger, PrivateRedis, Publisher, Receiver, Reply, check, folder,
                 scaled, wait_until)

EVERYTHING = {"a": lambda entry: True}


class Link:
    """A unix socket in front of another. While `is_bad`, each connection carries a random number of
    requests' bytes on and is then cut without what was answered."""

    def __init__(self, path, target):
        self.path, self.target = str(path), str(target)
        self.is_bad, self.cuts, self.closing = False, 0, False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"unix:{self.path}"

    def accept(self):
        while not self.closing:
            try:
                inner, _ = self.listener.accept()
                outer = socket.socket(socket.AF_UNIX)
                outer.connect(self.target)
            except OSError:
                continue
            state = {"muted": False}
            threading.Thread(target=self.requests, args=(inner, outer, state), daemon=True).start()
            threading.Thread(target=self.answers, args=(inner, outer, state), daemon=True).start()

    def requests(self, inner, outer, state):
        left = None
        try:
            while data := inner.recv(65536):
                if self.is_bad and left is None:
                    left = random.randrange(1, 60)
                if left is not None:
                    left -= 1
                    state["muted"] = left <= 0
                outer.sendall(data)
                if state["muted"]:
                    time.sleep(0.02)  # for Redis to carry it out
                    self.cuts += 1
                    break
        except OSError:
            pass
        for s in (inner, outer):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def answers(self, inner, outer, state):
        try:
            while data := outer.recv(65536):
                if not state["muted"]:
                    inner.sendall(data)
        except OSError:
            pass
        try:
            inner.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing = True
        self.listener.close()
        os.unlink(self.path)


def stored(redis):
    return sum(redis("XLEN", f"bud:{{s0}}:p{i}:events") for i in range(16))


def story_batch_is_completed():
    """A batch that was answered with a 5xx, or not at all, may be stored in part or whole; the same
    batch again completes it and never doubles an event."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver, \
            Link(home / "link.sock", redis.socket) as link, \
            Budstikke(home / "data", {"redis.url": link.url}) as node:
        node.api().subscribe(receiver.sink("a"))
        link.is_bad = True
        publisher = Publisher(ledger, lambda: node.url, batch=50, pause_s=0.005)
        publisher.start()
        wait_until(lambda: publisher.unavailable >= scaled(10, 3),
                   lambda: f"{publisher.unavailable} times 5xx, {link.cuts} cuts", 60)
        link.is_bad = False
        publisher.stop()
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")), "all arrive", 60)
        node.wait_settled()
        check(ledger, receiver, EVERYTHING).must_be_clean()
        with redis.client() as client:
            assert stored(client) == len(ledger.accepted()), "an event is stored twice, or none"
        print(f"{link.cuts} cuts, {publisher.unavailable} times 5xx, {publisher.count} events")


def story_lost_replies():
    """Publishing over a sound link, dispatch over a bad one, with a receiver that fails now and
    then: every script's answer gets lost at some time; nothing is lost, stuck or left behind."""
    ledger = Ledger()
    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Receiver(lambda d: Reply(500) if random.random() < 0.1 else None) as receiver, \
            Link(home / "link.sock", redis.socket) as link, \
            Budstikke(home / "good", {"redis.url": redis.url}) as good, \
            Budstikke(home / "bad", {"redis.url": link.url}) as bad:
        settings = {"timeout_ms": 2000}
        good.api().subscribe(receiver.sink("a"), config=settings)
        link.is_bad = True
        publisher = Publisher(ledger, lambda: good.url, batch=10, pause_s=0.01).start()
        wait_until(lambda: link.cuts >= scaled(30, 10), lambda: f"{link.cuts} cuts", 90)
        publisher.stop()
        link.is_bad = False
        wait_until(lambda: not (ledger.accepted() - receiver.ids("a")),
                   lambda: f"{len(ledger.accepted() - receiver.ids('a'))} never arrived", 90)
        good.wait_settled()
        bad.wait_settled()
        report = check(ledger, receiver, EVERYTHING)
        report.must_be_clean()
        print(f"{report}; {link.cuts} cuts")
        assert good.metric("events_lost_total") == bad.metric("events_lost_total") == 0
        with redis.client() as client:
            for name in ("due", "kept", "refs", "cursors"):
                assert not client("EXISTS", "bud:{s0}:" + name), f"{name} is left behind"
