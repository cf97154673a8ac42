#!/usr/bin/env python3
"""The model test of the store's scripts: simulated nodes and workers follow the dispatcher's
protocol on a real redis-server while a seeded scheduler interleaves their steps and injects
crashes, lost replies, frozen processes that resume with old state, trimming at retention 0 and
SCRIPT FLUSH.
What must hold: nothing accepted is lost, stuck or dangling, no event is acked before each of its
deliveries is done or kept, and nothing is delivered twice without a fault (ledger.py).

model.py [--seed N] [--runs N] [--calm] [--mutate NAME]; Redis' clock is real, so a seed repeats a
schedule as well as time permits."""
import argparse
import heapq
import json
import os
import random
import sys
import time
import traceback

import follower
from ledger import Event, Ledger, Violation, require
from mutations import MUTATIONS
from node import Run, attempts_most
from server import Server
from shard import (DROP_KEYS, REGISTRY_KEYS, Scripts, dead, entry_of, key, parked, setup, stream,
                   subscription_of)

FAULTS = {"lost": 0.02, "lost settle": 0.06, "lost resolve": 0.25, "lost claim": 0.03,
          "crash": 0.0008, "freeze": 0.0008, "rival": 0.0003, "flush": 0.0003}
TOPICS = ["a", "b", "c", "d", "all", "none"]
# How a subscription's lane is claimed; the first ones have one of each.
KINDS = ["plain", "wait", "skip", "rate", "batch", "plain", "plain", "plain"]
OWNER = "/org/o"  # of all subscriptions
PERSONALITIES = ["ok", "ok", "ok", "slow", "slow", "flaky", "fails", "down", "gone"]


class Actor:
    def __init__(self, generator, run, worker):
        self.generator, self.run, self.worker = generator, run, worker


