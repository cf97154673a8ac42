"""What a subscriber wishes of its lane: batches, a rate, a number at a time; and a pause."""
import json
import time

from kit import Budstikke, PrivateRedis, Receiver, Reply, folder, patience, scaled, wait_until


def event(number, **members):
    return {"specversion": "1.0", "type": "t", "source": "/lanes", "id": f"e{number}",
            "data": {"n": number}, **members}


def publish(node, count, first=0):
    api = node.api()
    for start in range(first, first + count, 100):
        answer = api.publish([event(i) for i in range(start, min(start + 100, first + count))])
        assert answer.status == 202, answer


def batches(receiver, path):
    return [[e["id"] for e in json.loads(d.body)] for d in list(receiver.deliveries)
            if d.path == path]


def story_batch():
    """Events come in batches of at most so many, signed as one; a lone one waits max_wait_ms."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("b"), config={
            "mode": "batch", "batch": {"max_events": 20, "max_wait_ms": 1000}})
        publish(node, 100)
        wait_until(lambda: sum(map(len, batches(receiver, "b"))) >= 100, "all come", 20)
        came = batches(receiver, "b")
        assert max(map(len, came)) == 20, [len(b) for b in came]
        assert len(came) <= 12, [len(b) for b in came]
        assert sorted(sum(came, [])) == sorted(f"e{i}" for i in range(100))
        first = receiver.deliveries[0]
        assert first.headers["content-type"].startswith("application/cloudevents-batch+json")
        assert first.headers["webhook-signature"].startswith("v1,")
        began = time.monotonic()
        publish(node, 1, 500)
        wait_until(lambda: ["e500"] in batches(receiver, "b"), "the lone one", 10)
        assert time.monotonic() - began >= 0.9, "it waited for company"


def story_batch_partly_failed():
    """The receiver names the ids that failed: only they come again."""
    failing = {"e3", "e7"}

    def answer(delivery):
        ids = [e["id"] for e in json.loads(delivery.body)]
        failed = [i for i in ids if i in failing]
        failing.difference_update(failed)
        body = json.dumps({"failed": failed}).encode()
        return Reply(200, body=body, headers={"content-type": "application/json"})

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("b"), config={
            "mode": "batch", "batch": {"max_events": 10, "max_wait_ms": 300}})
        publish(node, 10)
        node.wait_settled()
        came = sum(batches(receiver, "b"), [])
        assert sorted(came) == sorted([f"e{i}" for i in range(10)] + ["e3", "e7"]), came


def story_batch_too_large():
    """413 to many: they come again in smaller batches at once, and it is no attempt of theirs.
    What is too large alone is dead; the others are not."""
    def answer(delivery):
        return Reply(413) if len(delivery.body) > 4000 else None

    def taken():
        return [e for d in receiver.on("b") for e in json.loads(d.body)]

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"workers": 1}) as node:
        subscription = node.api().subscribe(receiver.sink("b"), config={
            "mode": "batch", "batch": {"max_events": 50, "max_wait_ms": 500},
            "retry": {"schedule": [3600], "jitter": 0}})
        sizes = [5000 if i == 31 else 200 for i in range(50)]
        answer = node.api().publish([event(i, data="x" * size) for i, size in enumerate(sizes)])
        assert answer.status == 202, answer
        wait_until(lambda: len(taken()) == 49, lambda: [len(b) for b in batches(receiver, "b")], 30)
        node.wait_settled()
        assert len({e["id"] for e in taken()}) == 49 and "e31" not in {e["id"] for e in taken()}
        dead = node.api().get(f"/subscriptions/{subscription['id']}/dead").json()["items"]
        assert [(d["event"]["id"], d["status"]) for d in dead] == [("e31", 413)], dead
        refused = [[e["id"] for e in json.loads(d.body)] for d in receiver.deliveries
                   if d.status == 413]
        assert 2 <= len(refused) <= 8 and refused.count(["e31"]) == 1, refused
        came = len(receiver.deliveries)
        publish(node, 50, 100)  # what it learned holds
        wait_until(lambda: len(taken()) == 99, lambda: [len(b) for b in batches(receiver, "b")], 30)
        assert all(d.status < 300 for d in receiver.deliveries[came:])


def story_batch_failed_at_length():
    """So many failed that their names do not fit into what is read of an answer: none of them is
    taken for delivered."""
    source = "/lanes/" + "long/" * 80

    def answer(delivery):
        if len(receiver.deliveries) > 0:
            return None
        failed = [{"id": e["id"], "source": e["source"]} for e in json.loads(delivery.body)]
        return Reply(200, body=json.dumps({"failed": failed}).encode())

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("b"), config={
            "mode": "batch", "batch": {"max_events": 200, "max_wait_ms": 60000}})
        assert node.api().publish([event(i, source=source) for i in range(200)]).status == 202
        node.wait_settled()
        came = batches(receiver, "b")
        assert len(came[0]) == 200, [len(b) for b in came]
        assert sorted(sum(came[1:], [])) == sorted(came[0]), [len(b) for b in came]


def story_rate():
    """rate_per_s holds over two nodes with two workers each."""
    settings = {"workers": 2}
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver, \
            Budstikke(home / "a", {"redis.url": redis.url, **settings}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url, **settings}) as b:
        a.api().subscribe(receiver.sink("r"), config={"rate_per_s": 20})
        publish(b, 80)
        wait_until(lambda: len(receiver.ids("r")) >= 80, "all come", 30)
        times = sorted(d.at for d in receiver.on("r"))
        for start in times:  # any second, with room for a burst at either end
            n = sum(start <= t < start + 1 for t in times)
            assert n <= 42, f"{n} within a second"
        assert times[-1] - times[0] >= 2.5, f"80 within {times[-1] - times[0]:.2f} s"
        assert not receiver_duplicates(receiver, "r")


def receiver_duplicates(receiver, path):
    ids = [d.id for d in receiver.on(path)]
    return len(ids) - len(set(ids))


def story_one_at_a_time():
    """max_in_flight 1 holds over two nodes."""
    delay = 0.02
    settings = {"workers": 2}
    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Receiver(lambda d: Reply(204, delay_s=delay)) as receiver, \
            Budstikke(home / "a", {"redis.url": redis.url, **settings}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url, **settings}) as b:
        a.api().subscribe(receiver.sink("one"), config={"max_in_flight": 1})
        publish(b, scaled(60, 20))
        wait_until(lambda: len(receiver.ids("one")) >= scaled(60, 20), "all come", 60)
        # No answer leaves before its delay is over: what came sooner did not wait for it.
        times = sorted(d.at for d in list(receiver.deliveries))
        gaps = [after - before for before, after in zip(times, times[1:])]
        assert min(gaps) >= 0.9 * delay, f"{min(gaps):.4f} s after the one before"


def story_pause_and_resume():
    """Nothing is sent while its owner has paused it, also over a restart; then everything is."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        subscription = node.api().subscribe(receiver.sink("p"))
        path = f"/subscriptions/{subscription['id']}"
        answer = node.api().request("POST", path + "/pause", {"reason": "maintenance"})
        assert answer.status == 200, answer
        assert answer.json()["status"]["state"] == "paused", answer
        publish(node, 50)
        wait_until(lambda: node.metric("deliveries_parked_total") >= 50, "they are parked", 20)
        assert node.stop() == 0
        node.start()
        publish(node, 50, 50)
        wait_until(lambda: node.metric("deliveries_parked_total") >= 50, "they are parked", 20)
        assert not receiver.deliveries, receiver.deliveries
        answer = node.api().request("POST", path + "/resume")
        assert answer.status == 200 and answer.json()["status"]["state"] == "active", answer
        began = time.monotonic()
        wait_until(lambda: len(receiver.ids("p")) >= 100, "all come", 30)
        assert time.monotonic() - began < patience(15)
        assert not receiver_duplicates(receiver, "p")


