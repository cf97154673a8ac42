"""One life of a simulated node: the dispatcher's protocol step by step, as generators. Between any
two yields another actor may run, this one may be frozen, or the whole run may crash. A yielded
number is a nap in seconds."""
import json

from ledger import require
from link import Link, Lost
from shard import (GROUP, REGISTRY_KEYS, RESOLVE_KEYS, SETTLE_KEYS, dead, entry_of, id_order, key,
                   lane_of, member_of, parked, parse_value, stream, subscription_of)

CHUNK = 8            # matches beyond this are a broadcast, parked chunk by chunk
SUSPECT, POISON = 3, 6
HAND_MOST = 12       # events in hand of a worker, then no reading
STARTS_MOST = 6      # attempts of a worker, then no claiming


REST_MS = 2          # of a lane with a rate, after each claim's last attempt
FILL, WAIT_MS = 3, 8  # of a batch


def attempts_most(lane):
    return 2 if int(subscription_of(lane)[1:]) % 2 else 4


class Claim:
    """What a lane that is claimed whole was claimed for."""

    def __init__(self, token, mode):
        self.token, self.mode, self.open = token, mode, 0


class Attempt:
    """`mode`: hand (the event waits for it), settling, leased, or dropped (the settle said 0)."""

    def __init__(self, member, lane, body, number, lease=None, claim=None):
        self.claim = claim
        self.member, self.lane, self.body, self.number = member, lane, body, number
        self.lease, self.mode, self.state = lease, "leased" if lease else "hand", "running"

    @property
    def thing(self):
        return self.member, self.lane


