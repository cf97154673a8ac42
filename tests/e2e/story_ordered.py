"""Order by choice: within its key an event is not sent before the one ahead of it is settled."""
import random
import threading
import time

from kit import (Api, Budstikke, PrivateRedis, Receiver, Reply, folder, patience, scaled,
                 wait_until)


def event(key, number):
    return {"specversion": "1.0", "type": "t", "source": "/ordered", "id": f"{key}-{number}",
            "subject": key, "data": {"n": number}}


def publish(url, keys, count):
    """Each key's events one after the other; sent again until some node has them."""
    def work(key):
        api, number = None, 0
        while number < count:
            try:
                api = api or Api(url(), patience(10))
                answer = api.publish(event(key, number))
            except OSError:
                api = None
                time.sleep(0.05)
                continue
            assert answer.status in (202, 503), answer
            number += answer.status == 202
    threads = [threading.Thread(target=work, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    return threads


def numbers(receiver, path, key):
    """What came in for a key, answered or not, in the order it came."""
    return [d.event["data"]["n"] for d in list(receiver.deliveries)
            if d.path == path and d.event["subject"] == key]


def must_be_in_order(receiver, path, keys, count):
    for key in keys:
        came = numbers(receiver, path, key)
        assert came == sorted(came), f"{key} came as {came}"
        assert sorted(set(came)) == list(range(count)), f"{key}: {came}"
        settled = set()
        for delivery in receiver.deliveries:
            if delivery.path != path or delivery.event["subject"] != key:
                continue
            number = delivery.event["data"]["n"]
            assert number == 0 or number - 1 in settled, \
                f"{key}: {number} was sent before {number - 1} was delivered"
            if 200 <= delivery.status < 300:
                settled.add(number)


def all_arrived(receiver, path, keys, count):
    done = {(d.event["subject"], d.event["data"]["n"]) for d in list(receiver.deliveries)
            if d.path == path and 200 <= d.status < 300}
    return done >= {(key, number) for key in keys for number in range(count)}


def story_with_kills():
    """Two nodes, a receiver that fails a third of the time, and one node killed again and again:
    at the receiver every key is in order, and nothing is missing."""
    rng = random.Random(7)

    def answer(_):
        draw = rng.random()
        return Reply(500) if draw < 0.2 else Reply(drop=True) if draw < 0.3 else None

    keys = [f"k{i}" for i in range(8)]
    count = scaled(30, 5)
    settings = {"workers": 2, "delivery.breaker_failures": 1000,
                "delivery.retry_schedule_s": ",".join(["1"] * 50)}
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver(answer) as receiver, \
            Budstikke(home / "a", {"redis.url": redis.url, **settings}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url, **settings}) as b:
        a.api().subscribe(receiver.sink("o"), config={
            "ordered": True, "timeout_ms": 1000, "retry": {"schedule": [1] * 50, "jitter": 0}})
        threads = publish(lambda: b.url, keys, count)
        for _ in range(scaled(4, 1)):
            time.sleep(rng.uniform(0.3, 1.2))
            a.kill()
            a.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: all_arrived(receiver, "o", keys, count),
                   lambda: f"not all: {[len(set(numbers(receiver, 'o', k))) for k in keys]}", 150)
        b.wait_settled()
        must_be_in_order(receiver, "o", keys, count)


def story_other_keys_flow_on():
    """A key that is blocked holds back nobody else; when it goes again, its order has held."""
    down = {"k0"}

    def answer(delivery):
        return Reply(500) if delivery.event["subject"] in down else None

    keys, count = [f"k{i}" for i in range(4)], 10
    settings = {"delivery.breaker_failures": 1000}
    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", settings) as node:
        node.api().subscribe(receiver.sink("o"), config={"ordered": True})
        for thread in publish(lambda: node.url, keys, count):
            thread.join()
        wait_until(lambda: all_arrived(receiver, "o", keys[1:], count) and
                   numbers(receiver, "o", "k0"), "the others arrive, and k0 is tried", 30)
        assert set(numbers(receiver, "o", "k0")) == {0}, "only the first of k0 is tried"
        down.clear()
        wait_until(lambda: all_arrived(receiver, "o", keys, count), "the blocked key arrives", 30)
        must_be_in_order(receiver, "o", keys, count)


def story_skip():
    """on_blocked "skip": the next ones go on while the failed one is tried again."""
    down = {"k0-3"}

    def answer(delivery):
        return Reply(500) if delivery.id in down else None

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"delivery.breaker_failures": 1000}) as node:
        node.api().subscribe(receiver.sink("o"), config={"ordered": True, "on_blocked": "skip"})
        for thread in publish(lambda: node.url, ["k0"], 10):
            thread.join()
        wait_until(lambda: len({d.id for d in receiver.on("o")}) == 9, "the others arrive", 30)
        delivered = [d.event["data"]["n"] for d in receiver.on("o")]
        assert delivered == [0, 1, 2, 4, 5, 6, 7, 8, 9], delivered
        down.clear()
        wait_until(lambda: ("/ordered", "k0-3") in receiver.ids("o"), "the skipped one, too", 30)