def story_disabled_by_its_own_rule():
    """Another status than 410 disables where a rule says so; it is not called gone then."""
    with folder() as home, Receiver(lambda _: Reply(401)) as receiver, \
            Budstikke(home / "data") as node:
        api = node.api()
        mine = api.subscribe(receiver.sink("a"), config={"retry": {"statuses": {"401": "disable"}}})
        publish(node, 1)

        def status():
            return api.get(f"/subscriptions/{mine['id']}").json()["status"]
        wait_until(lambda: status()["state"] == "disabled", status)
        assert status()["reason"] == "status" and "401" in status()["detail"], status()
        wait_until(lambda: "is disabled" in node.tail(), node.tail)
        assert "gone" not in node.tail(), node.tail()


def story_too_old_for_its_wish():
    """config.retry.max_age_s holds for what waits without attempts, too: what is older by its turn
    is a dead letter, and told as any other. A replay is wanted whatever its age."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("watch"), types=["no.budstikke.delivery.dead.v1"])
        mine = api.subscribe(receiver.sink("a"), types=["t"], config={"retry": {"max_age_s": 4}})
        path = f"/subscriptions/{mine['id']}"
        assert api.request("POST", path + "/pause").status == 200
        publish(node, 5)
        began = time.monotonic()
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 5, node.metrics)
        wait_until(lambda: time.monotonic() - began > 4.1, "they get too old")
        publish(node, 5, 5)
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 10, node.metrics)
        assert api.request("POST", path + "/resume").status == 200
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 0, node.metrics, 30)
        assert {d.id for d in receiver.on("a")} == {f"e{i}" for i in range(5, 10)}
        dead = api.get(path + "/dead").json()
        assert dead["total"] == 5, dead
        assert {(d["reason"], d["attempt"]) for d in dead["items"]} == {("age", 0)}, dead
        wait_until(lambda: len(receiver.on("watch")) == 5, receiver.on("watch"))
        told = {d.event["data"]["event"]["id"] for d in receiver.on("watch")}
        assert told == {f"e{i}" for i in range(5)}, told
        assert api.request("POST", path + "/replay", {"source": "dead"}).status == 202
        wait_until(lambda: len(receiver.ids("a")) == 10, lambda: receiver.ids("a"), 30)


def story_gone():
    """410 disables the subscription; what comes meanwhile is parked, and goes after a resume."""
    gone = [True]

    def answer(delivery):
        return Reply(410) if gone[0] and delivery.path == "g" else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("watch"), types=[
            "no.budstikke.subscription.disabled.v1", "no.budstikke.subscription.recovered.v1"])
        subscription = api.subscribe(receiver.sink("g"), types=["t"])
        path = f"/subscriptions/{subscription['id']}"
        publish(node, 1)
        wait_until(lambda: api.get(path).json()["status"]["state"] == "disabled",
                   lambda: f"not disabled: {api.get(path)}", 20)
        assert api.get(path).json()["status"]["reason"] == "gone"
        assert node.metric("attempts_disable_total") == 1, node.metrics()
        gone[0] = False
        publish(node, 20, 1)
        wait_until(lambda: node.metric("deliveries_parked_total") >= 21, "they are parked", 20)
        assert not receiver.on("g")
        answer = api.request("POST", path + "/resume")
        assert answer.status == 200, answer
        wait_until(lambda: len(receiver.ids("g")) >= 21, "all come", 30)
        wait_until(lambda: {d.event["type"].split(".")[3] for d in receiver.on("watch")}
                   == {"disabled", "recovered"}, lambda: receiver.on("watch"), 60)