class Run:
    def __init__(self, world, name, number):
        self.world, self.name, self.id = world, name, f"{name}.{number}"
        self.rng, self.ledger, self.scripts = world.rng, world.ledger, world.scripts
        self.link = Link(world, self)
        self.reading, self.beaten, self.crashed = True, False, False
        self.version, self.table, self.tombstones = "", {}, set()
        self.hand = {}
        self.suspect = None
        self.sweeps = set(range(world.partitions))
        self.acks = [{} for _ in range(world.workers)]
        self.resolves = [{} for _ in range(world.workers)]
        self.starts = [0] * world.workers
        self.tokens = 0
        for worker in range(world.workers):
            for actor in (self.reader, self.lanes, self.acker, self.resolver):
                world.spawn(actor(worker), self, worker)
        world.spawn(self.control(), self, None)

    def insist(self, ask):
        """Repeats until there is an answer."""
        while True:
            yield
            try:
                return ask()
            except Lost:
                yield 0.0005

    # The subscription table and its barrier.

    def load(self):
        version, records = yield from self.insist(lambda: self.link.send(
            [("GET", key("subs:version")), ("HGETALL", REGISTRY_KEYS[0])]))
        table, tombstones = {}, set()
        for i in range(0, len(records), 2):
            serial, _, record = parse_value(records[i + 1])
            if record:
                table[records[i].decode()] = serial, record
            else:
                tombstones.add(records[i].decode())
        if not self.version or id_order(version.decode()) >= id_order(self.version):
            self.version, self.table, self.tombstones = version.decode(), table, tombstones

    def barrier(self, version):
        while not self.version or id_order(self.version) < id_order(version.decode()):
            yield from self.load()

    # Reading and sweeping: one actor for both, so that no reply of a read is under way in a sweep.

    def reader(self, worker):
        mine = [p for p in range(self.world.partitions) if p % self.world.workers == worker]
        while not self.beaten:
            yield 0.0005
        while self.reading:
            busy = False
            for p in mine:
                yield
                if p in self.sweeps:
                    yield from self.sweep(p, worker)
                if self.reading and len(self.hand) < HAND_MOST:
                    busy |= self.read(p, worker, mine)
            if not busy:
                yield self.world.nap()

    def read(self, p, worker, mine):
        def seen(reply):
            for entry, content in reply[0][1] if reply else ():
                self.ledger.see(member_of(p, entry.decode()), content[3].decode())

        try:
            reply, version = self.link.send(
                [("XREADGROUP", "GROUP", GROUP, self.name, "COUNT", self.rng.randint(1, 5),
                  "STREAMS", stream(p), ">"), ("GET", key("subs:version"))], seen=seen)
        except Lost:
            self.sweeps.update(mine)
            return False
        if not reply:
            return False
        for entry, content in reply[0][1]:
            self.take(p, worker, entry.decode(), content, version, 1, None)
        return True

    def sweep(self, p, worker):
        self.sweeps.discard(p)
        try:
            pending = self.link.send([("XPENDING", stream(p), GROUP, "-", "+", 100, self.name)])[0]
            yield
            missing = [(e[0].decode(), e[3]) for e in pending
                       if member_of(p, e[0].decode()) not in self.hand]
            deliveries = dict(e for e in missing if e[1] < SUSPECT)
            suspects = [e for e in missing if e[1] >= SUSPECT]
            if suspects and not self.suspect:
                deliveries[suspects[0][0]] = suspects[0][1]
                self.suspect = member_of(p, suspects[0][0])
            if not deliveries:
                return
            members = [member_of(p, e) for e in deliveries]
            claimed, cursors, version = self.link.send(
                [("XCLAIM", stream(p), GROUP, self.name, 0, *deliveries),
                 ("HMGET", key("cursors"), *members), ("GET", key("subs:version"))])
        except Lost:
            self.sweeps.add(p)
            if self.suspect not in self.hand:
                self.suspect = None
            return
        cursor = dict(zip(members, cursors))
        for entry, content in claimed:
            member = member_of(p, entry.decode())
            self.ledger.count("swept")
            self.take(p, worker, entry.decode(), content, version,
                      deliveries[entry.decode()] + 1, cursor[member])
        if self.suspect not in self.hand:
            self.suspect = None

    def take(self, p, worker, entry, content, version, deliveries, cursor):
        require(content, "an event's content is gone:", p, entry)
        member, body = member_of(p, entry), content[3].decode()
        self.ledger.read(member, body)
        self.ledger.note(member, "in hand of", self.id, deliveries, cursor)
        self.ledger.hold(member, self)
        self.hand[member] = worker
        task = self.handle(worker, member, body, version, deliveries, cursor)
        self.world.spawn(task, self, worker)

    def drop(self, member):
        self.ledger.let_go(member, self)
        del self.hand[member]
        if self.suspect == member:
            self.suspect = None
            self.sweeps.add(entry_of(member)[0])

    # An event in hand.

    def handle(self, worker, member, body, version, deliveries, cursor):
        yield
        if deliveries >= POISON:
            self.ledger.poisoned.add(self.ledger.members[member].name)
            yield from self.settle(member, [("-", "dead", 0, 0, "poison", "us",
                                             self.ledger.write_note(member, "-"))], True, "")
            self.drop(member)
            return
        yield from self.barrier(version)
        event = json.loads(body)
        if event["poison"]:
            self.world.crash(self, "poison")
            return
        matches = sorted((serial, s) for s, (serial, record) in self.table.items()
                         if event["topic"] in record["topics"])
        if len(matches) > CHUNK or cursor:
            yield from self.broadcast(member, event, matches, int(cursor or 0))
        else:
            yield from self.push(worker, member, body, [s for _, s in matches])

    def owe(self, subscription, event):
        """How a delivery is parked that is not tried from the hand."""
        kind = self.ledger.subscriptions[subscription]["kind"]
        lane = lane_of(kind, subscription, event["key"])
        delay = self.rng.randint(0, 3)
        if kind == "plain":
            look = self.rng.random() < 0.1
            return (lane, "look", delay, 0, 3, 0) if look else (lane, "park", delay, 0)
        if kind == "batch":
            return lane, "batch", WAIT_MS, 0, 0, FILL
        return lane, "strict" if kind == "rate" else "order", delay, 0, 0, 0

    def broadcast(self, member, event, matches, cursor):
        rest = [m for m in matches if m[0] > cursor]
        while True:
            chunk, rest = rest[:CHUNK], rest[CHUNK:]
            owed = self.refuse([self.owe(s, event) for _, s in chunk])
            last = str(chunk[-1][0]) if chunk and rest else ""
            now = yield from self.settle(member, owed, not rest, last)
            if now == 0 or not rest:
                break
        self.ledger.count("broadcasts")
        self.drop(member)

    def push(self, worker, member, body, lanes):
        attempts, owed = [], []
        for lane in lanes:
            if self.ledger.subscriptions[lane]["kind"] != "plain" or self.rng.random() < 0.15:
                owed.append(self.owe(lane, json.loads(body)))
                continue
            attempt = Attempt(member, lane, body, 1)
            attempts.append(attempt)
            self.start(worker, attempt)
            self.world.spawn(self.attempt(worker, attempt), self, worker)
        patience = self.rng.randint(0, 25)
        while patience and any(a.state == "running" for a in attempts):
            patience -= 1
            yield
        running = [a for a in attempts if a.state == "running"]
        owed += [self.give_up(a) for a in attempts if a.state == "failed"]
        owed = self.refuse(owed)
        delay = self.world.lease()
        owed += [(a.lane, "park", delay, 1) for a in running]
        if not owed:
            self.acks[worker][member] = True
            return
        for attempt in running:
            attempt.mode = "settling"
        now = yield from self.settle(member, owed, True, "")
        for attempt in running:
            attempt.mode = "leased" if now else "dropped"
            attempt.lease = (now + delay) * 64 + 1
            if attempt.state != "running":
                self.report(worker, attempt)
        self.drop(member)

    def refuse(self, owed):
        """Now and then an owner has as much parked as it may; at times that is everybody's."""
        share = 1 if self.rng.random() < 0.1 else 0.05
        return [(subscription_of(o[0]), "bare", 0, o[3], "quota", "us", "")
                if self.rng.random() < share else o for o in owed]

    def give_up(self, attempt):
        return attempt.lane, "park", self.rng.randint(0, 4), attempt.number

    def settle(self, member, owed, ack, cursor):
        p, entry = entry_of(member)
        keys = [stream(p), *[key(n) for n in SETTLE_KEYS]]
        keys += [dead(o[0]) if o[1] in ("dead", "bare") else parked(o[0]) for o in owed]
        arguments = [GROUP, self.name, entry, member, "1" if ack else "0", cursor,
                     "1" if any(o[1] != "bare" for o in owed) else "0"]
        arguments += [word for o in owed for word in o]
        command = self.scripts.command("settle", keys, arguments)
        now = yield from self.insist(lambda: self.link.settle(member, owed, command))
        require(now != -1, "settle: an event's content is gone:", member)
        self.ledger.count("settles" if now else "settles fenced off")
        return now

    def acker(self, worker):
        while True:
            yield self.world.nap()
            by_partition = {}
            for member in self.acks[worker]:
                by_partition.setdefault(entry_of(member)[0], []).append(member)
            for p, members in by_partition.items():
                yield from self.insist(lambda p=p, members=members: self.link.ack(p, members))
                for member in members:
                    del self.acks[worker][member]
                    self.drop(member)

    # Attempts.

    def start(self, worker, attempt):
        self.ledger.hold(attempt.thing, self)
        self.starts[worker] += 1

    def attempt(self, worker, attempt):
        for _ in range(self.world.duration(attempt.lane)):
            yield
        yield
        ok = self.world.receive(attempt.lane)
        self.ledger.attempt(attempt.member, attempt.lane, attempt.body, ok)
        yield
        self.starts[worker] -= 1
        attempt.state = "ok" if ok else "failed"
        if attempt.mode == "hand":
            self.ledger.let_go(attempt.thing, self)
        elif attempt.mode != "settling":
            self.report(worker, attempt)

    def report(self, worker, attempt):
        """What the lane shall know. An attempt whose lease is unknown can only say "done"."""
        if attempt.state == "ok":
            lease = attempt.lease if attempt.mode == "leased" else ""
            self.resolve(worker, attempt, "done", lease, 0)
        elif attempt.mode == "dropped":
            self.ledger.let_go(attempt.thing, self)
        else:
            verb = "dead" if attempt.number >= attempts_most(attempt.lane) else "again"
            self.resolve(worker, attempt, verb, attempt.lease, self.rng.randint(0, 6))

    def resolve(self, worker, attempt, verb, lease, delay, number=None):
        words = attempt.member, verb, lease, delay, attempt.number if number is None else number
        if verb == "dead":
            words += "tired", "us", self.ledger.write_note(attempt.member, attempt.lane)
        self.resolves[worker].setdefault(attempt.lane, []).append((words, attempt))

    def resolver(self, worker):
        while True:
            yield self.world.nap()
            for lane in list(self.resolves[worker]):
                yield from self.flush(lane, self.resolves[worker].pop(lane))

    def flush(self, lane, batch):
        items = [words for words, _ in batch]
        mode, token, rest = "plain", "", 0
        for _, attempt in batch:
            if attempt.claim:
                attempt.claim.open -= 1
                mode = attempt.claim.mode
                token = token if attempt.claim.open else attempt.claim.token
        if mode == "strict":
            rest = REST_MS
        keys = [key("due"), parked(lane), dead(subscription_of(lane)),
                *[key(n) for n in RESOLVE_KEYS],
                stream(self.rng.randrange(self.world.partitions))]
        command = self.scripts.command(
            "resolve", keys, [lane, subscription_of(lane), mode, token, rest, FILL, WAIT_MS,
                              *[word for words in items for word in words]])
        yield from self.insist(lambda: self.link.resolve(lane, items, (token, rest), command))
        for _, attempt in batch:
            self.ledger.let_go(attempt.thing, self)

    # The parked lane.

    def lanes(self, worker):
        while not self.beaten:
            yield 0.0005
        while self.reading:
            yield
            try:
                due = self.link.send([("ZRANGE", key("due"), "-inf", self.world.now_ms(), "BYSCORE",
                                       "LIMIT", 0, 4)])[0]
                for lane in due:
                    yield
                    yield from self.claim(worker, lane.decode())
            except Lost:
                pass
            yield self.world.nap()

    def claim_command(self, lane, limit, lease):
        """(the mode, what the oracle must know, the command)."""
        subscription = subscription_of(lane)
        kind = self.table[subscription][1]["kind"] if subscription in self.table else "plain"
        keys = [key("due"), parked(lane), key("kept")]
        if kind == "plain" or ("~" in lane and kind not in ("wait", "skip")):
            return "plain", {}, self.scripts.command("claim", keys, [lane, limit, lease, 2])
        mode = "strict" if kind == "rate" else kind
        keys += [key("held")]
        if mode in ("wait", "skip"):
            keys += [stream(int(lane.split("/")[1][0]) if "/" in lane else 0)]
        self.tokens += 1
        said = {"token": f"{self.id}.{self.tokens}", "fill": FILL,
                "hold": lease + self.rng.choice([0, 5])}
        arguments = [lane, mode, limit, lease, 2, said["token"], said["hold"], GROUP]
        arguments += [FILL, WAIT_MS, 1_000] if mode == "batch" else []
        return mode, said, self.scripts.command("claim_strict", keys, arguments)

    def claim(self, worker, lane):
        subscription = subscription_of(lane)
        if subscription not in self.table and subscription not in self.tombstones:
            yield from self.load()
        limit = max(0, min(self.rng.randint(0, 4), STARTS_MOST - self.starts[worker]))
        mode, said, command = self.claim_command(lane, limit, self.world.lease())
        reply, version = self.link.claim(lane, mode, said, [command, ("GET", key("subs:version"))])
        self.ledger.count("claims")
        claim = Claim(said["token"], mode) if said else None
        attempts = []
        for i in range(1, len(reply), 4):
            member, number, lease_score, body = reply[i].decode(), *reply[i + 1:i + 4]
            self.ledger.note(member, "claim by", self.id, lane, number, lease_score.decode())
            require(body, "claim: an event's content is gone:", lane, member)
            attempts.append(Attempt(member, lane, body.decode().split("\n", 1)[1], number,
                                    lease_score.decode(), claim))
            self.start(worker, attempts[-1])
        if claim:
            claim.open = len(attempts)
        yield
        yield from self.barrier(version)
        if subscription not in self.table:
            require(subscription in self.tombstones, "a lane of nobody:", lane)
        blocked = self.rng.random() < 0.1
        for attempt in attempts:
            if subscription in self.tombstones or blocked:
                self.starts[worker] -= 1
            if subscription in self.tombstones:
                self.resolve(worker, attempt, "forget", "", 0)
            elif blocked:
                self.resolve(worker, attempt, "again", attempt.lease, 2, attempt.number - 1)
            else:
                self.world.spawn(self.attempt(worker, attempt), self, worker)

    # The control thread: heartbeat, the dead, trimming.

    def control(self):
        counter, seen = 0, {}
        while True:
            counter += 1
            arguments = [self.name, self.id, counter, "0" if self.beaten else "1"]
            flat = yield from self.insist(lambda arguments=arguments: self.link.send(
                [self.scripts.command("heartbeat", [key("nodes")], arguments)])[0])
            if not flat:
                self.ledger.count("rivals seen")
                self.reading = False
                self.world.retire(self)
                return
            self.beaten = True
            values = {flat[i].decode(): flat[i + 1].decode() for i in range(0, len(flat), 2)}
            for name, value in values.items():
                before, rounds = seen.get(name, (None, 0))
                seen[name] = value, rounds + 1 if value == before else 0
            try:
                for name, (value, rounds) in seen.items():
                    if name != self.name and name in values and rounds >= self.world.dead_rounds:
                        yield from self.take_over(name, value)
                yield from self.chores(values)
            except Lost:
                self.sweeps.update(range(self.world.partitions))
            yield self.world.nap() * 2

    def chores(self, values):
        p = self.rng.randrange(self.world.partitions)
        if self.rng.random() < 0.3:
            self.sweeps.add(p)
        yield
        self.link.send([self.world.trim_command(p)])
        yield
        summary = self.link.send([("XPENDING", stream(p), GROUP)])[0]
        for consumer, _ in summary[3] or []:
            # Read by a node that had already been taken off the list, and never beat again.
            if self.world.orphans and consumer.decode() not in values:
                self.ledger.count("orphans taken over")
                yield from self.take_over(consumer.decode(), None)

    def take_over(self, name, value):
        for p in range(self.world.partitions):
            asked = 1
            while asked:
                yield
                self.sweeps.add(p)
                asked, moved = self.link.send([self.scripts.command(
                    "take_over", [stream(p)], [GROUP, name, self.name, 10])])[0]
                require(asked == moved, "take over: an event's content is gone:", p, name)
                self.ledger.count("taken over", moved)
        if value is not None:
            keys = [key("nodes"), *[stream(p) for p in range(self.world.partitions)]]
            yield
            gone = self.link.send([self.scripts.command("forget_node", keys,
                                                        [name, value, GROUP])])[0]
            self.ledger.count("nodes forgotten", gone)
