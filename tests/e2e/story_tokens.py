"""OAuth2 client credentials: a token is fetched before anything is sent and stands in every
delivery; while there is none, everything waits, and the subscription says why."""
import json
import time

from kit import Budstikke, RawReceiver, Receiver, Reply, folder, wait_until

RIGHT = "Basic bWU6cmlnaHQ="  # me:right


def event(number):
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t"}


def answer(delivery):
    if delivery.path != "token":
        return None if delivery.headers.get("authorization") == "Bearer a1" else Reply(401)
    if delivery.headers.get("authorization") != RIGHT:
        return Reply(401, body=b'{"error":"invalid_client"}')
    return Reply(200, headers={"content-type": "application/json"},
                 body=json.dumps({"access_token": "a1", "expires_in": 600}).encode())


def credential(receiver, secret):
    return {"credentialtype": "CLIENT", "identifier": "me", "secret": secret,
            "tokenendpoint": receiver.sink("token")}


def story_waits_for_its_token():
    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        subscription = api.subscribe(receiver.sink("a"),
                                     sinkcredential=credential(receiver, "wrong"))
        path = f"/subscriptions/{subscription['id']}"

        def status():
            return api.get(path).json()["status"]
        for number in range(20):
            assert api.publish(event(number)).status == 202
        wait_until(lambda: status().get("reason") == "credential", status, 20)
        assert "invalid_client" in status()["detail"] and status()["state"] == "active", status()
        assert not [d for d in receiver.deliveries if d.path == "a"]
        changed = api.request("PATCH", path, {"sinkcredential": credential(receiver, "right")})
        assert changed.status == 200, changed
        assert b"right" not in changed.body, changed
        wait_until(lambda: len(receiver.ids("a")) == 20,
                   lambda: f"{status()} {node.metrics()}", 30)
        assert {d.headers["authorization"] for d in receiver.on("a")} == {"Bearer a1"}
        assert "reason" not in status(), status()
        assert len(receiver.on("token")) == 1


def story_a_short_life_and_a_spent_refresh_token():
    """An issuer whose tokens live for seconds and whose refresh tokens are good once: nothing is
    sent with a token that has ended, and no refresh token is used twice, whatever the owner changes
    beside it."""
    ends = {}
    spent = []

    def issue(delivery):
        if not delivery.path.startswith("token"):
            token = delivery.headers["authorization"].removeprefix("Bearer ")
            return None if time.time() < ends[token] + 0.5 else Reply(401)
        used = delivery.body.decode().split("refresh_token=")[-1]
        if used in spent:
            return Reply(400, body=b'{"error":"invalid_grant"}')
        spent.append(used)
        token = f"a{len(spent)}"
        ends[token] = time.time() + 5
        return Reply(200, headers={"content-type": "application/json"}, body=json.dumps(
            {"access_token": token, "expires_in": 5, "refresh_token": f"r{len(spent)}"}).encode())

    with folder() as home, Receiver(issue) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        made = api.subscribe(receiver.sink("a"), sinkcredential={
            "credentialtype": "REFRESHTOKEN", "accesstoken": "a0", "refreshtoken": "r0",
            "accesstokenexpiresutc": "2020-01-01T00:00:00Z",
            "refreshtokenendpoint": receiver.sink("token")})
        path = f"/subscriptions/{made['id']}"
        changes = [{"refreshtokenendpoint": receiver.sink("token2")},
                   {"accesstokenexpiresutc": "2020-01-02T00:00:00Z"}]
        began = time.time()
        for number in range(18):
            assert api.publish(event(number)).status == 202
            if number in (6, 12):
                wait_until(lambda: spent, "it has a token")
                changed = api.request("PATCH", path, {"sinkcredential": changes.pop()})
                assert changed.status == 200, changed
            time.sleep(0.5)
        wait_until(lambda: len(receiver.ids("a")) == 18, lambda: f"{spent} {ends}", 20)
        wait_until(lambda: receiver.on("token2"), lambda: spent, 10)
        assert {d.status for d in receiver.deliveries} == {200, 204}, receiver.deliveries
        assert 3 <= len(spent) <= 1 + (time.time() - began) / 3, spent
        shown = api.get(path).json()
        assert "reason" not in shown["status"], shown
        assert shown["sinkcredential"]["accesstokenexpiresutc"] > "2026", shown


def story_what_was_told_ends_with_its_credential():
    """A status does not go on telling of a credential that the subscription has not any more."""
    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        made = api.subscribe(receiver.sink("a"), sinkcredential=credential(receiver, "wrong"))
        path = f"/subscriptions/{made['id']}"

        def status():
            return api.get(path).json()["status"]
        wait_until(lambda: status().get("reason") == "credential", status, 20)
        changed = api.request("PATCH", path, {"sinkcredential": None})
        assert changed.status == 200 and "reason" not in changed.json()["status"], changed
        assert status() == {"state": "active"}, status()


