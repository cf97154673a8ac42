"""The Altinn Events API: what its clients and its own tests expect, with tokens of a local
issuer."""
import json
import re
import time

from kit import Receiver, Reply, folder, wait_until
from kit.altinn import APP, PUBLISH, SUBSCRIBE, Altinn, app_event, cloud_event

GENERIC = "urn:altinn:resource:super-simple-service"
POLICY = {"resources": [{"resource": "urn:altinn:resource:app_ttd_*", "owner": "/org/ttd"},
                        {"resource": GENERIC, "owner": "/org/ttd"}]}


def story_subscriptions():
    """Altinn's own list of cases, TC01 to TC08: made, listed, made again, validated, deleted; no
    other resource without the scope."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE)
        wanted = {"sourceFilter": "https://ttd.apps.altinn.no/ttd/apps-test",
                  "alternativeSubjectFilter": None, "consumer": "/org/other"}
        answer = ttd.call("POST", "/subscriptions", {"EndPoint": receiver.sink("a"), **wanted})
        assert answer.status == 201, answer
        made = answer.json()
        assert made == {
            "id": made["id"], "endPoint": receiver.sink("a"), "consumer": "/org/ttd",
            "createdBy": "/org/ttd", "created": made["created"], "validated": False,
            "includeSubunits": False, "resourceFilter": APP,
            "sourceFilter": wanted["sourceFilter"]}, made
        assert isinstance(made["id"], int) and made["id"] > 0
        assert answer.headers["location"] == f"/events/api/v1/subscriptions/{made['id']}"
        assert [s["endPoint"] for s in ttd.subscriptions()] == [receiver.sink("a")]
        again = ttd.subscribe(receiver.sink("a"), **wanted)
        assert again["id"] == made["id"]
        assert len(ttd.subscriptions()) == 1
        ttd.wait_validated(made)
        assert ttd.subscribe(receiver.sink("a"), **wanted)["validated"]
        generic = ttd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)
        assert generic["id"] != made["id"]
        scopeless = altinn.org("ttd", 991825827)
        refused = scopeless.call("POST", "/subscriptions", {
            "endPoint": receiver.sink("a"), "resourceFilter": GENERIC})
        assert refused.status == 403, refused
        assert SUBSCRIBE in refused.headers["www-authenticate"], refused
        for one in (made, generic):
            gone = ttd.call("DELETE", f"/subscriptions/{one['id']}")
            assert (gone.status, gone.body) == (200, b""), gone
            assert ttd.call("GET", f"/subscriptions/{one['id']}").status == 404
            assert ttd.call("DELETE", f"/subscriptions/{one['id']}").status == 404
        assert ttd.subscriptions() == []


def story_expired_is_made_anew():
    """A second POST of one that has expired (which our own API can bring about) makes a new one,
    which gets events."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH)
        made = ttd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)
        ttd.wait_validated(made)
        ours = ttd.get("/subscriptions").json()[0]["id"]
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        answer = ttd.request("PATCH", f"/subscriptions/{ours}", {"expires": soon}, {
            "content-type": "application/merge-patch+json"})
        assert answer.status == 200, answer
        again = [made]

        def is_new():
            again[0] = ttd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)
            return again[0]["id"] != made["id"]
        wait_until(is_new, "the expired one came back", 30)
        assert not again[0]["validated"], again
        ttd.wait_validated(again[0])
        assert [s["id"] for s in ttd.subscriptions()] == [again[0]["id"]]
        assert ttd.publish(cloud_event("e1", GENERIC)).status == 200
        wait_until(lambda: "e1" in {i for _, i in receiver.ids("a")}, "not pushed", 30)


def story_subscriptions_are_ours_too():
    """What Altinn's API made stands in /subscriptions, too, and is one there: it can be paused,
    has attempts, and goes when it is deleted on either side."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE)
        made = ttd.subscribe(receiver.sink("a"), resourceFilter=APP, subjectFilter="/party/1",
                             typeFilter="app.instance.created")
        ours = ttd.get("/subscriptions").json()
        assert [s["filters"] for s in ours] == [[{"altinn": {
            "resource": APP, "subject": "/party/1", "type": "app.instance.created"}}]], ours
        assert ours[0]["config"]["mode"] == "altinn" and ours[0]["sink"] == made["endPoint"]
        other = ttd.request("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": receiver.sink("b"),
            "filters": [{"exact": {"resource": APP}}]})
        assert other.status == 201, other
        assert [s["id"] for s in ttd.subscriptions()] == [made["id"]]
        assert ttd.request("DELETE", f"/subscriptions/{ours[0]['id']}").status == 200
        assert ttd.subscriptions() == []


def story_foreign_subscriptions():
    """Only who made one sees and deletes it: others get 403, and it stays."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        ttd, skd = altinn.org("ttd", 991825827, SUBSCRIBE), altinn.org("skd", 974761076, SUBSCRIBE)
        made = ttd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)
        for method in ("GET", "DELETE"):
            assert skd.call(method, f"/subscriptions/{made['id']}").status == 403
            for bad in ("0", "-1", "x", "99999999999999999999999", str(made["id"] + 1)):
                assert skd.call(method, f"/subscriptions/{bad}").status == 404, bad
        assert skd.subscriptions() == []
        assert ttd.call("GET", f"/subscriptions/{made['id']}").json()["id"] == made["id"]
        assert ttd.call("GET", f"/subscription/{made['id']}").status == 200


