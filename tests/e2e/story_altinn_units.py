"""Who gets an event of a unit: its own subscribers, and those of its main unit that asked for
sub-units, too. The sets are those of Altinn's own test data."""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

from kit import Receiver, Reply, folder, wait_until
from kit.altinn import APP, PUBLISH, SUBSCRIBE, Altinn, cloud_event

UNITS = {"parties": [
    {"party": 51326198, "uuid": "1e8c8a2e-5f0d-4d5c-8c2e-000000000001",
     "organization": "314249879"},
    {"party": 51326197, "uuid": "1e8c8a2e-5f0d-4d5c-8c2e-000000000002",
     "organization": "311443755", "main_unit": "314249879"},
    {"party": 50660768, "uuid": "1e8c8a2e-5f0d-4d5c-8c2e-000000000003",
     "person": "01014922047"}]}
NOTICE = "urn:altinn:resource:nabovarsel"
MAIN, SUB = "/party/51326198", "/party/51326197"
ORG = "urn:altinn:organization:identifier-no:"
POLICY = {"resources": [{"resource": "urn:altinn:resource:*", "owner": "/org/ttd"}],
          "rules": [{"who": ["/org/*"], "actions": ["subscribe"]}]}
AT22 = "https://ttd.apps.at22.altinn.cloud/ttd/apps-test"
AT23 = "https://ttd.apps.at23.altinn.cloud/ttd/apps-test"
DIALOGS = "https://platform.at23.altinn.cloud/dialogporten/api/v1/enduser/dialogs"


def people(altinn):
    return [altinn.org(name, number, SUBSCRIBE, PUBLISH) for name, number in
            (("nav", 889640782), ("skd", 974761076), ("ttd", 991825827), ("digdir", 991825827))]


def subscribe(receiver, client, name, **filters):
    client.wait_validated(client.subscribe(receiver.sink(name), **filters))


def rows(receiver, altinn):
    """The subscriptions of Altinn's test data, by names of their own."""
    nav, skd, ttd, digdir = people(altinn)
    subscribe(receiver, nav, "nav-sub", resourceFilter=APP, subjectFilter=SUB)
    subscribe(receiver, nav, "nav-sub-units", resourceFilter=APP, subjectFilter=SUB,
              includeSubunits=True)
    subscribe(receiver, skd, "skd-main", resourceFilter=APP, subjectFilter=MAIN)
    subscribe(receiver, skd, "skd-main-units", resourceFilter=APP, subjectFilter=MAIN,
              includeSubunits=True)
    subscribe(receiver, ttd, "ttd-all", resourceFilter=APP)
    subscribe(receiver, ttd, "ttd-at23", resourceFilter=APP, sourceFilter=AT23)
    made = ttd.request("POST", "/subscriptions", {  # no path of an app: Altinn made it otherwise
        "protocol": "HTTP", "sink": receiver.sink("ttd-platform"),
        "filters": [{"altinn": {"resource": APP, "source": DIALOGS}}]})
    assert made.status == 201, made
    for name, units in (("digdir-sub", False), ("digdir-sub-units", True)):
        subscribe(receiver, digdir, name, resourceFilter=NOTICE, subjectFilter=ORG + "311443755",
                  includeSubunits=units)
    for name, units in (("main", False), ("main-units", True)):
        subscribe(receiver, ttd, f"ttd-{name}", resourceFilter=NOTICE,
                  subjectFilter=ORG + "314249879", includeSubunits=units)
    return ttd


def who_got(receiver, identity):
    return {d.path.strip("/") for d in receiver.deliveries
            if d.event["id"] == identity and 200 <= d.status < 300}


def shown(client, event):
    """What GET /events/{id} tells a client of its subscriptions: outcome by id."""
    answer = client.request("GET", f"/events/{event['id']}?source={quote(event['source'], '')}")
    assert answer.status == 200, answer
    body = answer.json()
    return {row["subscription"]: row["outcome"] for row in body["subscriptions"]}, body


