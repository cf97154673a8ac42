"""The scenarios that this program is for, each under its own name, with real tokens: who does what,
and what they get."""
from kit import Receiver, Reply, folder, wait_until
from kit.altinn import APP, PUBLISH, SUBSCRIBE, Altinn, app_event, cloud_event

DIALOG = "urn:altinn:resource:ttd-dialog"
ESTATE = "urn:altinn:resource:dodsbo.domstoladmin.api"
CREATED = "dialogporten.dialog.created.v1"
UPDATED = "dialogporten.dialog.updated.v1"
SEEN = "dialogporten.dialog.seen.v1"
OPENED = "dialogporten.dialog.activity.dialog-opened.v1"
COMPLETED = "app.instance.process.completed"
SYSTEM = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
CUSTOMER = "urn:altinn:organization:identifier-no:314249879"
STRANGER = "urn:altinn:organization:identifier-no:991825827"


def policy(*rules, parties=()):
    return {"resources": [{"resource": "urn:altinn:resource:app_ttd_*", "owner": "/org/ttd"},
                          {"resource": DIALOG, "owner": "/org/ttd"},
                          {"resource": ESTATE, "owner": "/org/da"}],
            "rules": list(rules), "parties": list(parties)}


def own_parties(who, *parties):
    """A policy by which `who` may have what is about these parties."""
    return policy({"who": [who], "actions": ["subscribe", "read"], "own_parties": True},
                  parties=[{"who": who, "for": list(parties)}])


def dialogporten(altinn):
    """It publishes for all service owners."""
    return altinn.org("digdir", 991825827, PUBLISH, "altinn:events.publish.admin")


def dialog_event(identity, kind, party=CUSTOMER, dialog="d1", **more):
    return {"specversion": "1.0", "id": identity, "type": kind, "resource": DIALOG,
            "resourceinstance": dialog, "subject": party, "time": "2026-01-01T00:00:00Z",
            "source": f"https://dialogporten.no/api/v1/enduser/dialogs/{dialog}", **more}


def publish(client, *events):
    for event in events:
        answer = client.publish(event)
        assert answer.status == 200, answer


def came(receiver, path):
    return sorted(d.event["id"] for d in receiver.on(path)
                  if d.event["type"] != "platform.events.validatesubscription")


def wait_came(altinn, receiver, path, expected):
    wait_until(lambda: len(came(receiver, path)) >= len(expected),
               lambda: f"{came(receiver, path)} instead of {expected}", 30)
    altinn.node.wait_settled()
    assert came(receiver, path) == sorted(expected), came(receiver, path)


def story_end_user_system_new_dialogs_of_a_type():
    """An end-user system hears of each new dialog of one service for its customer, and of nothing
    else."""
    who = f"/systemuser/{SYSTEM}"
    with folder() as home, Receiver() as receiver, \
            Altinn(home, policy=own_parties(who, CUSTOMER)) as altinn:
        system = altinn.system_user(SYSTEM, "314249879", SUBSCRIBE)
        made = system.subscribe(receiver.sink("new"), resourceFilter=DIALOG, typeFilter=CREATED,
                                subjectFilter=CUSTOMER)
        assert made["consumer"] == who, made
        system.wait_validated(made)
        refused = system.call("POST", "/subscriptions", {
            "endPoint": receiver.sink("new"), "resourceFilter": DIALOG, "subjectFilter": STRANGER})
        assert refused.status == 403, refused
        publish(dialogporten(altinn), dialog_event("1", CREATED), dialog_event("2", UPDATED),
                dialog_event("3", CREATED, STRANGER), dialog_event("4", CREATED, dialog="d2"),
                {**dialog_event("5", CREATED), "resource": APP})
        wait_came(altinn, receiver, "new", ["1", "4"])
        pushed = receiver.on("new")[-1]
        assert pushed.headers["content-type"].startswith("application/json")
        assert pushed.headers["webhook-signature"].startswith("v1,")


