"""A node starts with many subscriptions: while it loads them it says so, is not ready, and matches
nothing; then all is delivered."""
import time
import urllib.error
import urllib.request

from kit import Budstikke, PrivateRedis, Receiver, folder, make_event, scaled, wait_until

COPIES = 200000
STEP = 5000

# Copies of one record under other ids, as registry_put would have written them.
FILL = """
local record = redis.call('HGET', KEYS[1], ARGV[1])
local serial = tonumber(redis.call('GET', KEYS[2]))
for i = tonumber(ARGV[2]), tonumber(ARGV[4]) do
	local id = string.format('%032x', i)
	local made = string.gsub(record, '"id":"' .. ARGV[1] .. '"', '"id":"' .. id .. '"')
	made = string.gsub(made, ARGV[3], 'nobody.asks')
	serial = serial + 1
	redis.call('HSET', KEYS[1], id, (string.gsub(made, '^%d+', tostring(serial))))
end
redis.call('SET', KEYS[2], serial)
return redis.call('HLEN', KEYS[1])
"""


def fill(redis, identity, count, kind):
    with redis.client() as client:
        for first in range(1, count + 1, STEP):
            have = client("EVAL", FILL, 2, "bud:{s0}:subs:records", "bud:{s0}:subs:serial",
                          identity, first, kind, min(first + STEP - 1, count))
        assert have == count + 1, have


def readiness(node):
    try:
        with urllib.request.urlopen(node.admin + "/readyz", timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def story_many():
    """Not ready and "loading: N of M" meanwhile, with a line in the log; then all goes on."""
    count = scaled(COPIES)
    with folder() as home, Receiver() as receiver, \
            PrivateRedis(home / "redis", "--appendfsync", "no") as redis:
        settings = {"redis.url": redis.url}
        with Budstikke(home / "one", settings) as node:
            made = node.api().subscribe(receiver.sink("a"), types=["story.happened"])
        fill(redis, made["id"], count, "story.happened")
        with redis.client() as client:
            client("XADD", "bud:{s0}:p1:events", "*", "o", "local", "e", make_event("waits"))
        with Budstikke(home / "two", settings) as node:
            wait_until(lambda: "loading: " in readiness(node), lambda: readiness(node), 60, 0.001)
            redis.pause()
            time.sleep(1.2)  # so that the load takes longer than the second between two lines
            said = readiness(node)
            assert f" of {count + 1}" in said and '"not ready"' in said, said
            assert node.metric("subscriptions") == 0 and not receiver.ids("a")
            redis.resume()
            wait_until(lambda: "loading subscriptions" in node.tail(1000), node.tail, 60)
            assert f"of={count + 1}" in node.tail(1000), node.tail()
            wait_until(lambda: '"ready"' in readiness(node), lambda: readiness(node), 120)
            wait_until(lambda: node.metric("subscriptions") == count + 1,
                       lambda: node.metric("subscriptions"), 20)
            assert node.api().publish(make_event("after")).status == 202
            wait_until(lambda: {i for _, i in receiver.ids("a")} == {"waits", "after"},
                       lambda: receiver.ids("a"), 60)