def story_a_late_refusal_is_not_of_the_new_credential():
    """What was refused after it was replaced, or taken away, is told of nobody."""
    def answer_late(delivery):
        wrong = delivery.path == "token" and delivery.headers.get("authorization") != RIGHT
        return Reply(401, delay_s=5) if wrong else answer(delivery)

    with folder() as home, Receiver(answer_late) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        paths = []
        for name, then in (("a", credential(receiver, "right")), ("b", None)):
            made = api.subscribe(receiver.sink(name), sinkcredential=credential(receiver, name))
            paths.append(f"/subscriptions/{made['id']}")
            wait_until(lambda: len(receiver.connections) == len(paths), "it is asked with", 20)
            changed = api.request("PATCH", paths[-1], {"sinkcredential": then})
            assert changed.status == 200 and not receiver.deliveries, changed
        assert api.publish(event(1)).status == 202
        wait_until(lambda: receiver.on("a"), lambda: api.get(paths[0]).json()["status"], 30)
        wait_until(lambda: len([d for d in receiver.deliveries if d.status == 401]) >= 2, "refused")
        time.sleep(1)
        assert [api.get(path).json()["status"] for path in paths] == 2 * [{"state": "active"}]


def told_of(api, endpoint):
    """What the status says when tokens are to be had at `endpoint`."""
    made = api.subscribe("https://example.com/a", sinkcredential={
        "credentialtype": "CLIENT", "identifier": "me", "secret": "s", "tokenendpoint": endpoint})

    def detail():
        return api.get(f"/subscriptions/{made['id']}").json()["status"].get("detail")
    wait_until(detail, "what the token endpoint said", 20)
    return detail()


def story_our_own_listeners_give_no_tokens():
    """Not even where settings open loopback: nobody is to reach the admin listener by our hand."""
    with folder() as home, Budstikke(home / "data") as node:
        for url in (node.url, node.admin, node.admin.replace("127.0.0.1", "localhost")):
            answer = node.api().request("POST", "/subscriptions", {
                "sink": "https://example.com/a", "protocol": "HTTP", "types": ["t"],
                "sinkcredential": {"credentialtype": "CLIENT", "identifier": "me", "secret": "s",
                                   "tokenendpoint": url + "/healthz"}})
            assert answer.status == 400, answer
            assert answer.json()["member"] == "sinkcredential.tokenendpoint", answer
            assert "leads back" in answer.json()["detail"], answer


def story_tokens_are_asked_for_by_the_proxy():
    with folder() as home, Receiver(answer) as receiver, \
            RawReceiver(lambda s, _: s.sendall(b"HTTP/1.1 502 No\r\n\r\n")) as proxy, \
            Budstikke(home / "data", {"delivery.proxy": proxy.url}) as node:
        detail = told_of(node.api(), receiver.sink("token"))
        assert "proxy" in detail, detail
        assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:"), proxy.requests
        assert not receiver.deliveries, receiver.deliveries


def story_never_shown():
    """Whatever is logged, at debug, of deliveries that go and that fail: no secret, no credential,
    no token. With a key none of them lies in Redis as it is, the token in a status neither; and
    what a receiver sends back of them is not kept."""
    private = ["private-secret", "private-token", "private-word"]

    def answer_privately(delivery):
        if delivery.path != "token":
            sent = delivery.headers["authorization"].encode()
            return Reply(500, body=b"I got " + sent) if delivery.path == "b" else None
        return Reply(200, headers={"content-type": "application/json"}, body=json.dumps(
            {"access_token": "private-token", "expires_in": 600}).encode())

    settings = {"secrets.key": "A" * 43 + "=", "log.level": "debug"}
    with folder() as home, Receiver(answer_privately) as receiver, \
            Budstikke(home / "data", settings) as node:
        api = node.api()
        made = [api.subscribe(receiver.sink("a"),
                              sinkcredential=credential(receiver, "private-secret")),
                api.subscribe(receiver.sink("b"), sinkcredential={
                    "credentialtype": "PLAIN", "identifier": "us", "secret": "private-word"})]
        private += [one["config"]["signing"]["secret"] for one in made]
        for number in range(5):
            assert api.publish(event(number)).status == 202
        wait_until(lambda: len(receiver.ids("a")) == 5 and
                   len([d for d in receiver.deliveries if d.path == "b"]) >= 5, node.metrics, 30)
        sent = {d.headers["authorization"] for d in receiver.deliveries}
        assert "Bearer private-token" in sent and len(sent) == 3, sent
        private += [line.split(" ")[1] for line in sent]

        def attempts():
            return api.get(f"/subscriptions/{made[1]['id']}/attempts").body.decode()
        wait_until(lambda: "500" in attempts(), "a failed attempt is listed")
        with node.redis() as redis:
            records = [redis("HGET", "bud:{s0}:subs:records", one["id"]) for one in made]
            stored = str(redis("HGETALL", "bud:{s0}:subs:records"))
        assert all(b"sealed:v1:" in record for record in records), records
        wait_until(lambda: "endpoints cut off" in node.log.read_text(encoding="utf-8"),
                   "it says something of them")
        listed = attempts()
        assert node.stop() == 0
        said = node.log.read_text(encoding="utf-8")
        for word in private:
            assert word not in said, f"{word} is in the log"
            assert word not in listed, f"{word} is in the list of attempts"
            assert word not in stored, f"{word} is in Redis"