class World:
    def __init__(self, client, seed, calm=False, mutation=None, events=60, orphans=True):
        self.patience_s = 1.5 if mutation else 10
        self.client, self.rng, self.calm, self.orphans = client, random.Random(seed), calm, orphans
        self.partitions, self.workers, self.names = 4, 2, ["n1", "n2", "n3"]
        self.scripts = Scripts(mutation)
        self.faults = {} if calm else dict(FAULTS)
        self.dead_rounds = 10 ** 9 if calm else 12
        self.events = events
        self.ready, self.asleep, self.order, self.steps = [], [], 0, 0
        self.frozen = {}         # (run, worker or None) -> step of its thaw
        self.restarts = []       # (step, name)
        self.lives = 0
        self.is_managed = False  # all subscriptions are made and some deleted
        self.runs = {}           # name -> the run that lives under it
        self.healed, self.publishing, self.replaying = False, True, True
        self.personality, self.failures = {}, {}
        client.call("FLUSHALL")
        setup(self.scripts, client, self.partitions)
        self.ledger = Ledger(client, self.partitions)
        self.ledger.expect_duplicates = not calm
        for name in self.names:
            self.begin(name)
        self.followers = [follower.Follower(self) for _ in range(2)]
        self.spawn(self.admin(), None, None)
        for one in self.followers:
            self.spawn(one.follow(), None, None)

    # What actors ask for.

    def spawn(self, generator, run, worker):
        self.ready.append(Actor(generator, run, worker))

    def roll(self, fault):
        return self.rng.random() < self.faults.get(fault, 0)

    def nap(self):
        return self.rng.choice([0, 0.0005, 0.001, 0.002])

    def lease(self):
        return 60_000 if self.calm else self.rng.choice([3, 10, 20, 40])

    @staticmethod
    def now_ms():
        return int(time.time() * 1000)

    def trim_command(self, partition):
        return self.scripts.command("trim", [stream(partition)],
                                    [f"{self.now_ms() + 60_000}-0", self.rng.choice([0, 0, 5])])

    # Receivers.

    def duration(self, lane):
        slow = self.personality[subscription_of(lane)] == "slow"
        return self.rng.randint(20, 60) if slow else self.rng.randint(0, 3)

    def receive(self, lane):
        kind = self.personality[subscription_of(lane)]
        if self.healed or kind == "gone":
            return kind != "gone"
        if kind == "fails":
            self.failures[lane] = self.failures.get(lane, 0) + 1
            return self.failures[lane] > 5
        return kind in ("ok", "slow") or (kind == "flaky" and self.rng.random() < 0.5)

    # Publishers and subscribers.

    def insist(self, command, seen=None, look=lambda: None):
        """`seen` gets what `look` saw before, and each reply."""
        while True:
            yield
            applied = not self.roll("lost") or self.rng.random() < 0.5
            before = look()
            reply = self.scripts.send(self.client, [command])[0] if applied else None
            if applied and seen and isinstance(reply, int):
                seen(before, reply)
            if applied and not self.roll("lost"):
                require(isinstance(reply, (list, int)), "an error from Redis:", reply)
                return reply

    def create(self, subscription, topics):
        kind = KINDS[int(subscription[1:]) % len(KINDS)]
        self.personality[subscription] = self.rng.choice(
            ["flaky", "fails", "ok"] if kind == "batch" else PERSONALITIES)
        self.ledger.subscriptions[subscription] = {"topics": topics, "kind": kind}
        record = json.dumps(self.ledger.subscriptions[subscription])
        reply = yield from self.insist(self.scripts.command(
            "registry_put", REGISTRY_KEYS, [subscription, "", "e1", "f" + subscription, record,
                                            "0", "", "", OWNER, 0]))
        require(reply[0] == b"ok", "registry_put:", reply)
        self.ledger.live.add(subscription)

    def admin(self):
        for i in range(14):
            yield from self.create(f"s{i:02d}", self.rng.sample(TOPICS[:4], 2) + ["all"])
        self.spawn(self.publish(), None, None)
        self.spawn(self.replay(), None, None)
        for i in range(14, 18):
            yield self.rng.random() * 0.1
            yield from self.create(f"s{i:02d}", self.rng.sample(TOPICS[:4], 1) + ["all"])
            if i % 2:
                gone = self.rng.choice(sorted(self.ledger.live - self.ledger.deleted))
                self.ledger.deleted.add(gone)
                yield from self.insist(self.scripts.command(
                    "registry_drop", DROP_KEYS, [gone, "*", "e2", OWNER]))
        self.is_managed = True

    def check_count(self):
        """What the owner has, however many replies were lost."""
        counted = int(self.client.call("HGET", key("subs:counts"), OWNER) or 0)
        live = len(self.ledger.live - self.ledger.deleted)
        require(counted == live, "subscriptions counted:", counted, "of", live)

    def publish(self):
        made = 0
        while made < self.events:
            batch = []
            for _ in range(self.rng.randint(1, 6)):
                if self.ledger.events and self.rng.random() < 0.1:
                    event = self.rng.choice(sorted(self.ledger.events.values(),
                                                   key=lambda e: e.name))
                    if event.accepted:
                        batch.append((event, self.rng.choice(["same", "other"])))
                    continue
                made += 1
                topic = self.rng.choice(TOPICS)
                poison = not self.calm and self.rng.random() < 0.02
                event_key = f"{made % self.partitions}{'ab'[made // self.partitions % 2]}"
                event = Event(f"e{made}", topic, poison, self.ledger.matches(topic), event_key)
                self.ledger.events[event.name] = event
                batch.append((event, "new"))
            if batch:
                yield from self.ingest(batch)
            yield self.nap() * 4
        self.publishing = False

    def ingest(self, batch):
        keys = [key("seen:state"), key("seen:0"), key("seen:1"),
                *[stream(p) for p in range(self.partitions)],
                follower.NAME, follower.LAST, follower.FLOOR]
        arguments = [600_000, 1]
        for event, kind in batch:
            at = 4 + int(event.name[1:]) % self.partitions
            digest = "other" if kind == "other" else "digest " + event.name
            body = "conflict" if kind == "other" else event.body
            arguments += [at, event.name, digest, "local", body, 4 + self.partitions]
        reply = yield from self.insist(self.scripts.command("ingest", keys, arguments))
        for (event, kind), answer in zip(batch, reply):
            right = {"new": (0, 1), "same": (0,), "other": (-1,)}[kind]
            require(answer in right, "ingest answered", answer, "for", kind, event.name)
            event.accepted = True

    # Replays: dead letters or known events of one subscription, in steps of one partition each.

    def replay(self):
        number, rest = 0, 8
        while rest > 0:
            yield self.nap() * 4
            rest -= self.healed
            subscription = self.rng.choice(sorted(self.ledger.live))
            chosen = self.choose(subscription, self.rng.choice(["dead", "dead", "event"]),
                                 self.rng.choice(["dead", "event"]))
            if not chosen:
                continue
            number += 1
            yield from self.insist(("HSETNX", key("replays"), f"j{number}", 0))
            for i, (source, members) in enumerate(chosen):
                after = "" if i + 1 == len(chosen) else i + 1
                yield from self.revive(subscription, source, members, (f"j{number}", i, after))
            yield from self.insist(self.scripts.command("pull", [key("due")], [subscription, 0, 9]))
        self.replaying = False

    def choose(self, subscription, among, source):
        """Steps, each (source, members of one partition)."""
        if among == "dead":
            members = [m.decode() for m in self.client.call("ZRANGE", dead(subscription), 0, -1)]
        else:
            topics = self.ledger.subscriptions[subscription]["topics"]
            members = sorted(m for m, e in self.ledger.members.items() if e.topic in topics)
        members = self.rng.sample(members, min(len(members), 4))
        partitions = sorted({entry_of(m)[0] for m in members})
        return [(source, [m for m in members if entry_of(m)[0] == p]) for p in partitions]

    def revive(self, subscription, source, members, job):
        lane = subscription + "~replay"
        keys = [key("due"), parked(lane), dead(subscription),
                *[key(n) for n in ("kept", "refs", "why", "replays")],
                *[stream(p) for p in range(self.partitions)]]
        # Some revive by a record from before it was ordered.
        kind = self.ledger.subscriptions[subscription]["kind"]
        ordered = "1" if kind in ("wait", "skip") and self.rng.random() < 0.8 else "0"
        arguments = [lane, subscription, 1, 1, *job, ordered]
        for member in members:
            arguments += [member, entry_of(member)[1], source]
        command = self.scripts.command("revive", keys, arguments)
        yield from self.insist(command, lambda before, reply: self.ledger.revive(
            members, subscription, before, job[:2], reply), lambda: self.ledger.lane(lane))

    # Faults.

    def begin(self, name):
        self.lives += 1
        self.runs[name] = Run(self, name, self.lives)

    def crash(self, run, why="crash"):
        self.ledger.count("crashes by " + why)
        run.crashed = True
        self.retire(run)

    def retire(self, run):
        """Somebody restarts it under the same name, or nobody does."""
        if self.runs.get(run.name) is run:
            del self.runs[run.name]
            alone = not self.runs and not self.restarts
            if alone or self.healed or self.rng.random() < 0.85:
                after = 1 if self.healed else self.rng.randint(1, 1500)
                self.restarts.append((self.steps + after, run.name))

    def inject(self):
        runs = [self.runs[n] for n in sorted(self.runs)]
        if runs and self.roll("crash"):
            self.crash(self.rng.choice(runs))
        if runs and self.roll("freeze"):
            run = self.rng.choice(runs)
            worker = self.rng.choice([None, *range(self.workers)])
            self.frozen[run, worker] = self.steps + self.rng.randint(100, 3000)
            self.ledger.count("freezes")
        if runs and self.roll("rival"):
            run = self.rng.choice(runs)
            self.frozen[run, None] = self.steps + self.rng.randint(100, 3000)
            self.ledger.count("rivals begun")
            self.begin(run.name)
        if self.roll("flush"):
            self.client.call("SCRIPT", "FLUSH")
        for restart in [r for r in self.restarts if r[0] <= self.steps]:
            self.restarts.remove(restart)
            if restart[1] not in self.runs:
                self.begin(restart[1])

    def is_frozen(self, actor):
        for lock in ((actor.run, None), (actor.run, actor.worker)):
            if self.frozen.get(lock, 0) > self.steps:
                return True
        return False

    # The scheduler.

    def step(self):
        self.steps += 1
        self.inject()
        now = time.monotonic()
        while self.asleep and (self.asleep[0][0] <= now):
            self.ready.append(heapq.heappop(self.asleep)[2])
        if not self.ready:
            self.steps += 10
            time.sleep(min(0.001, max(0, self.asleep[0][0] - now)) if self.asleep else 0.001)
            return
        at = self.rng.randrange(len(self.ready))
        self.ready[at], self.ready[-1] = self.ready[-1], self.ready[at]
        actor = self.ready.pop()
        if actor.run and actor.run.crashed:
            return
        if self.is_frozen(actor):
            self.ready.append(actor)
            return
        try:
            nap = next(actor.generator)
        except StopIteration:
            return
        if nap:
            self.order += 1
            heapq.heappush(self.asleep, (now + nap, self.order, actor))
        else:
            self.ready.append(actor)

    def heal(self):
        self.faults, self.healed = {}, True
        self.frozen.clear()
        self.restarts = [(0, name) for _, name in self.restarts]
        if not self.runs and not self.restarts:
            self.begin(self.rng.choice(self.names))

    def run(self):
        self.go_on(lambda: not self.publishing, 1, 250)
        for _ in range(self.rng.randint(0, 1500)):
            self.step()
        self.heal()
        self.go_on(self.is_idle, 50, 500)
        for p in range(self.partitions):
            self.scripts.send(self.client, [self.trim_command(p) for _ in range(40)])
        self.check_count()
        self.ledger.check_end(attempts_most)
        for one in self.followers:
            one.finish()

    def go_on(self, is_done, ask_each, check_each):
        """Until it is done; stuck is what makes no progress, or does so for ever."""
        start = moved = time.monotonic()
        turns, before = 0, None
        while turns % ask_each or not is_done():
            turns += 1
            self.step()
            if turns % check_each == 0:
                self.ledger.check_keys()
            now, progress = time.monotonic(), self.ledger.progress()
            moved = moved if progress == before else now
            before = progress
            if now > moved + self.patience_s or now > start + 6 * self.patience_s:
                raise Violation(f"stuck: {self.left()}")

    def is_idle(self):
        return (not self.replaying and self.is_managed
                and not any(r.hand or any(r.acks) or any(r.resolves) for r in self.runs.values())
                and self.ledger.is_quiet())

    def left(self):
        shot = self.ledger.snapshot()
        pending = [self.client.call("XPENDING", stream(p), "dispatch")
                   for p in range(self.partitions)]
        runs = [(r.id, r.reading, r.beaten, sorted(r.hand), r.starts, r.suspect)
                for r in self.runs.values()]
        return {"runs": runs, "restarts": self.restarts, "pending": pending,
                "now": shot["now"], "due": shot["due"], "parked": shot["parked"]}