def story_end_user_system_updates_to_a_dialog():
    """An end-user system follows one dialog: Altinn's filters know no instance, ours do. What comes
    while its receiver is down comes later."""
    who = f"/systemuser/{SYSTEM}"
    with folder() as home, Receiver() as receiver, \
            Altinn(home, policy=own_parties(who, CUSTOMER)) as altinn:
        is_down = [True]
        receiver.answer = lambda delivery: Reply(503) if is_down else None
        system = altinn.system_user(SYSTEM, "314249879", SUBSCRIBE)
        made = system.request("POST", "/subscriptions", {
            "protocol": "HTTP", "sink": receiver.sink("dialog"), "types": [UPDATED],
            "filters": [{"exact": {"resource": DIALOG, "subject": CUSTOMER,
                                   "resourceinstance": "d1"}}]})
        assert made.status == 201 and made.json()["owner"] == who, made
        publish(dialogporten(altinn), dialog_event("1", UPDATED),
                dialog_event("2", UPDATED, dialog="d2"), dialog_event("3", CREATED),
                dialog_event("4", UPDATED, STRANGER))
        wait_until(lambda: receiver.deliveries, "no attempt", 30)
        is_down.clear()
        publish(dialogporten(altinn), dialog_event("5", UPDATED))
        wait_came(altinn, receiver, "dialog", ["1", "5"])


def story_service_owner_dialog_seen_or_opened():
    """A service owner hears that its dialogs were seen or opened, whoever's they are, and reminds
    nobody who has; the same one seen twice comes once."""
    with folder() as home, Receiver() as receiver, Altinn(home, policy=policy()) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE)
        other = altinn.org("skd", 974761076, SUBSCRIBE)
        for kind in (SEEN, OPENED):
            ttd.wait_validated(ttd.subscribe(
                receiver.sink("reminders"), resourceFilter=DIALOG, typeFilter=kind))
        refused = other.call("POST", "/subscriptions", {
            "endPoint": receiver.sink("other"), "resourceFilter": DIALOG, "typeFilter": SEEN})
        assert refused.status == 403, refused
        seen = dialog_event("seen", SEEN, "urn:altinn:person:identifier-no:01014922047")
        publish(dialogporten(altinn), seen, dialog_event("opened", OPENED, STRANGER, "d2"), seen,
                dialog_event("3", CREATED), dialog_event("4", UPDATED))
        wait_came(altinn, receiver, "reminders", ["opened", "seen"])
        log = altinn.node.tail(1000)
        assert "01014922047" not in log, "a person's number is in the log"


def story_second_service_owner_starts_own_process():
    """A second service owner is granted what the first completes, starts its own process for each
    and publishes that; when the grant is taken back no more comes."""
    with folder() as home, Receiver() as receiver, \
            Altinn(home, policy=policy(), apps=("ttd/apps-test", "skd/own")) as altinn:
        ttd, skd = altinn.org("ttd", 991825827, SUBSCRIBE), altinn.org("skd", 974761076, SUBSCRIBE)
        wish = {"resourceFilter": APP, "typeFilter": COMPLETED}
        refused = skd.call("POST", "/subscriptions", {"endPoint": receiver.sink("skd"), **wish})
        assert refused.status == 403, refused
        grant = ttd.request("POST", "/grants", {"to": "/org/skd", "resource": APP,
                                                "types": [COMPLETED], "actions": ["subscribe"]})
        assert grant.status == 201, grant
        skd.wait_validated(skd.subscribe(receiver.sink("skd"), **wish))
        first, second = altinn.app("ttd/apps-test"), altinn.app("skd/own")
        own = altinn.org("skd", 974761076)
        ids = [first.call("POST", "/app", app_event(party)).json() for party in (1, 2)]
        first.call("POST", "/app", {**app_event(3), "type": "app.instance.created"})
        wait_came(altinn, receiver, "skd", ids)
        for delivery in receiver.on("skd"):
            if delivery.event["type"] == COMPLETED:
                party = delivery.event["subject"].removeprefix("/party/")
                started = second.call("POST", "/app", {
                    **app_event(party, app="skd/own"), "type": "app.instance.created"})
                assert started.status == 201, started
        found, _ = own.query("/app/skd/own", after="0")
        assert [e["subject"] for e in found] == ["/party/1", "/party/2"], found
        assert ttd.request("DELETE", "/grants/" + grant.json()["id"]).status == 200
        assert first.call("POST", "/app", app_event(4)).status == 201
        altinn.node.wait_settled()
        assert came(receiver, "skd") == sorted(ids)


def story_organisation_waits_for_process_completed_of_an_app():
    """An organisation asks from time to time what was completed in its app, and each time goes on
    where it was."""
    with folder() as home, Altinn(home, policy=policy()) as altinn:
        ttd, app = altinn.org("ttd", 991825827), altinn.app("ttd/apps-test")
        done, following = ttd.query("/app/ttd/apps-test", eventType=COMPLETED,
                                    **{"from": "2020-01-01T00:00:00Z"})
        assert (done, following) == ([], None)
        seen, expected = [], []
        for round_n in range(3):
            for party in range(4):
                app.call("POST", "/app", {**app_event(party), "type": "app.instance.created"})
                expected.append(app.call("POST", "/app", app_event(party)).json())
            page = (ttd.follow(following) if following else
                    ttd.query("/app/ttd/apps-test", eventType=COMPLETED, size=3,
                              **{"from": "2020-01-01T00:00:00Z"}))
            while page[0]:
                seen += [event["id"] for event in page[0]]
                following = page[1]
                page = ttd.follow(following)
            assert seen == expected, round_n
        refused = altinn.user(1, 2).call("GET", "/app/ttd/apps-test?after=0")
        assert refused.status == 401, refused


