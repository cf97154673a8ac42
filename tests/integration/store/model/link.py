"""A run's connection: it loses replies, and tells the oracle of every ack and of every lease."""
from ledger import require
from server import RedisError
from shard import GROUP, entry_of, parked, stream, subscription_of


class Lost(Exception):
    """The connection broke; what was applied nobody knows."""


class Link:
    def __init__(self, world, run):
        self.world, self.run = world, run

    def send(self, commands, fault="lost", seen=None):
        """`seen` tells the oracle what was applied, also when the reply is lost."""
        world = self.world
        applied = len(commands)
        lost = world.roll(fault)
        if lost:
            applied = world.rng.randint(0, len(commands))
        replies = world.scripts.send(world.client, commands[:applied])
        for reply in replies:
            if isinstance(reply, RedisError):
                require("injected" in str(reply), "an error from Redis:", reply)
                raise Lost
        if seen and replies:
            seen(replies[0])
        if lost:
            world.ledger.count("replies lost")
            raise Lost
        return replies

    def settle(self, member, owed, command):
        """Checks the fence, and at the ack that every delivery is done or kept."""
        ledger = self.world.ledger
        mine = ledger.is_pending(member, self.run.name)
        deaths = [(o[0], member, o[6]) for o in owed if o[1] in ("dead", "bare")]
        before = ledger.dead_scores(deaths)
        ledger.refused.update((ledger.members[member].name, o[0]) for o in owed if o[1] == "bare")
        reply = "lost"
        try:
            reply = self.send([command], "lost settle")[0]
            require(mine or reply == 0, "settle wrote without the event being pending:", member)
            if not mine:
                ledger.tainted.add(ledger.members[member].name)
        finally:
            ledger.note(member, "settle by", self.run.id, *command[10:], "->", reply)
            ledger.died(deaths, before)
            if mine and not ledger.is_pending(member, self.run.name):
                ledger.acked(member)
        return reply

    def ack(self, partition, members):
        for member in members:
            self.world.ledger.acked(member)
        self.world.ledger.bare_acks.update(members)
        self.world.ledger.count("acks", len(members))
        return self.send([("XACK", stream(partition), GROUP,
                           *[entry_of(m)[1] for m in members])])[0]

    def claim(self, lane, mode, arguments, commands):
        """What is taken must be free to take: (the claim's reply, the version)."""
        ledger = self.world.ledger
        before = ledger.lane(lane)

        def seen(reply):
            taken = {reply[i].decode(): reply[i + 1] for i in range(1, len(reply), 4)}
            if mode != "plain" and taken:
                ledger.claimed_whole(lane, mode, taken, reply[0], arguments, before)

        return self.send(commands, "lost claim", seen)

    def resolve(self, lane, items, strict, command):
        """`again` and `dead` of a stale attempt must change nothing. `strict` is what the call says
        of the whole lane: its token when it lets go, and the rest."""
        ledger = self.world.ledger
        before = self.world.client.send([("ZSCORE", parked(lane), item[0]) for item in items])
        deaths = [(subscription_of(lane), item[0], item[7]) for item in items if item[1] == "dead"]
        dead_before, now = ledger.dead_scores(deaths), ledger.now()
        replies = ["lost"] * len(items)
        try:
            replies = self.send([command], "lost resolve",
                                lambda _: ledger.let_go_lane(lane, *strict, now))[0]
        finally:
            for item, score, changed in zip(items, before, replies):
                ledger.note(item[0], "resolve by", self.run.id, lane, *item[1:], "at", score,
                            "->", changed)
            ledger.died(deaths, dead_before)
        once = len({item[0] for item in items}) == len(items)
        for item, score, changed in zip(items, before, replies):
            if once and item[1] in ("again", "dead"):
                mine = score is not None and int(float(score)) == int(item[2])
                require(changed == mine, "a stale", item[1], "changed", item[0], score, item[2])
        return replies
