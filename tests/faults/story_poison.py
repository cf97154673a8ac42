"""An event that ends the process each time it is handled must not do so for ever."""
from kit import Budstikke, Ledger, PrivateRedis, Publisher, Receiver, folder, make_event, wait_until


def leave_pending(redis, name, identity, deliveries, partition=3):
    """As a node leaves behind what it died of: read, never acked, `deliveries` times."""
    key = f"bud:{{s0}}:p{partition}:events"
    added = redis("XADD", key, "*", "o", "local", "e", make_event(identity))
    redis("XREADGROUP", "GROUP", "dispatch", name, "COUNT", 1000, "STREAMS", key, ">")
    redis("XCLAIM", key, "dispatch", name, 0, added, "RETRYCOUNT", deliveries, "JUSTID")


def story_counted_out():
    """What six deliveries did not settle is a dead letter; what three did not is handled with care,
    and arrives; others are not held up."""
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        settings = {"redis.url": redis.url, "node.id": "one", "workers": 1}
        with Budstikke(home / "data", settings) as node:
            node.api().subscribe(receiver.sink("a"))
            assert node.stop() == 0
        with redis.client() as client:
            leave_pending(client, "one", "poison", 6)
            leave_pending(client, "one", "suspect", 4)
            leave_pending(client, "one", "once", 1)
            with Budstikke(home / "data", settings) as node:
                Publisher(Ledger(), lambda: node.url).start(limit=50).join()
                wait_until(lambda: len(receiver.ids("a")) == 52,
                           lambda: f"{len(receiver.ids('a'))} of 52", 30)
                wait_until(lambda: node.metric("events_poisoned_total") == 1,
                           lambda: f"{node.metrics()}", 30, 0.1)
                node.wait_settled()
                assert client("ZCARD", "bud:{s0}:dead:-") == 1
                assert ("a", "/stories", "poison") not in receiver.pairs
                assert {("/stories", "suspect"), ("/stories", "once")} <= receiver.ids("a")


def story_dies_again_and_again():
    """Killed each time within a moment of its start, a node does not count out what it never had in
    hand: everything arrives."""
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        settings = {"redis.url": redis.url, "node.id": "one"}
        with Budstikke(home / "data", settings) as node:
            node.api().subscribe(receiver.sink("a"), config={"timeout_ms": 1000})
            receiver.go_down()
            Publisher(Ledger(), lambda: node.url).start(limit=200).join()
            for _ in range(8):
                node.kill()
                node.start()
            receiver.go_up()
            wait_until(lambda: len(receiver.ids("a")) == 200,
                       lambda: f"{len(receiver.ids('a'))} of 200: {node.metrics()}", 60)
            node.wait_settled()
            assert node.metric("events_poisoned_total") == 0
