"""The Altinn Events API, read: what its clients and its own tests expect of GET /events,
/app/{org}/{app} and /app/party."""
import threading

from kit import folder, wait_until
from kit.altinn import APP, PUBLISH, SUBSCRIBE, Altinn, cloud_event

FROM = "2020-01-01T00:00:00Z"
ORG = "/app/ttd/apps-test"
NO_TIME = "The 'From' or 'After' parameter must be defined."
ZONE = "The '{}' parameter must specify timezone. E.g. 2022-07-07T11:00:53.3917Z for UTC"
NO_SIZE = "The 'Size' parameter must be a number larger that 0."
NO_SUBJECT = ("Subject must be specified using either query params party or unit or header value "
              "person.")
PERSON = "01014922047"
GENERIC = "urn:altinn:resource:dodsbo"
POLICY = {
    "resources": [{"resource": "urn:altinn:resource:app_ttd_*", "owner": "/org/ttd"},
                  {"resource": "urn:altinn:resource:dodsbo", "owner": "/org/brg"}],
    "rules": [{"effect": "permit", "who": ["/user/1337"], "actions": ["read", "subscribe"],
               "own_parties": True}],
    "parties": [{"who": "/user/1337", "for": ["/party/1", "/party/2"]}],
}


def publish(client, *events):
    for event in events:
        answer = client.publish(event)
        assert answer.status == 200, answer


def ids(events):
    return [event["id"] for event in events]


def follow_all(client, page, **headers):
    """The ids of all pages from this one on, and how many pages."""
    events, following = page
    found, n = ids(events), 1
    while following and n < 200:
        events, following = client.follow(following, **headers)
        found += ids(events)
        n += 1
    return found, n


def story_events():
    """Altinn's own list, TC01 and TC02, and filters: types with wildcards in the case they are
    in, subject, alternative subject in a header and as a subject from then on."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH)
        publish(ttd, *(cloud_event(
            f"e{i}", kind=f"app.kind.{i % 3}", subject=f"/party/{i % 2}",
            alternativesubject=f"/person/{i % 2}", time=f"2026-01-{i + 1:02d}T00:00:00Z")
            for i in range(20)))
        everything = [f"e{i}" for i in range(20)]
        events, following = ttd.query("/events", resource=APP, after="0", size=10)
        assert ids(events) == everything[:10], events
        assert events[0] == cloud_event("e0", kind="app.kind.0", subject="/party/0",
                                        alternativesubject="/person/0", time="2026-01-01T00:00:00Z")
        assert follow_all(ttd, (events, following))[0] == everything
        assert ids(ttd.follow(ttd.query("/events", resource=APP, after="0", size=1)[1])[0]) == [
            "e1"]
        answer = ttd.call("GET", f"/events?resource={APP}&after=0")
        assert answer.type == "application/cloudevents+json", answer
        assert ids(ttd.query("/events", resource=APP, after="e16")[0]) == everything[17:]
        assert ids(ttd.query("/events", resource=APP, after="unknown")[0]) == everything
        assert ttd.query("/events", resource=APP, after="e19") == ([], None)
        even = everything[::2]
        assert ids(ttd.query("/events", resource=APP, after="0", subject="/party/0")[0]) == even
        page = ttd.query("/events", resource=APP, after="0", size=4, type=["app.%.0", "app.kind.1"],
                         headers={"Altinn_AlternativeSubject": "/person/0"})
        assert "person" not in page[1] and "subject=/party/0" in page[1], page
        found, _ = follow_all(ttd, page)
        assert found == [f"e{i}" for i in range(20) if i % 2 == 0 and i % 3 != 2], found
        assert ttd.query("/events", resource=APP, after="0", type="APP.%")[0] == []
        for size, n in (("0", 20), ("-1", 20), ("x", 20), ("5000", 20), ("3", 3)):
            assert len(ttd.query("/events", resource=APP, after="0", size=size)[0]) == n, size


def story_pages_by_id():
    """Who pages by the id of the last event goes on behind it, of several with one id behind the
    oldest. Above 10 000 events an id that may be older is refused, never sent back to the
    beginning; a cursor of another query is refused, too."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH)
        publish(ttd, *(cloud_event(name, source=f"https://ttd.apps.altinn.no/{n}")
                       for n, name in enumerate(("same", "between", "same", "last"))))
        assert ids(ttd.query("/events", resource=APP, after="same")[0]) == [
            "between", "same", "last"]
        for first in range(0, 10100, 505):
            batch = [cloud_event(f"e{i}", subject="/party/1") for i in range(first, first + 505)]
            answer = ttd.request("POST", "/events", batch, {
                "content-type": "application/cloudevents-batch+json"})
            assert answer.status == 202, answer
        for after in ("same", "e1", "unknown"):
            answer = ttd.call("GET", f"/events?resource={APP}&after={after}")
            assert answer.status == 400, (after, answer)
            assert "newest 10000" in answer.json()["detail"], answer
        for after, first in (("0", "same"), ("1", "same"), ("e5000", "e5001")):
            assert ids(ttd.query("/events", resource=APP, after=after, size=1)[0]) == [first]
        following = ttd.query("/events", resource=APP, after="0", size=1)[1]
        cursor = following.split("after=")[1].split("&")[0]
        for query in (f"resource={APP}&subject=/party/1", f"resource={GENERIC}"):
            for after in (cursor, cursor + ".AAAAAAAAAAAAAAAAAAAAAA"):
                answer = ttd.call("GET", f"/events?{query}&after={after}")
                assert answer.status == 400 and "cursor" in answer.json()["detail"], answer