def story_refused_subscriptions():
    """Refusals are texts in JSON; who is not permitted is told for which resource."""
    cases = [({}, 400, "Missing or invalid endpoint to push events towards"),
             ({"sourceFilter": "http://altinn.no/ttd/"}, 400,
              "SourceFilter must be an absolute URL with the https scheme."),
             ({"resourceFilter": "urn:a:B"}, 400, "Resource filter must be a valid urn"),
             ({"resourceFilter": APP}, 400,
              "A valid subject to the authenticated identity is required"),
             ({}, 400, "Resource filter is required."),
             ({"resourceFilter": GENERIC, "includeSubunits": True}, 400,
              "IncludeSubunits requires a subject filter."),
             ({"resourceFilter": GENERIC}, 403,
              f"Not authorized to create a subscription for resource {GENERIC}.")]
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        user = altinn.user(1337, 50019855, SUBSCRIBE)
        for n, (body, status, text) in enumerate(cases):
            sink = {} if n == 0 else {"endPoint": receiver.sink("a")}
            answer = user.call("POST", "/subscriptions", {**sink, **body})
            assert (answer.status, answer.type) == (status, "application/json"), (body, answer)
            assert answer.json() == text, (body, answer)
        for bad in ("https://hund.no:22/", "https://u@hund.no/", "http://10.0.0.1/",
                    "https://hund_.no/", "https://hund.no/" + "a" * 3000):
            answer = altinn.org("ttd", 991825827).call(
                "POST", "/subscriptions", {"endPoint": bad, "resourceFilter": APP})
            assert answer.status == 400, (bad, answer)
            assert answer.json().startswith("endPoint"), (bad, answer)
        nobody = altinn.client()
        nobody.token = None
        for method, path in (("POST", "/subscriptions"), ("GET", "/subscriptions"),
                             ("GET", "/subscriptions/1"), ("DELETE", "/subscriptions/1")):
            body = {} if method == "POST" else None
            assert nobody.call(method, path, body).status == 401, path
        assert user.subscriptions() == []


def story_missing_scope():
    """Where a rule of the policy wants a scope that the token lacks, the 403 names it."""
    rule = {"effect": "permit", "who": ["/org/skd"], "actions": ["subscribe"],
            "resources": [GENERIC], "scopes": ["skd:events"]}
    policy = {**POLICY, "rules": [rule]}
    with folder() as home, Receiver() as receiver, Altinn(home, policy=policy) as altinn:
        body = {"endPoint": receiver.sink("a"), "resourceFilter": GENERIC}
        for org, scope in (("skd", True), ("brg", False)):
            client = altinn.org(org, 974761076, SUBSCRIBE)
            answer = client.call("POST", "/subscriptions", body)
            assert answer.status == 403, answer
            assert answer.json() == (
                f"Not authorized to create a subscription for resource {GENERIC}."), answer
            assert ("skd:events" in answer.headers.get("www-authenticate", "")) == scope, answer
        skd = altinn.org("skd", 974761076, SUBSCRIBE, "skd:events")
        skd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)


def story_validation():
    """Nothing is pushed before the endpoint has answered the validation event with 2xx; what came
    before goes then. A second POST asks again at once."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        agrees = []
        receiver.answer = lambda d: None if agrees else Reply(500)
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH)
        made = ttd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)
        wait_until(lambda: receiver.deliveries, "never asked", 30)
        asked = receiver.deliveries[0]
        assert asked.event == {
            "specversion": "1.0", "id": asked.event["id"],
            "source": f"/events/api/v1/subscriptions/{made['id']}",
            "type": "platform.events.validatesubscription"}, asked.event
        assert asked.headers["content-type"].startswith("application/json")
        assert ttd.publish(cloud_event("e1", GENERIC)).status == 200
        assert not ttd.call("GET", f"/subscriptions/{made['id']}").json()["validated"]
        agrees.append(True)
        assert ttd.subscribe(receiver.sink("a"), resourceFilter=GENERIC)["id"] == made["id"]
        ttd.wait_validated(made)
        wait_until(lambda: ("https://ttd.apps.altinn.no/x", "e1") in receiver.ids("a"),
                   "what waited never came", 30)
        pushed = receiver.deliveries[-1]
        assert pushed.headers["content-type"].startswith("application/json"), pushed.headers
        assert pushed.event == cloud_event("e1", GENERIC)


def story_slack_validates():
    """Slack takes a text and nothing else, the validation event, too; then the events come so."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        receiver.answer = lambda d: None if list(json.loads(d.body)) == ["text"] else Reply(400)
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH)
        ttd.wait_validated(ttd.subscribe(receiver.sink("hooks.slack.com"), resourceFilter=GENERIC))
        assert ttd.publish(cloud_event("e1", GENERIC)).status == 200
        wait_until(lambda: len(receiver.deliveries) == 2, "it never came", 30)
        texts = [json.loads(json.loads(d.body)["text"]) for d in receiver.deliveries]
        assert [text["type"] for text in texts] == [
            "platform.events.validatesubscription", cloud_event("e1", GENERIC)["type"]], texts


