"""Who reads the index from position to position while the model runs: what lies at or below a
position that was handed out at an end must never become more, or less."""
from ledger import require
from shard import key, stream

NAME = key("by:resource:all")
LAST, FLOOR = key("by:last"), key("by:floor")


class Follower:
    def __init__(self, world):
        self.world, self.position = world, 0
        self.scores = []  # of what was there when it was read
        self.ends = []    # (position, how many entries were at or below it)

    def read(self, count):
        world = self.world
        keys = [NAME, LAST, FLOOR, *[stream(p) for p in range(world.partitions)]]
        reply = world.scripts.send(world.client, [world.scripts.command(
            "index_read", keys, [self.position, 0, count, world.rng.choice([1, 100, 10_000])])])[0]
        require(isinstance(reply, list), "index_read:", reply)
        scores = [int(reply[i]) for i in range(3, len(reply), 4)]
        known = [self.position, *scores]
        require(known == sorted(set(known)) and int(reply[0]) >= known[-1],
                "out of order behind", self.position, reply[0], scores)
        self.scores += scores
        self.position = int(reply[0])
        if reply[1] == 1:
            self.ends.append((self.position, self.at_or_below(self.position)))
        return reply[1] == 1

    def at_or_below(self, position):
        return self.world.client.call("ZCOUNT", NAME, 0, position)

    def check(self):
        for position, n in self.ends:
            require(self.at_or_below(position) == n, "an event appeared at or below a position:",
                    position, n, self.at_or_below(position))

    def follow(self):
        """An actor of the model."""
        while self.world.publishing:
            yield self.world.nap() * 2
            self.read(self.world.rng.randint(1, 9))

    def finish(self):
        """All is published: each event has its entry, once, and is read unless it was trimmed."""
        while not self.read(50):
            pass
        self.check()
        n = self.world.client.call("ZCARD", NAME)
        # Notes are published by other scripts, and not indexed.
        events = [name for name in self.world.ledger.events if name[1:].isdigit()]
        require(n == len(events), "in the index:", n, "of", len(events))
        require(self.ends[-1][1] == n, "not all of it was read:", self.ends[-1], n)
