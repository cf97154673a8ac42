"""Replays: dead letters once more, what is retained for whom it was not meant then, and a
subscription that begins in the past; also when the program is killed meanwhile, under its old id.
"""
import time

from kit import Budstikke, Ledger, Publisher, Receiver, Reply, folder, wait_until

LONG_AGO = "2020-01-01T00:00:00Z"


def event(number):
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": f"t{number % 2}"}


def publish(api, numbers):
    for number in numbers:
        assert api.publish(event(number)).status == 202


def replayed(receiver, path):
    """What came with the mark of a replay, and each mark is the one word there is."""
    marks = [(int(d.id), d.headers.get("webhook-replay")) for d in receiver.deliveries
             if d.path == path]
    assert {mark for _, mark in marks} <= {None, "true"}, marks
    return sorted(number for number, mark in marks if mark)


def numbers(receiver, path):
    return sorted(int(d.id) for d in receiver.on(path))


def story_dead_letters():
    broken = [True]
    with folder() as home, Receiver(lambda d: Reply(413) if broken[0] else None) as receiver, \
            Budstikke(home / "data") as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"))
        dead = f"/subscriptions/{subscription['id']}/dead"
        publish(api, range(30))
        wait_until(lambda: api.get(dead).json()["total"] == 30, node.metrics, 30)
        ids = {d.id: d.webhook_id for d in receiver.deliveries}
        assert replayed(receiver, "a") == [], "live ones are not marked"
        broken[0] = False
        answer = api.request("POST", f"/subscriptions/{subscription['id']}/replay", {})
        assert answer.status == 202, answer
        wait_until(lambda: numbers(receiver, "a") == list(range(30)),
                   lambda: numbers(receiver, "a"), 30)
        assert {d.id: d.webhook_id for d in receiver.on("a")} == ids
        assert replayed(receiver, "a") == list(range(30)), replayed(receiver, "a")
        wait_until(lambda: api.get(dead).json()["total"] == 0,
                   "no dead letter is left")


def story_a_death_is_told():
    """To whoever asked for it, once; the notice that dies itself is told to nobody."""
    dead_type = "no.budstikke.delivery.dead.v1"

    def answer(delivery):
        return Reply(413) if delivery.path in ("a", "deaf") else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("news"), types=[dead_type])
        deaf = api.subscribe(receiver.sink("deaf"), types=[dead_type])
        subscription = api.subscribe(receiver.sink("a"), types=["t0", "t1"])
        publish(api, range(5))

        def total(of):
            return api.get(f"/subscriptions/{of['id']}/dead").json()["total"]
        wait_until(lambda: total(subscription) == 5 and total(deaf) == 5, node.metrics, 30)
        wait_until(lambda: len(receiver.on("news")) >= 5, lambda: receiver.on("news"), 30)
        node.wait_settled()
        notices = [d.event for d in receiver.on("news")]
        assert {notice["type"] for notice in notices} == {dead_type}, notices
        assert {notice["subject"] for notice in notices} == {subscription["id"]}, notices
        told = sorted(notice["data"]["event"]["id"] for notice in notices)
        assert told == [str(number) for number in range(5)], notices
        assert {notice["data"]["status"] for notice in notices} == {413}, notices
        assert len([d for d in receiver.deliveries if d.path == "deaf"]) == 5


def story_what_is_retained():
    """Half of it matches; the program is killed while it goes."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("other"))
        publish(api, range(400))
        node.wait_settled()
        subscription = api.subscribe(receiver.sink("a"), types=["t1"])
        answer = api.request("POST", f"/subscriptions/{subscription['id']}/replay",
                             {"source": "events", "from": LONG_AGO})
        assert answer.status == 202, answer
        wait_until(lambda: len(receiver.on("a")) >= 20, "it goes on", 30)
        node.kill()
        node.start()
        wait_until(lambda: set(numbers(receiver, "a")) == set(range(1, 400, 2)),
                   lambda: f"{len(receiver.ids('a'))} of 200", 60)
        node.wait_settled()
        assert len(receiver.on("other")) == 400, "nobody else gets anything again"
        assert replayed(receiver, "other") == [], "live ones are not marked"
        assert replayed(receiver, "a") == numbers(receiver, "a"), "what is replayed says so"
        assert len(receiver.on("a")) < 300, "what was delivered before the kill is not sent again"


def story_from_the_past():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        publish(api, range(50))
        api.subscribe(receiver.sink("a"), **{"from": LONG_AGO})
        publish(api, range(50, 60))
        # What was published just before may come as live traffic, too, under the same id.
        wait_until(lambda: set(numbers(receiver, "a")) == set(range(60)),
                   lambda: numbers(receiver, "a"), 30)


def story_from_the_past_while_others_publish():
    """It gets what was stored before its record and what came behind it, and nothing lies between
    them: what is published while it is made comes, too."""
    ledger, paths = Ledger(), [f"s{i}" for i in range(25)]

    def missing():
        return {path: sorted(ledger.accepted() - receiver.ids(path)) for path in paths
                if ledger.accepted() - receiver.ids(path)}

    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        publishers = [Publisher(ledger, lambda: node.url, f"e{i}", batch=1).start()
                      for i in range(2)]
        for path in paths:
            api.subscribe(receiver.sink(path), **{"from": LONG_AGO})
        for publisher in publishers:
            publisher.stop()
        wait_until(lambda: not missing(), missing, 30)


def story_beside_live_traffic():
    """Fresh events for the same receiver do not wait for a replay that takes all it can get, and
    the replay goes on meanwhile."""
    def answer(delivery):
        return Reply(delay_s=0.05) if delivery.path == "a" else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("other"), types=["t0"])
        for first in range(0, 1500, 500):
            events = [{**event(2 * n), "id": f"{first + n}"} for n in range(500)]
            assert api.publish(events).status == 202
        node.wait_settled()
        subscription = api.subscribe(receiver.sink("a"), types=["t0"])
        answer = api.request("POST", f"/subscriptions/{subscription['id']}/replay",
                             {"source": "events", "from": LONG_AGO})
        assert answer.status == 202, answer
        wait_until(lambda: len(replayed(receiver, "a")) >= 50, "it goes on", 30)
        before = len(replayed(receiver, "a"))
        sent = {}
        for number in range(100000, 100100):
            sent[str(number)] = time.monotonic()
            assert api.publish(event(2 * number) | {"id": str(number)}).status == 202
            time.sleep(0.01)  # a stream of them, not a burst
        wait_until(lambda: sent.keys() <= {d.id for d in receiver.on("a")}, "all fresh ones", 30)
        after = len(replayed(receiver, "a"))
        came = {d.id: d.at for d in receiver.on("a") if d.id in sent}
        late = sorted(came[number] - at for number, at in sent.items())
        assert late[-1] < 3, f"a fresh one took {late[-1]:.3f} s"
        assert before < after < 1500, f"replayed {before}, then {after}, while fresh ones came"
        wait_until(lambda: len(replayed(receiver, "a")) >= 1500,
                   lambda: len(replayed(receiver, "a")), 120)
