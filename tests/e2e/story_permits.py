"""Owners and what they may have of each other: by the policy, by grants, by a decision point."""
import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit import (Api, Budstikke, Issuer, PrivateRedis, Receiver, folder, issuers_settings, patience,
                 wait_until)

APP = "urn:altinn:resource:app_ttd_apps-test"
COMPLETED = "app.instance.process.completed"
SCOPES = ["events:publish", "events:subscribe", "events:read"]
ONLY_APP = [{"exact": {"resource": APP}}]
POLICY = {
    "resources": [{"resource": "urn:altinn:resource:app_ttd_*", "owner": "/org/ttd"}],
    "rules": [
        {"name": "taxes", "who": ["/org/skd"], "actions": ["subscribe", "read"],
         "resources": [APP], "types": [COMPLETED]},
        {"name": "own parties", "who": ["/systemuser/*"], "actions": ["subscribe", "read"],
         "resources": [APP], "own_parties": True},
    ],
    "parties": [{"who": "/systemuser/1", "for": ["/party/1", "/party/2"]}],
}


class Caller(Api):
    """An API client with a key of its own."""

    def __init__(self, node, name):
        super().__init__(node.url, patience(10))
        answer = Api(node.admin, patience(10)).request(
            "POST", "/api-keys", {"name": name, "scopes": SCOPES})
        assert answer.status == 201, answer
        self.key = answer.json()["key"]

    def request(self, method, path, body=None, headers=None):
        return super().request(method, path, body,
                               {**(headers or {}), "authorization": f"Bearer {self.key}"})


def event(number, **members):
    return {"specversion": "1.0", "type": COMPLETED, "source": "/app", "id": f"e{number}",
            "resource": APP, "subject": "/party/1", **members}


def settings(home, policy=None, **more):
    found = {"auth.mode": "keys", **more}
    if policy is not None:
        file = home / "policy.json"
        file.write_text(json.dumps(policy))
        found["auth.policy_file"] = file
    return found


def publish(caller, *events):
    for one in events:
        answer = caller.publish(one)
        assert answer.status == 202, answer


def came(receiver, path):
    return sorted(i for _, i in receiver.ids(path))


