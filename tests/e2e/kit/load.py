"""Load for the kill stories: a publisher that stays some way ahead of slow receivers, so that a
kill always finds events answered 202 and not yet received."""
import random
import time

from kit.ledger import Ledger, Publisher, check
from kit.receiver import Receiver, Reply
from kit.wait import patience, wait_until

KILL_EVENTS_MIN = 50


class Load:
    """`paths` are subscriptions to everything, all on one receiver that takes `delay_s`."""

    def __init__(self, paths=("a", "b", "c"), delay_s=0.01, ahead=300):
        self.paths, self.ahead = paths, ahead
        self.ledger = Ledger()
        self.receiver = Receiver(lambda delivery: Reply(204, delay_s=delay_s))
        self.publishers = []
        self.kills = []

    def subscribe(self, node, **config):
        api = node.api()
        for path in self.paths:
            api.subscribe(self.receiver.sink(path), config={"timeout_ms": 2000, **config})

    def publish(self, url, prefix="e"):
        publisher = Publisher(self.ledger, url, prefix,
                              may_go=lambda: self.behind() < self.ahead * len(self.paths))
        self.publishers.append(publisher.start())

    def behind(self):
        """Deliveries still to come, roughly."""
        return self.ledger.accepted_count * len(self.paths) - len(self.receiver.pairs)

    def outstanding(self):
        """Events answered 202 that some subscription has not received."""
        pairs = self.receiver.pairs
        return [key for key in self.ledger.accepted()
                if any((path, *key) not in pairs for path in self.paths)]

    def owed(self):
        """Deliveries of accepted events that were never answered: what ran when a node was killed
        may have come in, and must come again when its lease is over."""
        accepted = self.ledger.accepted()
        return [(path, *key) for path in self.paths
                for key in accepted - self.receiver.ids(path)]

    def kill(self, kill):
        """Calls `kill` at a random moment under load. True if the kill counts."""
        wait_until(lambda: self.behind() >= 2 * KILL_EVENTS_MIN * len(self.paths),
                   lambda: f"never {2 * KILL_EVENTS_MIN} events behind; {self}", 60, 0.005)
        time.sleep(random.uniform(0, 0.1))
        kill()
        self.kills.append(time.monotonic())
        return len(self.outstanding()) >= KILL_EVENTS_MIN

    def kill_often(self, times, kill, recover):
        """Until `times` kills have counted."""
        counted = 0
        for _ in range(3 * times):
            counted += self.kill(kill)
            recover()
            if counted == times:
                return
        raise AssertionError(f"only {counted} of {3 * times} kills found {KILL_EVENTS_MIN} events "
                             "answered and not received")

    def finish(self, seconds=120):
        """Stops the publishers, waits until all is received, and checks. Returns the report."""
        for publisher in self.publishers:
            publisher.stop()
        wait_until(lambda: not self.outstanding(),
                   lambda: f"{len(self.outstanding())} events never arrived, "
                   f"e.g. {self.outstanding()[:5]}; {self}", seconds, 0.1)
        wait_until(lambda: not self.owed(),
                   lambda: f"{len(self.owed())} deliveries were never answered, "
                   f"e.g. {self.owed()[:5]}; {self}", seconds, 0.2)
        # Every attempt under way has been answered, and is in the ledger, after this.
        time.sleep(0.5)
        report = check(self.ledger, self.receiver, {p: lambda e: True for p in self.paths})
        report.must_be_clean()
        print(f"{report}; {len(self.kills)} kills; {self}")
        return report

    def duplicates_must_be_near_kills(self, report):
        """Only what was un-acked at a kill may come again: an event is acked, or its deliveries
        stand in the lanes, two seconds after it was read at the latest."""
        before_s, after_s = 2 + patience(1), patience(1)
        far = [d for d in report.duplicates
               if not any(k - before_s <= d.at <= k + after_s for k in self.kills)]
        assert not far, f"{len(far)} repeats of deliveries long before any kill: {far[:3]}"

    def __str__(self):
        return (f"{len(self.ledger.entries)} events, {self.ledger.accepted_count} accepted, "
                f"{len(self.receiver.pairs)} pairs received" +
                "".join(f"; {p.problem}" for p in self.publishers if p.problem))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for publisher in self.publishers:
            publisher.stopping.set()
        self.receiver.close()