def story_shown_as_they_are_delivered():
    """An event of a sub-unit is shown to the main unit's subscriber as the dispatcher sees it: as
    one of its subscriptions', by an explanation, and by a dry run; while the register fails all
    three say that it is not known."""
    register = Register()
    register.is_down = False
    policy = {**POLICY, "rules": [{"who": ["/org/*"], "actions": ["subscribe", "read"]}]}
    settings = {"auth.register_url": register.url, "workers": 1}
    with folder() as home, Receiver() as receiver, \
            Altinn(home, settings, policy=policy) as altinn:
        _, skd, ttd, _ = people(altinn)
        subscribe(receiver, ttd, "ttd", resourceFilter=NOTICE, subjectFilter=ORG + "314249879",
                  includeSubunits=True)
        subscribe(receiver, skd, "skd", resourceFilter=NOTICE, subjectFilter=ORG + "974761076",
                  includeSubunits=True)
        ids = {client: client.request("GET", "/subscriptions").json()[0]["id"]
               for client in (ttd, skd)}
        filters = [{"altinn": {"resource": NOTICE, "unit": ORG + "314249879"}}]
        event = {**cloud_event("e1", NOTICE), "subject": ORG + "311443755"}

        def explained(client):
            answer = client.request("POST", "/explain", {
                "event": {"id": event["id"], "source": event["source"]},
                "subscription": ids[client]})
            assert answer.status == 200, answer
            return answer.json()

        def tried():
            answer = ttd.request("POST", "/explain", {"filters": filters})
            assert answer.status == 200, answer
            return answer.json()
        assert ttd.publish(event).status == 200
        wait_until(lambda: who_got(receiver, "e1") == {"ttd"}, lambda: receiver.deliveries, 20)
        altinn.node.wait_settled()
        outcomes, _ = shown(ttd, event)
        assert outcomes == {ids[ttd]: "delivered"}, outcomes
        assert shown(skd, event)[0] == {}
        assert explained(ttd)["match"]["matches"] is True
        assert explained(ttd)["main_unit"] == ORG + "314249879"
        assert explained(skd)["match"]["matches"] is False
        assert [e["id"] for e in tried()["events"]] == ["e1"], tried()
        # Another unit, and nobody to ask about it.
        register.is_down = True
        event = {**cloud_event("e2", NOTICE), "subject": ORG + "991825827"}
        assert ttd.publish(event).status == 200
        wait_until(lambda: shown(ttd, event)[0] == {ids[ttd]: "parked"},
                   lambda: shown(ttd, event), 20)
        assert shown(ttd, event)[1]["main_unit_is_unknown"] is True
        assert explained(ttd)["main_unit_is_unknown"] is True
        ran = tried()
        assert [e["id"] for e in ran["events"]] == ["e1"] and ran["main_unit_is_unknown"] == 1, ran


def is_settled_but_one(node):
    """Nothing is in hand or pending, and at most one subscription has something parked."""
    m = node.metrics()
    return m["budstikke_hand_events"] == m["budstikke_pending_events"] == 0 and \
        m["budstikke_lanes"] <= 1


