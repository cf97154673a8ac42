"""A run's connection: it loses replies, and tells the oracle of every ack and of every lease."""
from ledger import require
from server import RedisError
from shard import GROUP, entry_of, parked, stream


class Lost(Exception):
    """The connection broke; what was applied nobody knows."""


class Link:
    def __init__(self, world, run):
        self.world, self.run = world, run

    def send(self, commands, fault="lost"):
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
        if lost:
            world.ledger.count("replies lost")
            raise Lost
        return replies

    def settle(self, member, command):
        """Checks the fence, and at the ack that every delivery is done or kept."""
        ledger = self.world.ledger
        mine = ledger.is_pending(member, self.run.name)
        reply = "lost"
        try:
            reply = self.send([command], "lost settle")[0]
            require(mine or reply == 0, "settle wrote without the event being pending:", member)
        finally:
            ledger.note(member, "settle by", self.run.id, *command[10:], "->", reply)
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

    def resolve(self, lane, items, command):
        """`again` and `dead` of a stale attempt must change nothing."""
        asked = [("ZSCORE", parked(lane), item[0]) for item in items]
        before = self.world.client.send(asked)
        replies = ["lost"] * len(items)
        try:
            replies = self.send([command], "lost resolve")[0]
        finally:
            for item, score, changed in zip(items, before, replies):
                self.world.ledger.note(item[0], "resolve by", self.run.id, lane, *item[1:],
                                       "at", score, "->", changed)
        once = len({item[0] for item in items}) == len(items)
        for item, score, changed in zip(items, before, replies):
            if once and item[1] in ("again", "dead"):
                mine = score is not None and int(float(score)) == int(item[2])
                require(changed == mine, "a stale", item[1], "changed", item[0], score, item[2])
        return replies
