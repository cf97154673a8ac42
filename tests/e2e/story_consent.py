"""Receivers are asked first: nothing is sent to one that has not agreed, what was published
meanwhile comes when it has, and each delivery then says who asked."""
from kit import Budstikke, Receiver, Reply, folder, wait_until

RULE = {"delivery.verify": "require", "delivery.origin": "bud.example",
        "delivery.callback_url": "https://bud.example/api"}


def event(number):
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t"}


def is_question(delivery):
    return not delivery.body


def status_of(api, subscription):
    return api.get(f"/subscriptions/{subscription['id']}").json()["status"]


def pushed(receiver, path):
    return [d for d in receiver.on(path) if not is_question(d)]


def publish(api, numbers):
    for number in numbers:
        assert api.publish(event(number)).status == 202


def story_agrees_at_once():
    """By OPTIONS, asked with our name; every delivery carries it."""
    def answer(delivery):
        return Reply(200, headers={"WebHook-Allowed-Origin": "bud.example"}) \
            if is_question(delivery) else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data", RULE) as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"))
        assert subscription["status"]["state"] == "pending", subscription
        wait_until(lambda: status_of(api, subscription)["state"] == "active",
                   lambda: status_of(api, subscription), 20)
        publish(api, range(10))
        wait_until(lambda: len(pushed(receiver, "a")) == 10, "all arrive")
        assert {d.headers["webhook-request-origin"] for d in receiver.on("a")} == {"bud.example"}
        assert sum(map(is_question, receiver.deliveries)) == 1


def story_one_of_us_agrees():
    """POST /events is a receiver like others: asked whether it wants a sender's events, it agrees,
    also where publishing takes a key, which the events then bring along."""
    with folder() as home, Budstikke(home / "to", {"auth.mode": "keys"}) as to, \
            Budstikke(home / "from", RULE) as node:
        key = to.key("/org/a", "events:publish")["key"]
        plain = to.api().request("OPTIONS", "/events")
        assert plain.status == 200 and "webhook-allowed-origin" not in plain.headers, plain
        api = node.api()
        subscription = api.subscribe(to.url + "/events", sinkcredential={
            "credentialtype": "ACCESSTOKEN", "accesstoken": key, "accesstokentype": "Bearer",
            "accesstokenexpiresutc": "2099-01-01T00:00:00Z"})
        wait_until(lambda: status_of(api, subscription)["state"] == "active",
                   lambda: status_of(api, subscription), 20)
        publish(api, range(3))
        wait_until(lambda: to.metric("events_accepted_total") == 3, "all arrive")
        refused = to.api().request("PATCH", "/events")
        assert refused.status == 405, refused
        assert refused.headers["allow"] == "POST, OPTIONS, GET, HEAD", refused


def story_agrees_later():
    """At the address it was given; the subscription says why it waits, over a restart, too."""
    def answer(delivery):
        return Reply(405, headers={"Allow": "POST"}) if is_question(delivery) else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data", RULE) as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"))
        wait_until(lambda: "WebHook-Allowed-Origin" in status_of(api, subscription)["detail"],
                   lambda: status_of(api, subscription), 20)
        publish(api, range(10))
        callback = receiver.deliveries[0].headers["webhook-request-callback"]
        assert callback.startswith("https://bud.example/api/subscriptions/"), callback
        assert node.stop() == 0
        node.start()
        api = node.api()
        assert status_of(api, subscription)["state"] == "pending"
        path = callback.removeprefix("https://bud.example/api")
        assert api.request("POST", path[:-1] + "x").status == 404
        assert api.request("POST", path, headers={"WebHook-Allowed-Rate": "*"}).status == 200
        wait_until(lambda: len(pushed(receiver, "a")) == 10,
                   lambda: f"{status_of(api, subscription)} {node.metrics()}", 20)
        assert api.request("POST", path).status == 200
        assert status_of(api, subscription)["state"] == "active"