def story_refused_events():
    """GET /events says what is wrong in Altinn's order; who lacks the scope gets 403."""
    cases = [("", {}, "The resource field is required."),
             ("resource=ttd&after=0", {},
              "The 'resource' parameter must begin with `urn:altinn:resource:`"),
             (f"resource={APP}", {}, "The 'after' parameter must be defined."),
             (f"resource={APP}&after=0&subject=/party/1",
              {"Altinn_AlternativeSubject": "/person/1"},
              "Only one of 'subject' or 'alternativeSubject' can be defined.")]
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd, scopeless = altinn.org("ttd", 991825827, SUBSCRIBE), altinn.org("ttd", 991825827)
        for query, headers, text in cases:
            answer = ttd.call("GET", "/events?" + query, **headers)
            assert (answer.status, answer.type) == (400, "application/problem+json"), answer
            assert answer.json()["detail"] == text, answer
        assert scopeless.call("GET", f"/events?resource={APP}&after=0").status == 403
        scopeless.token = None
        assert scopeless.call("GET", f"/events?resource={APP}&after=0").status == 401


def story_app_queries():
    """An org reads events of its apps, by party, time and type, and follows `next`; the older
    spelling of the type's name is taken, too."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd = altinn.org("ttd", 991825827, PUBLISH)
        publish(ttd, *(cloud_event(
            f"e{i}", kind="app.instance.created" if i % 2 else "app.instance.process.completed",
            subject=f"/party/{i % 3}", time=f"2026-01-{i + 1:02d}T12:00:00Z") for i in range(20)))
        publish(ttd, cloud_event("other", "urn:altinn:resource:app_ttd_other", subject="/party/1"))
        everything = [f"e{i}" for i in range(20)]
        assert ids(ttd.query(ORG, after="1")[0]) == everything
        page = ttd.query(ORG, size=3, party=1, **{"from": FROM})
        assert "party=1" in page[1] and "from=" in page[1], page
        assert follow_all(ttd, page)[0] == everything[1::3]
        assert ids(ttd.query(ORG, to="2026-01-05T12:00:00Z",
                             **{"from": "2026-01-03T12:00:00Z"})[0]) == ["e2", "e3", "e4"]
        assert ids(ttd.query(ORG, to="2026-01-05T11:59:59Z",
                             **{"from": "2026-01-03T13:00:01+01:00"})[0]) == ["e3"]
        for name in ("type", "eventType"):
            found, _ = ttd.query(ORG, after="0", **{name: "app.INSTANCE.process.%"})
            assert ids(found) == everything[::2], name
        # A wildcard that is not encoded, before what is no escape and at the end.
        for kind in ("app.instance.pro%.completed", "%.process.%", "%.%mpleted", "%.completed%"):
            answer = ttd.call("GET", f"{ORG}?after=0&type={kind}&size=4")
            assert answer.status == 200 and ids(answer.json()) == everything[:8:2], answer
            assert ids(ttd.follow(answer.headers["next"])[0]) == everything[8:16:2], answer
        assert ids(ttd.query(ORG, after="0", size=100000)[0]) == everything
        assert ttd.query("/app/ttd/none", after="0") == ([], None)


def story_refused_app_queries():
    """The queries of apps and parties say what is wrong in Altinn's order; only orgs ask by app."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd, user = altinn.org("ttd", 991825827), altinn.user(1337, 1)
        person = {"person": "01014922047"}
        both = [
            ("", {}, NO_TIME), ("size=0&party=1&unit=1", person, NO_TIME),
            ("from=2022-07-07", {}, ZONE.format("From")),
            ("from=2022-07-07T11:00:53&to=2022-07-07T11:00:53", {}, ZONE.format("From")),
            (f"from={FROM}&to=2022-07-07T11:00:53&size=0", {}, ZONE.format("To")),
            (f"from={FROM}&size=0&party=1", person, NO_SIZE), ("after=1&size=-5", {}, NO_SIZE),
            ("after=1&party=1&unit=1", person, "Only one of 'Party' or 'Person' can be defined."),
            ("after=1&party=1&unit=1", {}, "Only one of 'Party' or 'Unit' can be defined."),
            ("after=1&unit=1234", {}, "Value of 'Unit' needs to be exactly 9 digits."),
            ("after=1&unit=12345678x", {}, "Value of 'Unit' needs to be exactly 9 digits."),
            ("from=2022-07-07T11:00", {}, ZONE.format("From")),
            *((f"from={FROM}&to={bad}", {}, f"The value '{bad}' is not valid for To.")
              for bad in ("yesterday", "2022-13-07", "2022-07-07T25:00:00", "2022-07-07T11:00:53x",
                          "2022-02-30T11:00:53Z", "20220707", "2022-07-07T11:00:53Z-01:00")),
            ("from=yesterday", {}, "The value 'yesterday' is not valid for From."),
        ]
        cases = [(ttd, ORG, *case) for case in both]
        cases += [(user, "/app/party", *case) for case in both]
        cases += [(user, "/app/party", "after=1", {}, NO_SUBJECT),
                  (user, "/app/party", f"from={FROM}", {}, NO_SUBJECT)]
        for client, path, query, headers, text in cases:
            answer = client.call("GET", f"{path}?{query}", **headers)
            assert answer.status == 400, (path, query, answer)
            assert answer.json()["detail"] == text, (path, query, answer)
        refused = user.call("GET", f"{ORG}?after=1")
        assert (refused.status, refused.json()) == (401, "Only orgs can call this api"), refused
        user.token = None
        for path in (ORG, "/app/party"):
            assert user.call("GET", f"{path}?after=1&party=1").status == 401


