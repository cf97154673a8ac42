"""Where callers log in: each owner has quotas of its own, and a token of one instance stands in for
a login, for what its maker may show."""
import json
from urllib.parse import quote

from kit import Budstikke, Receiver, folder, make_event, wait_until

SCOPES = ("events:publish", "events:subscribe", "events:read")
INSTANCE = "50012/0f1e2d3c"
READ = f"/events?resourceinstance={quote(INSTANCE, '')}"
OLD = f"/events/api/v1/events/instanceeventsforinstance/{INSTANCE}"


def apis(node, *names):
    return [node.api(token=node.key(name, *SCOPES)["key"]) for name in names]


def subscribe(api, path):
    body = {"protocol": "HTTP", "sink": f"http://127.0.0.1/{path}", "source": "/none"}
    return api.request("POST", "/subscriptions", body).status


def story_each_owner_has_its_own():
    """What one has used up is nothing to another, and the policy gives one of them more."""
    with folder() as home:
        policy = home / "policy.json"
        policy.write_text(json.dumps({"quotas": [
            {"who": "/app/b", "subscriptions": 3, "publish_per_s": 0}]}))
        settings = {"auth.mode": "keys", "auth.policy_file": policy, "quota.subscriptions": 2,
                    "quota.publish_per_s": 5}
        with Budstikke(home / "data", settings) as node:
            a, b = apis(node, "/app/a", "/app/b")
            assert [subscribe(a, str(i)) for i in range(3)] == [201, 201, 429]
            assert [subscribe(b, str(i)) for i in range(4)] == [201, 201, 201, 429]
            batch = [make_event(i) for i in range(200)]
            assert a.publish(batch).status == 202  # and owes for the rest
            assert a.publish(make_event("more")).status == 429
            assert [b.publish(batch).status for _ in range(3)] == [202, 202, 202]
            assert a.get("/quota").json() == {
                "owner": "/app/a", "subscriptions": {"used": 2, "limit": 2},
                "parked_bytes": {"limit": None}, "publish_per_s": {"limit": 5}}
            assert b.get("/quota").json()["publish_per_s"] == {"limit": None}
            assert node.api().get("/quota").status == 401


def story_anonymous_beside_logins():
    """Without login or token nothing is read; a token opens its instance, and no other route."""
    settings = {"auth.mode": "keys", "pull.enabled": "yes"}
    with folder() as home, Budstikke(home / "data", settings) as node:
        publisher, other = apis(node, "/app/a", "/app/b")
        anonymous = node.api()
        for api, name in ((publisher, "mine"), (other, "theirs")):
            assert api.publish(make_event(name, resourceinstance=INSTANCE)).status == 202
        for path in (READ, OLD):
            assert anonymous.get(path).status == 401, path
        body = {"resourceinstance": INSTANCE}
        assert anonymous.request("POST", "/instance-tokens", body).status == 401
        for api, name in ((publisher, "mine"), (other, "theirs")):
            made = api.request("POST", "/instance-tokens", body)
            assert made.status == 201, made
            header = {"authorization": f"Bearer {made.json()['token']}"}
            answer = anonymous.request("GET", OLD, headers=header)
            assert [e["id"] for e in answer.json()] == [name], answer
            answer = anonymous.request("GET", READ, headers=header)
            assert [e["id"] for e in answer.json()["items"]] == [name], answer
            for method, path in (("GET", "/subscriptions"), ("GET", "/quota"),
                                 ("POST", "/instance-tokens")):
                sent = body if method == "POST" else None
                answer = anonymous.request(method, path, sent, header)
                assert answer.status == 401, (path, answer)
        # Who has a login reads what a login may.
        answer = publisher.get(OLD)
        assert [e["id"] for e in answer.json()] == ["mine"], answer


def dead_of(api, subscription):
    return api.get(f"/subscriptions/{subscription}/dead?size=200").json()


def parked_n(api, subscription):
    return api.get(f"/subscriptions/{subscription}/parked").json()["total"]


def story_what_others_publish_is_bounded_too():
    """What others publish for an owner that has parked as much as it may is accepted, and goes to
    the dead letters of the subscription that holds it up, with its content as long as that is
    retained; it can be replayed, and the owner's other subscriptions go on, also one that serves
    all from its lane."""
    with folder() as home, Receiver() as receiver:
        policy = home / "policy.json"
        policy.write_text(json.dumps({
            "rules": [{"who": ["/app/a"], "actions": ["subscribe", "read"]}]}))
        settings = {"auth.mode": "keys", "auth.policy_file": policy,
                    "quota.parked_bytes": 75_000}
        with Budstikke(home / "data", settings) as node:
            a, b = apis(node, "/app/a", "/app/b")
            stuck = a.subscribe(receiver.sink("stuck"))["id"]
            a.subscribe(receiver.sink("well"), types=["story.happened"], config={"ordered": True})
            assert a.request("POST", f"/subscriptions/{stuck}/pause", {}).status == 200
            # The last one is the one too many, and is not for the one that is well: whenever it
            # is measured, all of them are parked, and nothing waits for that one.
            assert b.publish([make_event(i, filler=10_000) for i in range(7)]).status == 202
            wait_until(lambda: parked_n(a, stuck) == 7, lambda: parked_n(a, stuck), 30)
            wait_until(lambda: len(receiver.on("well")) == 7, "the other one waits", 30)
            assert b.publish(make_event(7, "last", filler=10_000)).status == 202
            wait_until(lambda: node.metric("quota_full_owners") == 1, "it is never full", 60)
            wait_until(lambda: node.metric("pending_events") == 0, "not settled", 30)
            assert b.publish([make_event(i) for i in range(8, 28)]).status == 202
            wait_until(lambda: dead_of(a, stuck)["total"] == 20, lambda: dead_of(a, stuck), 30)
            rows = dead_of(a, stuck)["items"]
            assert {row["reason"] for row in rows} == {"quota"}, rows
            assert {row["event"]["id"] for row in rows} == {str(i) for i in range(8, 28)}, rows
            assert node.metric("quota_deliveries_dead_total") == 20
            with node.redis() as client:
                assert client("ZCARD", f"bud:{{s0}}:parked:{stuck}") == 8
            wait_until(lambda: len(receiver.on("well")) == 27, "the other one waits, too", 30)
            assert a.request("POST", f"/subscriptions/{stuck}/resume", {}).status == 200
            wait_until(lambda: len(receiver.on("stuck")) == 8, "what is parked does not go", 30)
            wait_until(lambda: node.metric("quota_full_owners") == 0, "it stays full", 60)
            answer = a.request("POST", f"/subscriptions/{stuck}/replay", {})
            assert answer.status in (200, 202), answer
            wait_until(lambda: len(receiver.on("stuck")) == 28, "not all is replayed", 60)
            assert dead_of(a, stuck)["total"] == 0
            node.wait_settled()
            with node.redis() as client:
                assert client("EXISTS", "bud:{s0}:kept", "bud:{s0}:refs") == 0