def story_partitionkey():
    """It goes before the subject: what has one key in common goes one by one, whatever its
    subjects, and one subject under another key goes its own way."""
    down = {"first"}

    def answer(delivery):
        return Reply(500) if delivery.id in down else None

    def with_key(name, key):
        return {**event("same", 0), "id": name, "subject": name if key == "k" else "first",
                "partitionkey": key}

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"delivery.breaker_failures": 1000}) as node:
        api = node.api()
        api.subscribe(receiver.sink("o"), config={"ordered": True})
        for name, key in (("first", "k"), ("second", "k"), ("third", "k"), ("other", "l")):
            assert api.publish(with_key(name, key)).status == 202

        def came():
            return [d.id for d in list(receiver.deliveries)]
        wait_until(lambda: "other" in came() and came().count("first") >= 2, came, 30)
        assert set(came()) == {"first", "other"}, came()
        down.clear()
        wait_until(lambda: len(receiver.on("o")) == 4, came, 30)
        assert [d.id for d in receiver.on("o") if d.id != "other"] == \
            ["first", "second", "third"], came()


def stored_before(node, keys, count):
    """Events that nobody wanted."""
    for thread in publish(lambda: node.url, keys, count):
        thread.join()
    node.wait_settled()


def story_a_replay_keeps_the_order():
    """It is one line over all keys: what fails holds it up, and live events go on beside it."""
    down, keys, count = [True], [f"k{i}" for i in range(3)], 5

    def answer(delivery):
        return Reply(500) if down and delivery.event["subject"] in keys else None

    def attempted():
        return [d.id for d in list(receiver.deliveries) if d.event["subject"] in keys]

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"delivery.breaker_failures": 1000}) as node:
        stored_before(node, keys, count)
        subscription = node.api().subscribe(receiver.sink("o"), **{"from": "earliest"}, config={
            "ordered": True, "retry": {"schedule": [1] * 50, "jitter": 0}})
        path = f"/subscriptions/{subscription['id']}"
        wait_until(lambda: len(attempted()) >= 2, attempted, 30)
        assert node.api().publish(event("live", 0)).status == 202
        wait_until(lambda: ("/ordered", "live-0") in receiver.ids("o"), "the live one arrives", 30)
        assert len(set(attempted())) == 1, attempted()

        def replaying():
            return node.api().get(path + "/stats").json()["replaying"]
        wait_until(lambda: replaying() == len(keys) * count, replaying)
        assert len(set(attempted())) == 1, attempted()
        down.clear()
        wait_until(lambda: all_arrived(receiver, "o", keys, count), attempted, 30)
        must_be_in_order(receiver, "o", keys, count)


def story_a_replay_skips():
    """on_blocked "skip": what failed once is passed by, in a replay as in live traffic."""
    failed, keys, count = set(), [f"k{i}" for i in range(2)], 5

    def answer(delivery):
        if not delivery.id.endswith("-1") or delivery.id in failed:
            return None
        failed.add(delivery.id)
        return Reply(500)

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"delivery.breaker_failures": 1000}) as node:
        stored_before(node, keys, count)
        node.api().subscribe(receiver.sink("o"), **{"from": "earliest"}, config={
            "ordered": True, "on_blocked": "skip", "retry": {"schedule": [3] * 9, "jitter": 0}})
        wait_until(lambda: all_arrived(receiver, "o", keys, count), "all arrive", 30)
        for key in keys:
            assert numbers(receiver, "o", key) == [0, 1, 2, 3, 4, 1], numbers(receiver, "o", key)


def story_dead_letters_are_replayed_in_order():
    """Made ordered by then: it counts how the subscription is when they are sent."""
    down, keys, count = [True], ["k0", "k1"], 5

    def answer(delivery):
        if "webhook-replay" not in delivery.headers:
            return Reply(413)
        return Reply(500) if down else None

    def replayed():
        return [(d.event["subject"], d.event["data"]["n"]) for d in list(receiver.deliveries)
                if "webhook-replay" in d.headers]

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"delivery.breaker_failures": 1000}) as node:
        api = node.api()
        retry = {"schedule": [1] * 50, "jitter": 0}
        path = "/subscriptions/" + api.subscribe(receiver.sink("o"), config={"retry": retry})["id"]
        for thread in publish(lambda: node.url, keys, count):
            thread.join()
        wait_until(lambda: api.get(path + "/dead").json()["total"] == len(keys) * count,
                   node.metrics, 30)
        changed = api.request("PATCH", path, {"config": {"ordered": True, "retry": retry}})
        assert changed.status == 200, changed
        assert api.request("POST", path + "/replay", {"source": "dead"}).status == 202
        wait_until(lambda: len(replayed()) >= 3, replayed, 30)
        down.clear()
        wait_until(lambda: len(receiver.on("o")) == len(keys) * count, replayed, 30)
        for key in keys:
            came = [n for k, n in replayed() if k == key]
            assert came == sorted(came) and set(came) == set(range(count)), replayed()