def story_policy_decides():
    """Only the owner publishes to its resource; each subscriber gets what the policy permits it, an
    end-user system only its own parties' events; explain and the refusals name the rule."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", settings(home, POLICY)) as node:
        ttd, skd, system, other = [Caller(node, name) for name in
                                   ("/org/ttd", "/org/skd", "/systemuser/1", "/org/other")]
        for name, caller in (("ttd", ttd), ("skd", skd), ("system", system)):
            caller.made = caller.subscribe(receiver.sink(name), filters=ONLY_APP)
        refused = other.request("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": receiver.sink("other"), "filters": ONLY_APP})
        assert refused.status == 403, refused
        assert "/org/other may not subscribe events of " + APP in refused.json()["detail"], refused
        refused = other.publish(event(0))
        assert refused.status == 403 and "no rule" in refused.json()["detail"], refused
        # What is its own it may publish and have, and nobody else sees it.
        other.subscribe(receiver.sink("other"), name="all that is permitted")
        publish(other, {"specversion": "1.0", "type": "x", "source": "/other", "id": "own"})
        publish(ttd, event(1), event(2, subject="/party/3"), event(3, type="app.other"),
                event(4, type="app.other", subject="/party/2"))
        node.wait_settled()
        assert came(receiver, "ttd") == ["e1", "e2", "e3", "e4"], came(receiver, "ttd")
        assert came(receiver, "skd") == ["e1", "e2"], came(receiver, "skd")
        assert came(receiver, "system") == ["e1", "e3", "e4"], came(receiver, "system")
        assert came(receiver, "other") == ["own"], came(receiver, "other")
        told = ttd.request("POST", "/explain", {"subscription": ttd.made["id"],
                                                "event": {"source": "/app", "id": "e1"}}).json()
        assert told["authorization"] == "permit", told
        told = skd.request("POST", "/explain", {
            "subscription": skd.made["id"], "publisher": "/org/ttd",
            "event": event(9, type="app.other")}).json()
        assert (told["authorization"], told["authorization_rule"]) == \
            ("deny", "no rule and no grant permits it"), told
        told = skd.request("POST", "/explain", {
            "subscription": skd.made["id"], "publisher": "/org/ttd", "event": event(9)}).json()
        assert told["authorization_rule"] == "rule: taxes", told
        unseen = skd.request("POST", "/explain", {"subscription": skd.made["id"],
                                                  "event": {"source": "/app", "id": "e3"}})
        assert unseen.status == 404, unseen
        # A policy that is read again reaches the next event.
        (home / "policy.json").write_text(json.dumps({**POLICY, "rules": []}))
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the policy is in force" in node.tail(), "it is read again", 10)
        publish(ttd, event(5))
        node.wait_settled()
        assert "e5" in came(receiver, "ttd") and "e5" not in came(receiver, "skd")


def story_grant():
    """A grant is in force on every node for the next event, and gone with the next after it is
    taken back; it ends on its date; only the owner gives one."""
    with folder() as home, PrivateRedis(home / "redis") as redis, Receiver() as receiver:
        more = {"redis.url": redis.url, "workers": 2}
        with Budstikke(home / "a", settings(home, POLICY, **more)) as a, \
                Budstikke(home / "b", settings(home, POLICY, **more)) as b:
            ttd, bank = Caller(a, "/org/ttd"), Caller(b, "/organisation/974760673")
            refused = bank.request("POST", "/grants", {"to": "/org/x", "resource": APP})
            assert refused.status == 403, refused
            bank.subscribe(receiver.sink("bank"), types=[COMPLETED])
            expected = []
            for i in range(8):
                made = ttd.request("POST", "/grants", {
                    "to": "/organisation/974760673", "resource": APP,
                    "actions": ["subscribe"], "types": [COMPLETED]})
                assert made.status == 201, made
                publish(ttd, *[event(f"{i}-{k}") for k in range(5)],
                        event(f"{i}-other", type="app.other"))
                expected += [f"e{i}-{k}" for k in range(5)]
                wait_until(lambda n=len(expected): len(came(receiver, "bank")) >= n,
                           "they come", 20)
                gone = ttd.request("DELETE", "/grants/" + made.json()["id"])
                assert gone.status == 200, gone
                publish(ttd, *[event(f"{i}-after-{k}") for k in range(5)])
                # Before the next grant, which would be good for what is not matched yet.
                wait_until(lambda n=5 * (i + 1): n == sum(
                    node.metric("deliveries_denied_total") for node in (a, b)),
                    "what came after is not refused", 20)
            until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
            made = ttd.request("POST", "/grants", {
                "to": "/organisation/974760673", "resource": APP, "until": until})
            assert made.status == 201, made
            publish(ttd, event("dated"))
            expected.append("edated")
            wait_until(lambda: "edated" in came(receiver, "bank"), "it comes in time", 20)
            time.sleep(4)
            publish(ttd, event("too-late"))
            a.wait_settled()
            assert came(receiver, "bank") == sorted(expected), came(receiver, "bank")


class DecisionPoint:
    """XACML over HTTP: permits whom it is told to; or fails."""

    def __init__(self):
        self.permitted, self.mode, self.calls, self.questions = set(), "answer", 0, 0
        point = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                point.calls += 1
                point.key = self.headers["x-key"]
                body = point.decide(asked["Request"])
                self.send_response(500 if point.mode == "fail" else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/authorize"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def decide(self, request):
        def values(category):
            return {entry["Id"]: {a["AttributeId"]: a["Value"] for a in entry["Attribute"]}
                    for entry in request[category]}
        who, what, on = values("AccessSubject"), values("Action"), values("Resource")
        decisions = []
        for reference in request["MultiRequests"]["RequestReference"]:
            s, a, r = reference["ReferenceId"]
            key = (next(iter(who[s].values())), next(iter(what[a].values())),
                   on[r].get("urn:altinn:partyid"))
            decisions.append("Permit" if key in self.permitted else "NotApplicable")
        self.questions += len(decisions)
        if self.mode == "short":
            decisions.pop()
        return json.dumps({"Response": [{"Decision": d} for d in decisions]}).encode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def requests_refused(node):
    m = node.metrics()
    return m["budstikke_requests_invalid_total"], m["budstikke_requests_unavailable_total"]


def story_decision_point():
    """What the policy does not say the decision point does: per party, kept for a while; while it
    fails or lies events wait, and nothing is lost."""
    with folder() as home, Receiver() as receiver, DecisionPoint() as point, \
            Budstikke(home / "data", settings(
                home, {}, workers=1, **{"auth.decision_url": point.url,
                                        "auth.decision_header": "X-Key: k1",
                                        "auth.decision_kept_s": 2})) as node:
        point.permitted = {("ttd", "publish", p) for p in ("1", "2")} | \
            {("skd", "read", None), ("skd", "read", "1")}
        ttd, skd, other = [Caller(node, n) for n in ("/org/ttd", "/org/skd", "/org/other")]
        skd.subscribe(receiver.sink("skd"), filters=ONLY_APP)
        refused = other.request("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": receiver.sink("other"), "filters": ONLY_APP})
        assert refused.status == 403 and "the decision point" in refused.json()["detail"], refused
        assert other.publish(event(0)).status == 403
        assert point.key == "k1"
        publish(ttd, event(1), event(2, subject="/party/2"))
        wait_until(lambda: came(receiver, "skd") == ["e1"], "the permitted one comes", 20)
        node.wait_settled()
        assert came(receiver, "skd") == ["e1"], came(receiver, "skd")
        assert skd.get("/events/e1?source=/app").status == 200
        assert skd.get("/events/e2?source=/app").status == 404
        point.permitted.add(("skd", "read", "2"))
        wait_until(lambda: skd.get("/events/e2?source=/app").status == 200,
                   "a refusal is kept for longer than it may be", 20)
        for mode in ("fail", "short"):
            wait_until(lambda: ttd.publish(event("own-" + mode)).status == 202, "accepted", 20)
            time.sleep(2.5)  # until nothing is known of anybody any more
            calls = point.calls
            publish(ttd, event(mode + "-0"))
            point.mode = mode
            time.sleep(2.5)
            invalid, away = requests_refused(node)
            refused = ttd.publish(event(mode + "-refused"))
            assert refused.status == 503 and refused.headers["retry-after"], refused
            assert requests_refused(node) == (invalid, away + 1)
            assert point.calls > calls
            assert node.metric("decision_failures_total") > 0
            point.mode = "answer"
            wait_until(lambda m=mode: f"e{m}-0" in came(receiver, "skd"), "it comes later", 60)
        said = [line for line in node.tail(400).splitlines() if "decides nothing" in line]
        assert 1 <= len(said) <= 4, said
        node.wait_settled()
        assert not [i for i in came(receiver, "skd") if "refused" in i]


def story_batches_asked_about():
    """What waits for a batch and has to be asked about goes, though its lane takes more turns than
    decisions are kept."""
    with folder() as home, Receiver() as receiver, DecisionPoint() as point, \
            Budstikke(home / "data", settings(home, {}, workers=1, **{
                "auth.decision_url": point.url, "auth.decision_kept_s": 1})) as node:
        point.permitted = {("ttd", "publish", str(n)) for n in range(12)} | \
            {("skd", "read", str(n)) for n in range(12)} | {("skd", "read", None)}
        ttd, skd = Caller(node, "/org/ttd"), Caller(node, "/org/skd")
        made = skd.subscribe(receiver.sink("skd"), filters=ONLY_APP, config={
            "mode": "batch", "batch": {"max_events": 1, "max_wait_ms": 0}})
        assert skd.request("POST", f"/subscriptions/{made['id']}/pause").status == 200
        publish(ttd, *[event(n, subject=f"/party/{n}") for n in range(12)])
        wait_until(lambda: skd.get(f"/subscriptions/{made['id']}/stats").json()["parked"] == 12,
                   "they are parked", 20)
        time.sleep(2)  # until nothing is known of anybody any more
        assert skd.request("POST", f"/subscriptions/{made['id']}/resume").status == 200
        wait_until(lambda: len(receiver.deliveries) == 12, "they wait for each other", 20)


def story_wrong_and_asked_about():
    """What is wrong with an event is said, in both APIs, also when the decision point has to be
    asked about it first; and the server goes on."""
    with folder() as home, DecisionPoint() as point, \
            Budstikke(home / "data", settings(home, {}, workers=1, **{
                "auth.decision_url": point.url})) as node:
        point.permitted = {("ttd", "publish", str(n)) for n in range(40)}
        ttd = Caller(node, "/org/ttd")
        headers = {"content-type": "application/cloudevents+json", "webhook-hops": "1"}
        for n in range(20):
            path = "/events" if n % 2 else "/events/api/v1/events"
            wrong = json.dumps(event(n, subject=f"/party/{n}", webhookhops="0"))
            wrong = wrong.replace('"webhookhops": "0"', '"webhookhops": "\\u0030"')
            refused = ttd.request("POST", path, wrong, headers)
            assert refused.status == 400 and "webhookhops" in refused.json()["detail"], refused
            answer = ttd.request("POST", path, event(n, subject=f"/party/{20 + n}"), headers)
            assert answer.status == (202 if n % 2 else 200), answer
        assert point.questions == 40, point.questions


def story_grant_then_read():
    """What a grant lets somebody read is there for the first question after it, on every node, and
    is not passed over by a cursor."""
    with folder() as home, PrivateRedis(home / "redis") as redis:
        more = {"redis.url": redis.url, "pull.enabled": "yes"}
        with Budstikke(home / "a", settings(home, POLICY, **more)) as a, \
                Budstikke(home / "b", settings(home, POLICY, **more)) as b:
            ttd = Caller(a, "/org/ttd")
            publish(ttd, event(1), event(2))
            for n in range(40):
                for node, name in ((a, f"/org/a{n}"), (b, f"/org/b{n}")):
                    reader = Caller(node, name)
                    path = f"/events?resource={APP}"
                    wait_until(lambda r=reader, p=path: r.get(p).status == 200, "no key", 10)
                    made = ttd.request("POST", "/grants", {"to": name, "resource": APP})
                    assert made.status == 201, made
                    page = reader.get(path).json()
                    assert [e["id"] for e in page["items"]] == ["e1", "e2"], (n, name, page)


def story_grant_to_a_person():
    """Who is let in by the number is the person with that number; the number itself is kept
    nowhere and told to nobody."""
    pid = "13861498942"
    with folder() as home, Issuer() as issuer, \
            Budstikke(home / "data", {**settings(home, POLICY, **{"pull.enabled": "yes"}),
                                      **issuers_settings(home, issuer.entry())}) as node:
        def caller(**claims):
            return node.api(token=issuer.token(scope=" ".join(SCOPES), **claims))
        ttd, person = caller(**{"urn:altinn:org": "ttd"}), caller(pid=pid)
        other = caller(pid="03821239949")
        wait_until(lambda: ttd.publish(event(1)).status == 202, "not published", 20)
        path = "/events?resource=" + APP

        def read(who):
            return [e["id"] for e in who.get(path).json()["items"]]
        assert read(person) == []
        grant = {"to": "/person/" + pid, "resource": APP}
        made = ttd.request("POST", "/grants", grant)
        assert made.status == 201 and pid not in str(made), made
        assert ttd.request("POST", "/grants", grant).json() == made.json()
        wait_until(lambda: read(person) == ["e1"], "it is not let in", 20)
        assert read(other) == []
        mine = person.request("POST", "/grants", {"to": "/person/" + pid})
        assert mine.status == 400 and mine.json()["member"] == "to", mine
        assert person.get("/grants").json() == [made.json()]
        wrong = ttd.request("POST", "/grants", {**grant, "to": "/person/" + pid[:-1] + "3"})
        assert wrong.status == 400 and wrong.json()["member"] == "to", wrong
        assert pid[:-1] not in str(wrong), wrong
        with node.redis() as redis:
            stored = str(redis("HGETALL", "bud:{s0}:subs:records"))
        assert pid not in stored + node.tail(1000) and "/person/" in stored, stored
