"""Owners apart: what one caller makes, another neither sees nor gets nor changes."""
import json

from kit import Budstikke, Receiver, Reply, folder, make_event, wait_until

SCOPES = ("events:publish", "events:subscribe", "events:read")


def apis(node):
    """Two owners, and a second key of the first."""
    names = ("/app/a", "/app/b", "/app/a")
    return [node.api(token=node.key(name, *SCOPES)["key"]) for name in names]


def story_deliveries_stay_with_their_owner():
    """Each gets its own events; the same id and source are two events for two owners."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"auth.mode": "keys"}) as node:
        a, b, again = apis(node)
        a.subscribe(receiver.sink("a"))
        b.subscribe(receiver.sink("b"))
        for n in range(20):
            assert a.publish(make_event(n)).json()["accepted"] == 1
            assert b.publish(make_event(n, kind="other.happened")).json()["accepted"] == 1
        assert again.publish(make_event(0)).json()["duplicates"] == 1
        wait_until(lambda: len(receiver.ids("a")) == 20 and len(receiver.ids("b")) == 20,
                   lambda: f"{len(receiver.ids('a'))} and {len(receiver.ids('b'))} of 20", 30)
        node.wait_settled()
        assert {d.event["type"] for d in receiver.on("a")} == {"story.happened"}
        assert {d.event["type"] for d in receiver.on("b")} == {"other.happened"}
        assert node.metric("deliveries_dead_total") == 0


def paths_of(identity):
    """Everything that names a subscription."""
    base = f"/subscriptions/{identity}"
    return [("GET", base, None), ("PUT", base, {"sink": "http://127.0.0.1:8000/"}),
            ("PATCH", base, {"name": "mine"}), ("DELETE", base, None),
            ("POST", base + "/secret", {}), ("GET", base + "/attempts", None),
            ("GET", base + "/parked", None), ("GET", base + "/dead", None),
            ("POST", base + "/replay", {"dead": True}), ("GET", base + "/replay", None),
            ("DELETE", base + "/replay", None), ("POST", base + "/pause", {}),
            ("POST", base + "/resume", {}), ("POST", base + "/test", {}),
            ("GET", base + "/stats", None),
            ("POST", base + "/dead/00-1-0000000001/replay", {})]


def story_foreign_ids_are_not_found():
    """Every route answers 404 for somebody else's subscription, as for none at all, and changes
    nothing."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"auth.mode": "keys"}) as node:
        a, b, again = apis(node)
        made = a.subscribe(receiver.sink("a"))
        before = a.get(f"/subscriptions/{made['id']}").body
        for method, path, body in paths_of(made["id"]):
            answer = b.request(method, path, body)
            nothing = b.request(method, path.replace(made["id"], "01890a5d-nothing"), body)
            assert answer.status == 404, (method, path, answer)
            assert (answer.status, answer.body) == (nothing.status, nothing.body), (method, path)
        assert a.get(f"/subscriptions/{made['id']}").body == before
        assert again.get(f"/subscriptions/{made['id']}").status == 200
        # The consent callback is open, and its key is what opens it.
        assert b.get(f"/subscriptions/{made['id']}/consent?key=x").status == 404
        assert b.get("/subscriptions").json() == []
        assert [one["id"] for one in again.get("/subscriptions").json()] == [made["id"]]
        # The same wish is the same subscription for its owner, and a new one for another.
        body = {"protocol": "HTTP", "sink": receiver.sink("a")}
        assert again.request("POST", "/subscriptions", body).status == 200
        other = b.request("POST", "/subscriptions", body)
        assert other.status == 201 and other.json()["id"] != made["id"], other


def story_events_and_endpoints_are_apart():
    """Events are found, explained and searched by their owner alone; so are endpoints."""
    with folder() as home, Receiver(lambda delivery: Reply(status=500)) as receiver, \
            Budstikke(home / "data", {"auth.mode": "keys"}) as node:
        a, b, _ = apis(node)
        mine = a.subscribe(receiver.sink("a"))
        theirs = b.subscribe(receiver.sink("b"))
        assert a.publish(make_event("e")).status == 202
        wait_until(lambda: receiver.deliveries, "no attempt", 10)
        path = "/events/e?source=/stories"
        assert a.get(path).status == 200
        answer = b.get(path)
        assert answer.status == 404, answer
        # Nor is told how many events others have.
        assert not any(c.isdigit() for c in answer.json()["detail"]), answer
        named = {"source": "/stories", "id": "e"}
        ask = {"event": named, "subscription": mine["id"]}
        assert a.request("POST", "/explain", ask).status == 200
        assert b.request("POST", "/explain", ask).status == 404
        assert b.request("POST", "/explain", {**ask, "subscription": theirs["id"]}).status == 404
        dry = {"filters": [{"exact": {"type": "story.happened"}}]}
        assert a.request("POST", "/explain", dry).json()["matched"] == 1
        assert b.request("POST", "/explain", dry).json()["matched"] == 0
        # A dry run shows what a subscription would get: of notices those that it names.
        named = {"filters": [{"prefix": {"type": "no.budstikke"}}]}
        assert a.request("POST", f"/subscriptions/{mine['id']}/pause").status == 200
        wait_until(lambda: a.request("POST", "/explain", named).json()["matched"] == 1,
                   "the notice of the pause", 10)
        assert a.request("POST", "/explain", {"filters": []}).json()["matched"] == 1
        wait_until(lambda: a.get("/endpoints").json(), "the endpoint is not listed", 20, 0.2)
        assert {row["sink"] for row in a.get("/endpoints").json()} == {receiver.sink("a")}
        assert b.get("/endpoints").json() == []


def story_many_of_others_hide_none_of_ones_own():
    """What became of an event is told for the caller's subscriptions, however many of others stand
    before them."""
    actions = ["publish", "subscribe", "read"]
    policy = {"rules": [
        {"name": "all", "who": ["/app/*"], "actions": actions, "resources": ["urn:x"]}]}
    with folder() as home, Receiver() as receiver:
        file = home / "policy.json"
        file.write_text(json.dumps(policy), encoding="utf-8")
        settings = {"auth.mode": "keys", "auth.policy_file": file}
        with Budstikke(home / "data", settings) as node:
            a, b, _ = apis(node)
            for number in range(70):
                a.subscribe(receiver.sink(f"a{number}"))
            mine = b.subscribe(receiver.sink("b"))
            assert b.publish(make_event("e", resource="urn:x")).status == 202
            wait_until(lambda: receiver.on("b"), "it is delivered", 20)

            def told(api):
                return api.get("/events/e?source=/stories").json()
            wait_until(lambda: told(b)["subscriptions"][0]["outcome"] == "delivered",
                       lambda: told(b), 20)
            assert [s["subscription"] for s in told(b)["subscriptions"]] == [mine["id"]], told(b)
            assert told(b)["more"] is False, "of the others nothing is told"
            assert len(told(a)["subscriptions"]) == 64 and told(a)["more"] is True
