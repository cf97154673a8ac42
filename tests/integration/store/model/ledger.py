"""The oracle: what was promised, what arrived, and what must be true of the keys in between."""
import json

from shard import GROUP, dead, entry_of, key, lane_of, parked, stream, subscription_of


class Violation(Exception):
    """A promise is broken."""


def require(true, *words):
    if not true:
        raise Violation(" ".join(str(w) for w in words))


class Event:
    """One (source, id). `must` are the subscriptions that existed before it was first sent."""

    def __init__(self, name, topic, poison, must, event_key=""):
        self.name, self.topic, self.poison, self.key = name, topic, poison, event_key
        self.must = must
        self.accepted = False
        self.body = json.dumps({"id": name, "topic": topic, "poison": poison, "key": event_key})


class Ledger:
    def __init__(self, client, partitions):
        self.client, self.partitions = client, partitions
        self.events = {}
        self.members = {}       # member -> event, seen when it is first read
        self.subscriptions = {}  # id -> what the registry was asked to hold
        self.live = set()        # those whose creation was answered
        self.deleted = set()     # from the moment the deletion was first sent
        self.delivered = {}      # (event, subscription) -> how often
        self.tainted = set()     # events that a fault may deliver twice
        self.holders = {}        # member or (member, lane) -> the run that has it in hand
        self.bare_acks = set()   # members acked without a settle
        self.by_key = {}         # key -> members in the order of publishing
        self.begun = set()       # (event, subscription) that were claimed in an ordered lane
        self.ever_dead = set()   # (event, subscription)
        self.refused = set()     # (event, subscription) that a quota kept from being parked
        self.notes = {}          # name of a note -> how often it must have been published
        self.revived = {}        # (event, subscription) -> delivered so often before, each time
        self.steps = set()       # steps of replay jobs that were taken
        self.holds = {}          # lane -> (token, until) of the claim that has it whole
        self.rests = {}          # subscription -> until
        self.poisoned = set()    # events that reached the bound of deliveries
        self.expect_duplicates = True
        self.counts = {}
        self.history = {}        # member -> what happened to it, told when it is at fault

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def progress(self):
        return tuple(self.counts.get(n, 0) for n in ("attempts", "acks", "settles", "revived"))

    def matches(self, topic):
        return {s for s in self.live - self.deleted
                if topic in self.subscriptions[s]["topics"]}

    def note(self, member, *words):
        self.history.setdefault(member, []).append(" ".join(str(w) for w in words))

    # What the actors report.

    def hold(self, thing, run):
        """A run takes an event or a delivery in hand; with two hands on it a repeat is allowed."""
        member = thing if isinstance(thing, str) else thing[0]
        if thing in self.holders:
            self.count("held twice")
            self.note(member, "held by two:", thing, run.id)
            self.tainted.add(self.members[member].name)
        self.holders[thing] = run

    def let_go(self, thing, run):
        if self.holders.get(thing) is run:
            del self.holders[thing]

    def see(self, member, body):
        """Redis gave it to a consumer, though the reply may be lost."""
        event = self.events.get(json.loads(body)["id"])
        if event and member not in self.members:
            self.members[member] = event
            self.by_key.setdefault(event.key, []).append(member)

    def read(self, member, body):
        name = json.loads(body)["id"]
        event = self.events.get(name)
        require(event, "an event nobody published:", name)
        require(event.body == body, "the content is not what was accepted:", name, body)
        self.see(member, body)
        require(self.members[member] is event, "two events for one member", member)
        return event

    def attempt(self, member, lane, body, ok):
        event, subscription = self.read(member, body), subscription_of(lane)
        record = self.subscriptions.get(subscription)
        require(record and event.topic in record["topics"], "no match:", event.name, subscription)
        self.count("attempts")
        if "/" in lane:
            self.check_order(member, event, subscription, record["kind"])
        if not ok:
            return
        pair = event.name, subscription
        self.note(member, "delivered to", lane)
        self.delivered[pair] = self.delivered.get(pair, 0) + 1
        if self.delivered[pair] > 1 + len(self.revived.get(pair, ())):
            self.count("duplicates")
            require(self.expect_duplicates and event.name in self.tainted,
                    "delivered twice without a fault:", *pair, *self.history[member])

    def check_order(self, member, event, subscription, kind):
        """What is ahead of it is done or dead, or at least waits for its retry."""
        self.count("ordered attempts")
        for ahead in sorted(self.by_key[event.key]):
            other = self.members[ahead]
            if ahead >= member:
                return
            pair = other.name, subscription
            settled = (subscription not in other.must or pair in self.delivered
                       or pair in self.ever_dead or other.name in self.poisoned)
            require(settled or (kind == "skip" and pair in self.begun), "out of order:", kind,
                    subscription, event.name, member, "before", other.name, ahead,
                    *self.history.get(ahead, ()))

    # Lanes that are claimed whole.

    def now(self):
        seconds, micros = self.client.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def lane(self, lane):
        scores = pairs(self.client.call("ZRANGE", parked(lane), 0, -1, "WITHSCORES"))
        return {member: int(float(score)) for member, score in scores.items()}

    def claimed_whole(self, lane, mode, taken, now, arguments, before):
        token, until = self.holds.get(lane, ("", 0))
        require(until <= now, "claimed while it is held:", lane, token, until, now)
        if mode == "strict":
            live = subscription_of(lane)
            beside = live if lane != live else live + "~replay"
            token, until = self.holds.get(beside, ("", 0))
            require(until <= now, "claimed beside one that is held:", lane, token, until, now)
        rest = self.rests.get(subscription_of(lane), 0)
        require(rest <= now, "claimed while its subscription rests:", lane, rest, now)
        self.holds[lane] = arguments["token"], now + arguments["hold"]
        self.count("claims of whole lanes")
        for member in taken:
            self.begun.add((self.members[member].name, subscription_of(lane)))
        if mode in ("wait", "skip"):
            require(len(taken) == 1, "not one by one:", lane, taken)
            if subscription_of(lane) not in self.deleted:
                self.check_turn(lane, mode, *taken, before)
        if mode != "batch":
            return
        due = [m for m in taken if before[m] // 64 <= now]
        fresh = [m for m in taken if before[m] % 64 == 0]
        require(set(due) | set(fresh) == set(taken), "a retry before its time:", lane, taken)
        waiting = [m for m, score in before.items() if score % 64 == 0]
        require(due or len(waiting) >= arguments["fill"], "a batch too early:", lane, taken)

    @staticmethod
    def check_turn(lane, mode, member, before):
        """It was its own retry, or the first that waits, and no retry that holds all up."""
        if before[member] % 64:
            return
        ahead = [m for m, score in before.items()
                 if (m < member and score == 0) or (mode == "wait" and score % 64)]
        require(not ahead, "not its turn:", lane, mode, member, ahead)

    def let_go_lane(self, lane, token, rest, now):
        if token and self.holds.get(lane, ("", 0))[0] == token:
            del self.holds[lane]
            subscription = subscription_of(lane)
            if rest > 0:
                self.rests[subscription] = max(self.rests.get(subscription, 0), now) + rest

    # Deaths and revivals.

    def dead_scores(self, deaths):
        return self.client.send([("ZSCORE", dead(s), member) for s, member, _ in deaths])

    def died(self, deaths, before):
        """Compares with `before`: whatever is new among the dead must be told by its note."""
        told = set()
        for (s, member, note), old, new in zip(deaths, before, self.dead_scores(deaths)):
            if (s, member) in told:
                continue
            told.add((s, member))
            if new is not None and old != new:
                self.ever_dead.add((self.members[member].name, s))
            if new is not None and old is None and note:
                name = json.loads(note)["id"]
                self.notes[name] = self.notes.get(name, 0) + 1

    def write_note(self, member, lane):
        """The body of an event that tells of a death, should it come to that."""
        name = f"dead {member} {subscription_of(lane)}"
        return self.events.setdefault(name, Event(name, "none", False, set())).body

    def revive(self, members, subscription, before, step, reply):
        require(reply == -1 or step not in self.steps, "a step of a replay taken twice:", step)
        if reply == -1:
            return
        self.steps.add(step)
        for member in set(self.lane(subscription + "~replay")) & set(members) - set(before):
            pair = self.members[member].name, subscription
            self.note(member, "revived for", subscription)
            self.revived.setdefault(pair, []).append(self.delivered.get(pair, 0))
            self.count("revived")

    def acked(self, member):
        """Called when an ack was applied: each delivery is done or kept elsewhere."""
        event = self.members[member]
        owed = [s for s in sorted(event.must - self.deleted)
                if (event.name, s) not in self.delivered]
        if not owed:
            return
        self.require_kept(event, member, owed, "acked")

    def require_kept(self, event, member, owed, when):
        asked = [("ZSCORE", dead("-"), member)]
        for s in owed:
            lane = lane_of(self.subscriptions[s]["kind"], s, event.key)
            asked += [("ZSCORE", name, member)
                      for name in (parked(lane), parked(s + "~replay"), dead(s))]
        scores = self.client.send(asked)
        for i, s in enumerate(owed):
            require(scores[0] or any(scores[1 + 3 * i:4 + 3 * i]), when,
                    "though not delivered, parked or dead:", event.name, s, member)

    # What must be true of the keys at any moment no script runs.

    def snapshot(self):
        names = [k.decode() for k in self.client.call("KEYS", key("*"))]
        lanes = [n for n in names if n.startswith(parked(""))]
        deads = [n for n in names if n.startswith(dead(""))]
        zsets = lanes + deads
        replies = self.client.send(
            [("ZRANGE", n, 0, -1, "WITHSCORES") for n in [key("due"), *zsets]]
            + [("HKEYS", key("why")), ("HGETALL", key("refs")), ("HGETALL", key("kept")),
               ("TIME",)])
        now = int(replies[-1][0]) * 1000 + int(replies[-1][1]) // 1000
        return {"now": now, "due": pairs(replies[0]), "refs": pairs(replies[-3]),
                "kept": pairs(replies[-2]), "why": {w.decode() for w in replies[-4]},
                "parked": {n[len(parked("")):]: pairs(r)
                           for n, r in zip(lanes, replies[1:])},
                "dead": {n[len(dead("")):]: pairs(r)
                         for n, r in zip(deads, replies[1 + len(lanes):])}}

    def check_keys(self):
        shot = self.snapshot()
        self.count("snapshots")
        for lane in shot["parked"]:
            require(lane in shot["due"], "a lane with deliveries is not in due:", lane)
            ahead = float(shot["due"][lane]) - shot["now"]
            require(ahead <= 600_000, "due is too far ahead:", lane, ahead)
        refs = {}
        for kind in ("parked", "dead"):
            for zset in shot[kind].values():
                for member in zset:
                    refs[member] = refs.get(member, 0) + 1
        found = {m: int(n) for m, n in shot["refs"].items()}
        require(refs == found, "refs:", difference(refs, found))
        require(set(shot["kept"]) == set(refs), "kept:",
                sorted(set(shot["kept"]) ^ set(refs))[:5])
        empty = {m for m, content in shot["kept"].items() if not content}
        for zset in shot["parked"].values():
            require(not empty & set(zset), "parked without its content:", empty & set(zset))
        whys = {f"{s} {m}" for s, zset in shot["dead"].items() for m in zset}
        require(shot["why"] == whys, "why:", sorted(shot["why"] ^ whys)[:5])
        return shot

    # What must be true when nothing is left to do.

    def is_quiet(self):
        asked = []
        for p in range(self.partitions):
            asked += [("XPENDING", stream(p), GROUP), ("XINFO", "GROUPS", stream(p)),
                      ("XINFO", "STREAM", stream(p))]
        asked += [("ZCARD", key("due")), ("HLEN", key("cursors"))]
        replies = self.client.send(asked)
        for p in range(self.partitions):
            pending, groups, info = replies[3 * p:3 * p + 3]
            last = fields(groups[0])[b"last-delivered-id"]
            if pending[0] or last != fields(info)[b"last-generated-id"]:
                return False
        return replies[-2] == 0

    def check_end(self, attempts_most):
        shot = self.check_keys()
        require(not shot["parked"] and not shot["due"], "lanes left:", shot["parked"], shot["due"])
        # A bare XACK of a resumed run may leave the cursor of an heir that crashed.
        cursors = {c.decode() for c in self.client.call("HKEYS", key("cursors"))} - self.bare_acks
        require(not cursors, "cursors left:", cursors)
        for p in range(self.partitions):
            entries = self.client.call("XLEN", stream(p))
            require(entries == 0, "not trimmable to empty:", stream(p), entries)
        self.check_deliveries(shot["dead"], attempts_most)
        self.check_replays(shot["dead"])
        replays = self.client.call("HGETALL", key("replays"))
        require(not replays, "replays left:", replays)

    def check_deliveries(self, deads, attempts_most):
        listed = set()
        for subscription, zset in deads.items():
            for member, score in zset.items():
                event = self.members[member]
                listed.add((event.name, subscription))
                if subscription == "-":
                    require(event.name in self.poisoned, "dead without cause:", event.name)
                else:
                    require((event.name, subscription) in self.refused
                            or int(score) % 64 >= attempts_most(subscription),
                            "dead too early:", member, score)
        for event in list(self.events.values()):
            if not event.accepted:
                continue
            if event.poison:
                require((event.name, "-") in listed, "poison is not listed dead:", event.name)
            for s in event.must - self.deleted:
                there = {(event.name, s), (event.name, "-")} & listed
                require((event.name, s) in self.delivered or there, "LOST:", event.name, s,
                        *[line for m, e in self.members.items() if e is event
                          for line in self.history.get(m, [])])
        self.count("events", sum(e.accepted for e in self.events.values()))
        self.count("dead", len(listed))
        self.count("dead by quota", len(listed & self.refused))

    def check_replays(self, deads):
        """What was revived came once more, or is dead. Of two hands on one delivery one may say
        done for both."""
        listed = {(self.members[m].name, s) for s, zset in deads.items() for m in zset}
        for (name, s), befores in self.revived.items():
            enough = max(befores) + (name not in self.tainted)
            require(s in self.deleted or (name, s) in listed
                    or self.delivered.get((name, s), 0) >= max(enough, 1),
                    "a replay is lost:", name, s, befores, self.delivered.get((name, s)),
                    *[line for m, e in self.members.items() if e.name == name
                      for line in self.history.get(m, [])])
        told = {}
        for event in self.members.values():
            if event.name.startswith("dead "):
                told[event.name] = told.get(event.name, 0) + 1
        require(told == self.notes, "notes:", difference(told, self.notes))
        self.count("notes", sum(told.values()))

    def is_pending(self, member, consumer):
        partition, entry = entry_of(member)
        return bool(self.client.call("XPENDING", stream(partition), GROUP, entry, entry, 1,
                                     consumer))


def pairs(flat):
    return {flat[i].decode(): flat[i + 1].decode("utf-8", "replace")
            for i in range(0, len(flat), 2)}


def fields(flat):
    return {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}


def difference(a, b):
    return sorted((k, a.get(k), b.get(k)) for k in set(a) | set(b) if a.get(k) != b.get(k))[:5]