def story_party_queries():
    """Anybody reads what is about a party it may act for, by GET and by the older POST, with
    sources by wildcard; of others nothing."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd, user = altinn.org("ttd", 991825827, PUBLISH), altinn.user(1337, 1)
        publish(ttd, *(cloud_event(f"e{i}", subject=f"/party/{i % 3}",
                                   source=f"https://ttd.apps.altinn.no/ttd/app-{i % 2}")
                       for i in range(12)))
        assert ids(user.query("/app/party", after="0", party=1)[0]) == ["e1", "e4", "e7", "e10"]
        assert user.query("/app/party", after="0", party=0) == ([], None)
        page = user.query("/app/party", after="0", party="01", size=3)
        assert follow_all(user, page)[0] == ["e1", "e4", "e7", "e10"], page
        found, _ = user.query("/app/party", after="0", party=2, source="%/TTD/app-0")
        assert ids(found) == ["e2", "e8"]
        for path in ("/party", "/party/", "/app/party"):
            answer = user.call("POST", path, {"party": 1, "from": FROM, "size": 2,
                                              "type": ["app.instance.%"]})
            assert answer.status == 200 and ids(answer.json()) == ["e1", "e4"], answer
            assert ids(user.follow(answer.headers["next"])[0]) == ["e7", "e10"], answer
            assert user.call("POST", path, {"party": 1}).json()["detail"] == NO_TIME
        answer = user.call("POST", "/party", {"Party": "1", "FROM": FROM, "Size": 2, "To": None,
                                              "TYPE": "app.instance.%", "unknown": {}})
        assert answer.status == 200 and ids(answer.json()) == ["e1", "e4"], answer
        for name, value in (("size", 2.5), ("size", True), ("party", []), ("from", {}),
                            ("type", 1), ("eventType", ["a", 1]), ("source", [["a"]]),
                            ("person", 1), ("unit", False), ("after", 1.0)):
            answer = user.call("POST", "/party", {"party": 1, "from": FROM, name: value})
            assert answer.status == 400, (name, value, answer)
            assert answer.json()["detail"].startswith(f"{name} must be"), (name, value, answer)


def story_denied_pages_advance():
    """Where all of a page may not be read a next one is named all the same, and what may be read
    behind it is found (Altinn's reader stays there for ever)."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        ttd, user = altinn.org("ttd", 991825827, PUBLISH), altinn.user(1337, 1, SUBSCRIBE)
        publish(ttd, *(cloud_event(f"no{i}", subject="/party/9") for i in range(2100)))
        publish(ttd, cloud_event("yes", subject="/party/1"))
        page = user.query("/events", resource=APP, after="0", size=5)
        found, pages = follow_all(user, page)
        assert found == ["yes"], found
        assert page[0] != [] or page[1], page
        assert pages < 10, pages


def story_next_by_headers():
    """A client that asks by a header goes on with `next`, whether it sends the header again or
    not: a person stays one, and an alternative subject is the same through pages of which nothing
    may be read, and where no event has a subject, or one that is no matter for a URL."""
    parties = {"parties": [{"party": 2, "person": PERSON}]}
    with folder() as home, Altinn(home, policy=POLICY, parties=parties) as altinn:
        ttd = altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH)
        user = altinn.user(1337, 1, SUBSCRIBE)
        publish(ttd, *(cloud_event(f"p{i}", subject="/party/2") for i in range(5)))
        page = user.query("/app/party", after="0", size=2, headers={"person": PERSON})
        for again in ({}, {"person": PERSON}):
            assert follow_all(user, page, **again)[0] == [f"p{i}" for i in range(5)], again
        # Without what `next` says a party and a person are one too many.
        answer = user.call("GET", "/app/party?after=0&party=2", person=PERSON)
        assert answer.status == 400, answer
        publish(ttd, *(cloud_event(f"o{i}", alternativesubject="/organisation/1")
                       for i in range(5)))
        publish(ttd, *(cloud_event(f"no{i}", subject="/party/9", alternativesubject="/person/1")
                       for i in range(2100)))
        publish(ttd, cloud_event("yes", subject="/party/1", alternativesubject="/person/1"),
                cloud_event("last", subject="/party/1", alternativesubject="/person/1"))
        number = "urn:altinn:person:identifier-no:" + PERSON
        publish(ttd, *(cloud_event(f"n{i}", subject=number, alternativesubject="/person/3")
                       for i in range(3)))
        for client, subject, wanted in ((ttd, "/organisation/1", [f"o{i}" for i in range(5)]),
                                        (ttd, "/person/3", ["n0", "n1", "n2"]),
                                        (user, "/person/1", ["yes", "last"])):
            page = client.query("/events", resource=APP, after="0", size=1,
                                headers={"Altinn_AlternativeSubject": subject})
            assert page[1] and subject not in page[1] and PERSON not in page[1], page
            assert follow_all(client, page)[0] == wanted, subject
        page = ttd.query("/events", resource=APP, after="0", size=1,
                         headers={"Altinn_AlternativeSubject": "/organisation/1"})
        assert follow_all(ttd, page, **{"Altinn-AlternativeSubject": "/organisation/1"})[0] == [
            f"o{i}" for i in range(5)]


def story_next_is_complete():
    """Whoever follows `next` while others publish gets every event once, in one order for all."""
    with folder() as home, Altinn(home, policy=POLICY) as altinn:
        clients = [altinn.org("ttd", 991825827, SUBSCRIBE, PUBLISH) for _ in range(3)]

        def run(n):
            publish(clients[n], *(cloud_event(f"{n}-{i}") for i in range(60)))
        threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
        readers = [[altinn.org("ttd", 991825827, SUBSCRIBE), [], None] for _ in range(2)]
        for thread in threads:
            thread.start()

        def read_on():
            for reader in readers:
                client, found, following = reader
                page = (client.follow(following) if following
                        else client.query("/events", resource=APP, after="0", size=7))
                found += ids(page[0])
                reader[2] = page[1] or following
            return all(len(found) >= 180 for _, found, _ in readers)
        wait_until(read_on, lambda: [len(found) for _, found, _ in readers], 60, 0.01)
        for thread in threads:
            thread.join()
        assert readers[0][1] == readers[1][1]
        assert len(set(readers[0][1])) == len(readers[0][1]) == 180