def story_publish():
    """Altinn's own list, TC01 to TC05, and what its controllers answer."""
    full = cloud_event("e1", GENERIC, subject="/party/1", time="2026-01-01T00:00:00Z",
                       alternativesubject="/org/991825827", resourceinstance="i", data={"a": 1})
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, PUBLISH)
        for event in (full, cloud_event("no-subject", GENERIC), full):
            answer = ttd.publish(event)
            assert (answer.status, answer.body) == (200, b""), (event, answer)
        nobody, other = altinn.client(), altinn.org("ttd", 991825827, SUBSCRIBE)
        nobody.token = None
        assert nobody.publish(full).status == 401
        assert other.publish(full).status == 403
        assert PUBLISH in other.publish(full).headers["www-authenticate"]
        skd = altinn.org("skd", 974761076, PUBLISH)
        assert skd.publish(cloud_event("x", GENERIC)).status == 403
        admin = altinn.org("skd", 974761076, PUBLISH, "altinn:events.publish.admin")
        assert admin.publish(cloud_event("x", GENERIC)).status == 200
        for missing in ("type", "id", "source", "specversion"):
            answer = ttd.publish({k: v for k, v in full.items() if k != missing})
            assert answer.status == 400, answer
            assert answer.json()["errors"]["RequestBody"] == [
                f"CloudEvent is missing required attributes: {missing} (Parameter 'data')"]
        for event, text in ((cloud_event("x", None), "A 'resource' property must be defined."),
                            (cloud_event("x", "urn:A:b"), "'Resource' must be a valid urn.")):
            answer = ttd.publish({k: v for k, v in event.items() if v is not None})
            assert (answer.status, answer.json()["detail"]) == (400, text), answer
        assert ttd.call("POST", "/events", "{}", content_type="application/json").status == 415
        assert ttd.call("POST", "/events", "{", content_type="application/cloudevents+json"
                        ).status == 400
        assert ttd.publish({**full, "type": "other"}).status == 409
        older = cloud_event("older", "urn:altinn:resource:altinnapp.ttd.apps-test",
                            source="https://ttd.apps.altinn.no/ttd/apps-test/instances/1/2")
        assert ttd.publish(older).status == 200


def story_app_publish():
    """An app publishes with a user's token and its own: the server makes id and time, the resource
    and its instance; for no other app, and not without both tokens."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=POLICY) as altinn:
        ttd, app = altinn.org("ttd", 991825827, SUBSCRIBE), altinn.app("ttd/apps-test")
        ttd.wait_validated(ttd.subscribe(receiver.sink("a"), resourceFilter=APP))
        answer = app.call("POST", "/app", {
            **app_event(50, alternativesubject="/org/991825827"), "id": "mine", "data": {"a": 1},
            "time": "1999-01-01T00:00:00Z"})
        assert answer.status == 201, answer
        identity = answer.json()
        assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identity), identity
        assert answer.headers["location"] == "/party/50"
        wait_until(lambda: identity in {i for _, i in receiver.ids("a")}, "not pushed", 30)
        pushed = receiver.on("a")[-1].event
        assert pushed == {
            **app_event(50), "id": identity, "time": pushed["time"], "resource": APP,
            "resourceinstance": "50/6fb3f738-6800-4f29-9f3e-1c66862656cd",
            "alternativesubject": "/org/991825827"}, pushed
        answer = app.call("POST", "/app", app_event(50, subject="/party/å b"))
        assert answer.status == 201, answer
        assert answer.headers["location"] == "/party/%C3%A5%20b", answer
        missing = "Missing parameter values: source, subject and type cannot be null"
        for name in ("source", "subject", "type", "specversion"):
            body = {k: v for k, v in app_event(50).items() if k != name}
            answer = app.call("POST", "/app", body)
            assert (answer.status, answer.json()["detail"]) == (400, missing), (name, answer)
        for other in ("ttd/apps-test-2", "ttd/other", "skd/apps-test"):
            event = app_event(50, app=other)
            answer = app.call("POST", "/app", event)
            assert answer.status == 401, answer
            assert answer.json() == ("ttd/apps-test is not authorized to create events for "
                                     + event["source"])
        for dots in ("../../skd/other", "%2e%2E/other", "./x"):
            event = app_event(50, source=f"https://ttd.apps.altinn.no/ttd/apps-test/{dots}")
            assert app.call("POST", "/app", event).status == 400, dots
        assert altinn.user(1, 2).call("POST", "/app", app_event(50)).status == 403
        nobody = altinn.client()
        nobody.token = None
        assert nobody.call("POST", "/app", app_event(50)).status == 401