def simulate(client, seed, calm=False, mutation=None, events=60, orphans=True):
    """None, or what went wrong; and the counts of the run."""
    world = World(client, seed, calm, mutation, events, orphans)
    try:
        world.run()
    except Violation as violation:
        return str(violation), world.ledger.counts
    return None, world.ledger.counts


def kill_mutations(client, names, seed, most):
    """Every broken script must be caught by some seed: a calm run first, then runs with faults."""
    survivors = []
    for name in names:
        for i in range(most):
            found, _ = simulate(client, seed + i, i == 0, MUTATIONS[name], 40)
            if found:
                print(f"mutation {name}: caught at run {i}: {found[:100]}")
                break
        else:
            survivors.append(name)
            print(f"mutation {name}: SURVIVED {most} runs from seed {seed}")
    return survivors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--events", type=int, default=60)
    parser.add_argument("--calm", action="store_true", help="no faults: nothing may arrive twice")
    parser.add_argument("--mutate", help="a name, or all")
    parser.add_argument("--without-orphans", action="store_true",
                        help="leave what consumers hold that are not in the list of nodes")
    options = parser.parse_args()
    nightly = os.environ.get("BUD_TEST_NIGHTLY") == "1"
    seed = 1 if options.seed is None else options.seed
    with Server() as server:
        client = server.client()
        if options.mutate:
            names = list(MUTATIONS) if options.mutate == "all" else [options.mutate]
            return 1 if kill_mutations(client, names, seed, 40) else 0
        runs = options.runs or (1 if options.seed is not None else 600 if nightly else 16)
        total = {}
        for number in range(seed, seed + runs):
            calm = options.calm or (options.seed is None and number % 5 == 0)
            found, counts = simulate(client, number, calm, events=options.events,
                                     orphans=not options.without_orphans)
            for what, n in counts.items():
                total[what] = total.get(what, 0) + n
            if found:
                print(f"seed {number}{' --calm' if calm else ''}:", found.replace("\n", " "))
                return 1
        print(f"{runs} runs:", ", ".join(f"{n} {what}" for what, n in sorted(total.items())))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:
        traceback.print_exc()
        sys.exit(1)