def story_another_sink_is_another_question():
    """What one receiver has agreed to, another has not."""
    def answer(delivery):
        agrees = delivery.path == "a"
        return Reply(200, headers={"WebHook-Allowed-Origin": "*"} if agrees else {}) \
            if is_question(delivery) else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data", RULE) as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"))
        wait_until(lambda: status_of(api, subscription)["state"] == "active", "agreed", 20)
        moved = api.request("PATCH", f"/subscriptions/{subscription['id']}",
                            {"sink": receiver.sink("b")})
        assert moved.status == 200 and moved.json()["status"]["state"] == "pending", moved
        wait_until(lambda: "WebHook-Allowed-Origin" in status_of(api, subscription)["detail"],
                   lambda: status_of(api, subscription), 20)
        publish(api, range(5))
        wait_until(lambda: node.metric("deliveries_parked_total") == 5, node.metrics)
        assert not pushed(receiver, "a") and not pushed(receiver, "b")


def story_a_rate_goes_with_its_reason():
    """One that was slowed down, as its receiver did not agree, is not for ever: when the rule is
    off by now a resume takes the bound away; and no sink is bound by what another has granted."""
    def answer(delivery):
        if not is_question(delivery):
            return None
        return Reply(200, headers={"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "1"}) \
            if delivery.path == "b" else Reply(405)

    low = {**RULE, "delivery.verify": "low_rate"}
    with folder() as home, Receiver(answer) as receiver:
        with Budstikke(home / "data", low) as node:
            api = node.api()
            slow = api.subscribe(receiver.sink("a"))
            moving = api.subscribe(receiver.sink("b"))
            wait_until(lambda: [status_of(api, one).get("rate_per_min") for one in (slow, moving)]
                       == [1, 1], lambda: status_of(api, slow), 20)
            assert status_of(api, slow)["reason"] == "not granted"
            assert node.stop() == 0
        with Budstikke(home / "data", {**RULE, "delivery.verify": "off"}) as node:
            api = node.api()
            for step in ("pause", "resume"):
                path = f"/subscriptions/{slow['id']}/{step}"
                assert api.request("POST", path, {}).status == 200
            moved = api.request("PATCH", f"/subscriptions/{moving['id']}",
                                {"sink": receiver.sink("c")})
            assert moved.json()["status"] == {"state": "active", "since":
                                              status_of(api, moving)["since"]}, moved
            assert "rate_per_min" not in status_of(api, slow), status_of(api, slow)
            publish(api, range(5))
            wait_until(lambda: len(pushed(receiver, "a")) == 5 and len(pushed(receiver, "c")) == 5,
                       lambda: f"{len(pushed(receiver, 'a'))}, {len(pushed(receiver, 'c'))}", 20)
            assert "webhook-request-origin" not in pushed(receiver, "c")[0].headers


def story_the_granted_rate_is_kept():
    """So many requests a minute as the receiver allows, by its own clock."""
    def answer(delivery):
        return Reply(200, headers={"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "120"}) \
            if is_question(delivery) else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data", RULE) as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"))
        wait_until(lambda: status_of(api, subscription).get("rate_per_min") == 120,
                   lambda: status_of(api, subscription), 20)
        publish(api, range(8))
        wait_until(lambda: len(pushed(receiver, "a")) == 8, node.metrics, 30)
        came = sorted(d.at for d in pushed(receiver, "a"))
        assert came[-1] - came[0] > 7 * 0.5 * 0.9, f"8 within {came[-1] - came[0]:.2f} s"


def story_a_key_is_of_its_sink():
    """Who was asked cannot agree for another sink, not even when that one is not asked."""
    settings = {name: value for name, value in RULE.items() if name != "delivery.verify"}
    with folder() as home, Receiver(lambda d: Reply(405) if is_question(d) else None) as receiver, \
            Budstikke(home / "data", settings) as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"), config={"verify": "cloudevents"})
        wait_until(lambda: "WebHook-Allowed-Origin" in status_of(api, subscription)["detail"],
                   lambda: status_of(api, subscription), 20)
        callback = receiver.deliveries[0].headers["webhook-request-callback"]
        moved = api.request("PATCH", f"/subscriptions/{subscription['id']}",
                            {"sink": receiver.sink("b"), "config": {"verify": "off"}})
        assert moved.status == 200, moved
        wait_until(lambda: status_of(api, subscription)["state"] == "active",
                   lambda: status_of(api, subscription), 20)
        assert api.get(callback.removeprefix("https://bud.example/api")).status == 404
        publish(api, range(2))
        wait_until(lambda: len(pushed(receiver, "b")) == 2, node.metrics, 20)
        assert "webhook-request-origin" not in pushed(receiver, "b")[0].headers
