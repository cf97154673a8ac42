"""The life of a subscription over the API, and what ends with it."""
import time
import urllib.parse

from kit import (Budstikke, Ledger, Publisher, Receiver, Reply, folder, make_event, patience,
                 wait_until)

MERGE = {"content-type": "application/merge-patch+json"}


def story_create_read_change_delete():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        body = {"id": "mine", "protocol": "HTTP", "sink": receiver.sink("a"), "name": "first",
                "types": ["t"], "source": "/stories",
                "filters": [{"not": {"exact": {"subject": "x"}}}]}
        made = api.request("POST", "/subscriptions", body)
        assert made.status == 201, made
        record = made.json()
        path = f"/subscriptions/{record['id']}"
        assert record["id"] != "mine", "a client's id is ignored"
        location = urllib.parse.urlsplit(made.headers["location"]).path
        assert location == path, made
        secret = record["config"]["signing"]["secret"]
        assert secret.startswith("whsec_"), record
        for name in ("protocol", "sink", "name", "types", "source", "filters"):
            assert record[name] == body[name], name
        assert record["config"]["timeout_ms"] == 15000, "defaults are in the answer"

        read = api.get(path)
        assert read.status == 200 and read.headers["etag"] == made.headers["etag"], read
        assert secret.encode() not in read.body, "the secret is told once"
        assert secret.encode() not in api.get("/subscriptions").body

        same = api.request("POST", "/subscriptions", body)
        assert same.status == 200 and same.json()["id"] == record["id"], same
        assert secret.encode() not in same.body

        tag = read.headers["etag"]
        changed = {**{k: v for k, v in read.json().items() if k != "id"}, "types": ["u"]}
        wrong = api.request("PUT", path, changed, {"if-match": '"other"'})
        assert wrong.status == 412, wrong
        right = api.request("PUT", path, changed, {"if-match": tag})
        assert right.status == 200 and right.json()["types"] == ["u"], right
        assert right.headers["etag"] != tag
        assert api.request("PUT", path, changed, {"if-match": tag}).status == 412, "stale"
        other_id = api.request("PUT", path, {**changed, "id": "other"})
        assert other_id.status == 400, other_id

        patched = api.request("PATCH", path, b'{"types":["t"],"name":null}', MERGE)
        assert patched.status == 200, patched
        assert patched.json()["types"] == ["t"] and "name" not in patched.json(), patched
        assert patched.json()["sink"] == body["sink"]
        bad = api.request("PATCH", path, b'{"sink":null}', MERGE)
        assert bad.status == 400, bad
        assert api.get(path).headers["etag"] == patched.headers["etag"], "a refusal changes nothing"

        assert api.publish(make_event("1", "t")).status == 202
        wait_until(lambda: receiver.deliveries, "the changed filter matches")

        gone = api.request("DELETE", path)
        assert gone.status in (200, 204), gone
        assert api.request("DELETE", path).status == 404
        assert api.get(path).status == 404
        assert api.request("PUT", path, changed).status == 404


def story_pages():
    with folder() as home, Budstikke(home / "data") as node:
        api = node.api()
        made = {api.subscribe(f"http://127.0.0.1:8449/{i}")["id"] for i in range(25)}
        seen, path = [], "/subscriptions?size=10"
        for _ in range(10):
            answer = api.get(path)
            assert answer.status == 200, answer
            page = answer.json()
            assert len(page) <= 10, f"{len(page)} in a page of 10"
            seen += [record["id"] for record in page]
            link = answer.headers.get("link", "")
            if 'rel="next"' not in link:
                break
            path = link[link.index("<") + 1:link.index(">")]
            path = path[path.index("/subscriptions"):]
        assert len(seen) == 25 and set(seen) == made, f"{len(seen)} listed, {len(set(seen))} once"


def story_options():
    with folder() as home, Budstikke(home / "data") as node:
        api = node.api()
        record = api.subscribe("http://127.0.0.1:8449/a")
        for path, methods in (("/events", {"POST", "OPTIONS"}),
                              ("/subscriptions", {"GET", "POST", "OPTIONS"}),
                              (f"/subscriptions/{record['id']}",
                               {"GET", "PUT", "PATCH", "DELETE", "OPTIONS"})):
            answer = api.request("OPTIONS", path)
            assert answer.status in (200, 204), answer
            allowed = {m.strip() for m in answer.headers["allow"].split(",")}
            assert methods <= allowed, (path, allowed)
            wrong = api.request("PUT" if path != "/events" else "DELETE", path)
            if path.count("/") == 1:
                assert wrong.status == 405 and "allow" in wrong.headers, wrong


def story_delete_stops_attempts():
    """Within a second of the answer no attempt starts any more, neither for what is published
    meanwhile nor for what waits to be repeated. One in three fails: the breaker stays closed."""
    with folder() as home, Receiver(
            lambda d: Reply(500 if len(receiver.deliveries) % 3 == 0 else 204)) as receiver, \
            Budstikke(home / "data", {"delivery.breaker_failures": 1000}) as node:
        api = node.api()
        record = api.subscribe(receiver.sink("a"))
        publisher = Publisher(Ledger(), lambda: node.url, pause_s=0.05).start()
        wait_until(lambda: len(receiver.deliveries) > 150
                   and len(receiver.deliveries) > len(receiver.pairs) + 20,
                   "attempts and repeats", 30)
        assert parked_total(api, record) > 0
        assert api.request("DELETE", f"/subscriptions/{record['id']}").status in (200, 204)
        deleted = time.monotonic()
        time.sleep(4 + patience(1))
        publisher.stop()
        late = [d.at - deleted for d in receiver.deliveries if d.at > deleted + patience(1)]
        assert not late, f"{len(late)} attempts after a second, the last at {max(late):.1f} s"
        wait_until(lambda: node.metric("lanes") == 0, "the lane goes, too", 30, 0.2)


