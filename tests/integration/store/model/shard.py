"""The shard as the scripts see it: key names, the real .lua files, and broken copies of them."""
import hashlib
import json
from pathlib import Path

from server import RedisError

FOLDER = Path(__file__).resolve().parents[4] / "src/store/scripts"
PREFIX = "bud:{s0}:"
GROUP = "dispatch"
# What stands among the keys behind the stream, or behind the lane and its dead letters.
SETTLE_KEYS = ["due", "kept", "refs", "cursors", "why", "held"]
RESOLVE_KEYS = ["kept", "refs", "why", "held"]


def key(name):
    return PREFIX + name


def stream(partition):
    return key(f"p{partition}:events")


def parked(lane):
    return key("parked:" + lane)


def dead(subscription):
    return key("dead:" + subscription)


def subscription_of(lane):
    return lane.split("/")[0].split("~")[0]


def member_of(partition, entry):
    ms, seq = entry.split("-")
    return f"{partition:02d}-{ms}-{int(seq):010d}"


def entry_of(member):
    """(partition, stream id) of a member."""
    partition, ms, seq = member.split("-")
    return int(partition), f"{ms}-{int(seq)}"


def lane_of(kind, subscription, event_key):
    """Where a delivery is parked; an ordered subscription has a lane per key."""
    return f"{subscription}/{event_key}" if kind in ("wait", "skip") else subscription


def id_order(entry):
    ms, seq = entry.split("-")
    return int(ms), int(seq)


class Scripts:
    """`mutation` is (script, old text, new text): the real file with one thing broken."""

    def __init__(self, mutation=None):
        self.text = {p.stem: p.read_text(encoding="utf-8") for p in sorted(FOLDER.glob("*.lua"))}
        if mutation:
            name, old, new = mutation
            if self.text[name].count(old) != 1:
                raise SystemExit(f"mutation of {name}.lua fits it no more: {old!r}")
            self.text[name] = self.text[name].replace(old, new)
        self.sha = {n: hashlib.sha1(t.encode()).hexdigest() for n, t in self.text.items()}
        self.by_sha = {sha: name for name, sha in self.sha.items()}

    def command(self, name, keys, arguments):
        return ("EVALSHA", self.sha[name], len(keys), *keys, *arguments)

    def send(self, client, commands):
        """A pipeline in which a forgotten script is loaded and called again."""
        replies = client.send(commands)
        for i, reply in enumerate(replies):
            if isinstance(reply, RedisError) and str(reply).startswith("NOSCRIPT"):
                client.call("SCRIPT", "LOAD", self.text[self.by_sha[commands[i][1]]])
                replies[i] = client.send([commands[i]])[0]
        return replies

    def run(self, client, name, keys, arguments):
        reply = self.send(client, [self.command(name, keys, arguments)])[0]
        if isinstance(reply, RedisError):
            raise reply
        return reply


def setup(scripts, client, partitions):
    keys = [key("meta"), key("subs:version"), *[stream(p) for p in range(partitions)]]
    return scripts.run(client, "setup", keys, ["1", "server", "seed", GROUP])


REGISTRY_KEYS = [key("subs:" + n)
                 for n in ("records", "changes", "version", "serial", "fingerprints")]
REGISTRY_KEYS += [key("replays"), key("subs:counts")]
DROP_KEYS = [k for k in REGISTRY_KEYS if k != key("subs:serial")]


def parse_value(value):
    """(serial, etag, record or None for a tombstone) of a stored registry value."""
    head, record = value.decode().split("\n", 1)
    serial, etag, _ = head.split(" ")
    return int(serial), etag, json.loads(record) if record else None
