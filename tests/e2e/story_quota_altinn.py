"""By Altinn's API one may have and do what one may by ours: the quotas are the owner's."""
from kit import Api, Receiver, folder
from kit.altinn import APP, PUBLISH, SUBSCRIBE, Altinn, app_event, cloud_event

GENERIC = "urn:altinn:resource:super-simple-service"
POLICY = {"resources": [{"resource": "urn:altinn:resource:app_ttd_*", "owner": "/org/ttd"},
                        {"resource": GENERIC, "owner": "/org/ttd"}]}


def used(client):
    return client.get("/quota").json()["subscriptions"]["used"]


def story_altinn_subscriptions_count():
    """Made and deleted by either API they count the same; a repeated POST counts nothing."""
    with folder() as home, Receiver() as receiver, \
            Altinn(home, {"quota.subscriptions": 2}, POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE)
        made = [ttd.subscribe(receiver.sink("a"), resourceFilter=name) for name in (APP, GENERIC)]
        assert ttd.subscribe(receiver.sink("a"), resourceFilter=APP)["id"] == made[0]["id"]
        wanted = {"endPoint": receiver.sink("b"), "resourceFilter": APP}
        answer = ttd.call("POST", "/subscriptions", wanted)
        assert answer.status == 429, answer
        problem = answer.json()
        assert (problem["quota"], problem["limit"], problem["used"]) == \
            ("subscriptions", 2, 2), problem
        assert len(ttd.subscriptions()) == used(ttd) == 2
        assert ttd.call("DELETE", f"/subscriptions/{made[0]['id']}").status == 200
        assert used(ttd) == 1
        assert ttd.call("POST", "/subscriptions", wanted).status == 201
        ours = ttd.get("/subscriptions").json()[0]
        assert ttd.request("DELETE", f"/subscriptions/{ours['id']}").status == 200
        assert used(ttd) == 1


def must_wait(answer):
    assert answer.status == 429, answer
    assert int(answer.headers["retry-after"]) >= 1, answer
    assert answer.json()["quota"] == "publish_per_s", answer


def story_altinn_publish_rate():
    """Above its rate a service owner is told when to come again, and so are its apps, whoever uses
    them: what they publish is its own. Another owner is not."""
    policy = {"resources": POLICY["resources"], "quotas": [
        {"who": "/org/ttd", "publish_per_s": 1}]}
    with folder() as home, Altinn(home, {}, policy) as altinn:
        ttd, app = altinn.org("ttd", 991825827, PUBLISH), altinn.app("ttd/apps-test")
        batch = [cloud_event(i, GENERIC) for i in range(200)]
        assert Api.publish(ttd, batch).status == 202  # and owes for the rest
        must_wait(ttd.publish(cloud_event("more", GENERIC)))
        must_wait(app.call("POST", "/app", app_event(1)))
        assert altinn.node.metric("quota_publishes_refused_total") == 2
        skd = altinn.org("skd", 974761076, PUBLISH, PUBLISH + ".admin")
        assert skd.publish(cloud_event("other", GENERIC)).status == 200


def story_altinn_refused_do_not_count():
    """What is denied, or no event, takes nothing of the rate: it is not stored."""
    policy = {"resources": POLICY["resources"], "quotas": [
        {"who": "/org/skd", "publish_per_s": 1}]}
    own = "urn:altinn:resource:own"
    policy["resources"].append({"resource": own, "owner": "/org/skd"})
    with folder() as home, Altinn(home, {}, policy) as altinn:
        skd = altinn.org("skd", 974761076, PUBLISH)
        for n in range(20):
            answer = skd.publish(cloud_event(n, GENERIC))
            assert answer.status == 403, answer
            answer = skd.publish({**cloud_event(n, own), "type": ""})
            assert answer.status == 400, answer
        assert skd.publish(cloud_event("own", own)).status == 200
        assert altinn.node.metric("quota_publishes_refused_total") == 0