def story_sets_of_units():
    """Each event of Altinn's test data reaches exactly the subscriptions that its comments say."""
    cases = {
        "party-sub": ({"source": AT22 + "/instances/51326197/x", "subject": SUB,
                       "alternativesubject": "/organisation/311443755"},
                      {"nav-sub", "nav-sub-units", "skd-main-units", "ttd-all"}),
        "party-main": ({"source": AT22 + "/instances/51326198/x", "subject": MAIN,
                        "alternativesubject": "/organisation/314249879"},
                       {"skd-main", "skd-main-units", "ttd-all"}),
        "party-sub-alone": ({"source": AT22 + "/instances/51326197/x", "subject": SUB},
                            {"nav-sub", "nav-sub-units", "ttd-all"}),
        "person": ({"source": AT23 + "/instances/50660768/x", "subject": "/party/50660768",
                    "alternativesubject": "/person/01014922047"}, {"ttd-all", "ttd-at23"}),
        "dialog": ({"source": DIALOGS + "/d1",
                    "subject": "urn:altinn:person:identifier-no:01014922047"},
                   {"ttd-all", "ttd-platform"}),
        "urn-sub": ({"resource": NOTICE, "subject": ORG + "311443755"},
                    {"digdir-sub", "digdir-sub-units", "ttd-main-units"}),
        "urn-main": ({"resource": NOTICE, "subject": ORG + "314249879"},
                     {"ttd-main", "ttd-main-units"}),
        "no-subject": ({"source": AT23 + "/instances/1/x"}, {"ttd-all", "ttd-at23"}),
        "urn-other": ({"resource": NOTICE, "subject": ORG + "974761076"}, set()),
    }
    with folder() as home, Receiver() as receiver, \
            Altinn(home, policy=POLICY, parties=UNITS) as altinn:
        # Never validated, so it never gets an event, though its filter wants many of them.
        receiver.answer = lambda d: Reply(500) if d.path == "never" else None
        ttd = rows(receiver, altinn)
        never = ttd.subscribe(receiver.sink("never"), resourceFilter=APP)
        for identity, (members, _) in cases.items():
            answer = ttd.publish({**cloud_event(identity), **members})
            assert answer.status == 200, answer
        wait_until(lambda: all(who_got(receiver, i) >= wanted for i, (_, wanted) in cases.items()),
                   lambda: {i: who_got(receiver, i) for i in cases}, 30)
        for _ in range(2):  # figures are up to a second old
            wait_until(lambda: is_settled_but_one(altinn.node), altinn.node.metrics, 30)
            time.sleep(1.1)
        types = {d.event["type"] for d in receiver.deliveries if d.path == "never"}
        assert types <= {"platform.events.validatesubscription"}, types
        assert not ttd.call("GET", f"/subscriptions/{never['id']}").json()["validated"]
        for identity, (_, wanted) in cases.items():
            assert who_got(receiver, identity) == wanted, (identity, who_got(receiver, identity))


class Register:
    """Altinn's register as far as units go; while `is_down` it fails."""

    def __init__(self):
        register = self
        self.is_down, self.asked = True, []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                register.asked.append(body["data"])
                data = [{"partyId": 51326198, "organizationIdentifier": "314249879"}]
                known = body["data"] in (ORG + "311443755", "urn:altinn:party:id:51326197")
                text = json.dumps({"data": data if known else []}).encode()
                self.send_response(500 if register.is_down else 200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/register/api"


def story_register_is_down():
    """While the register fails an event of a unit goes to those who want it by its subject, and is
    parked for those who may; when it answers, the right one gets it, and the wrong one never."""
    register = Register()
    with folder() as home, Receiver() as receiver, \
            Altinn(home, {"auth.register_url": register.url}, policy=POLICY) as altinn:
        _, skd, ttd, digdir = people(altinn)
        subscribe(receiver, digdir, "own", resourceFilter=NOTICE, subjectFilter=ORG + "311443755")
        subscribe(receiver, ttd, "right", resourceFilter=NOTICE, subjectFilter=ORG + "314249879",
                  includeSubunits=True)
        subscribe(receiver, skd, "wrong", resourceFilter=NOTICE, subjectFilter=ORG + "974761076",
                  includeSubunits=True)
        event = {**cloud_event("e1", NOTICE), "subject": ORG + "311443755"}
        assert ttd.publish(event).status == 200
        wait_until(lambda: who_got(receiver, "e1") == {"own"}, lambda: receiver.deliveries, 20)
        wait_until(lambda: altinn.node.metric("lanes") >= 1, "nothing is parked", 20)
        assert who_got(receiver, "e1") == {"own"}
        register.is_down = False
        wait_until(lambda: "right" in who_got(receiver, "e1"), lambda: altinn.node.tail(), 60)
        altinn.node.wait_settled()
        assert who_got(receiver, "e1") == {"own", "right"}
        n = len(register.asked)
        assert ttd.publish({**event, "id": "e2"}).status == 200
        wait_until(lambda: who_got(receiver, "e2") == {"own", "right"}, "e2", 20)
        assert len(register.asked) <= n + 2, "what it said is not kept"
        assert ttd.publish({**cloud_event("e3", NOTICE), "subject":
                            "urn:altinn:person:identifier-no:01014922047"}).status == 200
        altinn.node.wait_settled()
        assert not any("person" in asked for asked in register.asked), register.asked