def story_restart_keeps_them():
    """Subscriptions and their secrets outlive the server."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        record = node.api().subscribe(receiver.sink("a"))
        assert node.stop() == 0
        node.start()
        api = node.api()
        assert api.get(f"/subscriptions/{record['id']}").status == 200
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: receiver.deliveries, "a delivery after the restart")


def story_given_secret():
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        from kit import Verifier
        api = node.api()
        record = api.subscribe(receiver.sink("a"), config={"signing": {"secret": secret}})
        assert record["config"]["signing"]["secret"] == secret
        api.subscribe(receiver.sink("a") + "?second=1")
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: len(receiver.deliveries) == 2, "both")
        ids = {d.webhook_id for d in receiver.deliveries}
        assert len(ids) == 2, "a webhook-id of its own for each subscription"
        with Verifier() as verifier:
            mine = [d for d in receiver.deliveries if d.path == "a"]
            assert not verifier.faults(mine, {"a": secret})


def parked_total(api, record):
    answer = api.get(f"/subscriptions/{record['id']}/parked")
    assert answer.status == 200, answer
    return answer.json()["total"]


def park(node, receiver, api, count, **members):
    """A subscription whose receiver is down, with `count` events parked."""
    record = api.subscribe(receiver.sink("a"), **members)
    receiver.go_down()
    Publisher(Ledger(), lambda: node.url).start(limit=count).join()
    wait_until(lambda: parked_total(api, record) == count,
               lambda: f"{parked_total(api, record)} parked", 30, 0.1)
    return record


def story_delete_cancels_parked():
    """What is parked goes with its subscription, and nothing is left behind in Redis."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"delivery.retry_schedule_s": "3,3,3"}) as node:
        api = node.api()
        record = park(node, receiver, api, 30)
        listed = api.get(f"/subscriptions/{record['id']}/parked").json()["items"]
        assert {row["event"]["id"] for row in listed} == {f"e-{i}" for i in range(30)}
        assert api.request("DELETE", f"/subscriptions/{record['id']}").status in (200, 204)
        assert api.get(f"/subscriptions/{record['id']}/parked").status == 404
        # An attempt may start within a second of the answer.
        wait_until(lambda: node.metric("subscriptions") == 0, "the deletion is known", 10)
        receiver.go_up()
        wait_until(lambda: node.metric("deliveries_cancelled_total") >= 30,
                   lambda: f"not cancelled: {node.metrics()}", 30, 0.2)
        node.wait_settled()
        assert not receiver.deliveries
        with node.redis() as redis:
            for name in ("due", "kept", "refs", f"parked:{record['id']}"):
                assert not redis("EXISTS", "bud:{s0}:" + name), f"{name} is still there"


def story_parked_follow_the_sink():
    """PUT and PATCH of the sink: what is parked goes to the new one."""
    with folder() as home, Receiver() as receiver, Receiver() as moved, \
            Budstikke(home / "data", {"delivery.retry_schedule_s": "2,2,2,2,2,2"}) as node:
        api = node.api()
        record = park(node, receiver, api, 30)
        path = f"/subscriptions/{record['id']}"
        changed = {k: v for k, v in api.get(path).json().items() if k != "id"}
        changed["sink"] = moved.sink("b")
        assert api.request("PUT", path, changed).status == 200
        wait_until(lambda: len(moved.ids("b")) == 30,
                   lambda: f"{len(moved.ids('b'))} of 30 at the new sink", 30, 0.1)
        again = api.request("PATCH", path, {"sink": moved.sink("c")}, MERGE)
        assert again.status == 200, again
        assert api.publish(make_event("last")).status == 202
        wait_until(lambda: moved.ids("c") == {("/stories", "last")}, "the next at the next one")
        node.wait_settled()
        receiver.go_up()
        assert not receiver.deliveries


def story_expired():
    """From its end on nothing new comes, and its status says so; what is parked goes all the
    same."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"delivery.retry_schedule_s": "2,2,2,2,2,2"}) as node:
        api = node.api()
        ends = time.time() + 6
        record = park(node, receiver, api, 3, expires=time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)))
        path = f"/subscriptions/{record['id']}"
        assert "reason" not in api.get(path).json()["status"]
        wait_until(lambda: time.time() > ends, "it ends", 10)
        status = api.get(path).json()["status"]
        assert status["state"] == "active" and status["reason"] == "expired", status
        assert api.get("/subscriptions").json()[0]["status"] == status
        assert api.publish(make_event("late")).status == 202
        receiver.go_up()
        wait_until(lambda: len(receiver.deliveries) == 3, lambda: receiver.deliveries, 30)
        node.wait_settled()
        assert "late" not in str(receiver.deliveries)
