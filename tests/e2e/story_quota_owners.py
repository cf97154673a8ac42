"""Where callers log in: each owner has quotas of its own, and a token of one instance stands in for
a login, for what its maker may show."""
import json
from urllib.parse import quote

from kit import Budstikke, folder, make_event

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
            assert [subscribe(a, str(i)) for i in range(3)] == [201, 201, 403]
            assert [subscribe(b, str(i)) for i in range(4)] == [201, 201, 201, 403]
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