def story_user_or_professional_anything_new_for_a_party():
    """A person, and an accountant for a customer, ask what is new for a party that they may act
    for: by number, by organisation or by person; of others they get nothing."""
    rules = [{"who": ["/user/1337", "/user/42"], "actions": ["read"], "own_parties": True}]
    parties = [{"who": "/user/1337", "for": ["/party/50660768"]},
               {"who": "/user/42", "for": ["/party/51326198"]}]
    register = {"parties": [
        {"party": 51326198, "uuid": "1e8c8a2e-5f0d-4d5c-8c2e-000000000001",
         "organization": "314249879"},
        {"party": 50660768, "uuid": "1e8c8a2e-5f0d-4d5c-8c2e-000000000002",
         "person": "01014922047"}]}
    with folder() as home, Altinn(home, policy=policy(*rules, parties=parties),
                                  parties=register) as altinn:
        app = altinn.app("ttd/apps-test")
        ids = [app.call("POST", "/app", app_event(party)).json()
               for party in (50660768, 51326198, 50660768)]
        person, accountant = altinn.user(1337, 50660768), altinn.user(42, 7)

        def found(client, **query):
            return [event["id"] for event in client.query("/app/party", after="0", **query)[0]]
        assert found(person, party=50660768) == [ids[0], ids[2]]
        assert found(person, headers={"person": "01014922047"}) == [ids[0], ids[2]]
        assert found(person, party=51326198) == []
        assert found(accountant, unit="314249879") == [ids[1]]
        assert found(accountant, unit="314249879", source="https://ttd.apps.altinn.no/ttd/%") == [
            ids[1]]
        assert found(accountant, party=50660768) == []
        page = person.query("/app/party", after="0", size=1, headers={"person": "01014922047"})
        assert "01014922047" not in page[1], page
        assert [event["id"] for event in person.follow(page[1])[0]] == [ids[2]]
        unknown = accountant.call("GET", "/app/party?after=0&unit=974761076")
        assert unknown.status == 404, unknown
        answer = person.call("POST", "/party/", {"party": 50660768, "after": "0"})
        assert [event["id"] for event in answer.json()] == [ids[0], ids[2]], answer


def story_approved_organisation_death_estate():
    """A bank that the courts have approved hears of one kind of event about anybody, without naming
    any party; others may not, and the bank not of other kinds."""
    kind = "no.altinn.events.digitalt-dodsbo.v1.statusEndret"
    rules = [{"name": "banks", "who": ["/organisation/974760673"], "actions": ["subscribe"],
              "resources": [ESTATE], "types": [kind], "scopes": [SUBSCRIBE]}]
    with folder() as home, Receiver() as receiver, Altinn(home, policy=policy(*rules)) as altinn:
        courts = altinn.org("da", 974760673, PUBLISH)
        bank = altinn.organisation("974760673", SUBSCRIBE)
        shop = altinn.organisation("974761076", SUBSCRIBE)
        made = bank.subscribe(receiver.sink("bank"), resourceFilter=ESTATE, typeFilter=kind)
        assert made["consumer"] == "/organisation/974760673", made
        bank.wait_validated(made)
        refused = shop.call("POST", "/subscriptions", {
            "endPoint": receiver.sink("shop"), "resourceFilter": ESTATE, "typeFilter": kind})
        assert (refused.status, refused.json()) == (
            403, f"Not authorized to create a subscription for resource {ESTATE}."), refused
        people = ["01014922047", "02014922010", "03014922013"]
        publish(courts, *(cloud_event(
            f"e{n}", ESTATE, kind, subject=f"urn:altinn:person:identifier-no:{number}")
            for n, number in enumerate(people)), cloud_event("other", ESTATE, "no.other"))
        wait_came(altinn, receiver, "bank", ["e0", "e1", "e2"])
        log = altinn.node.tail(1000)
        assert not any(number in log for number in people), "a person's number is in the log"
        keys = altinn.node.redis()("KEYS", "*")
        assert not any(number.encode() in key for number in people for key in keys), keys
