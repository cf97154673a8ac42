"""Secrets at rest: with a key no subscriber's secret lies in Redis as it is, and without the key
what was sealed is refused and left as it is, and no event is taken for unwanted."""
from kit import Budstikke, Receiver, folder, make_event, wait_until

KEY = "A" * 43 + "="
CREDENTIAL = {"credentialtype": "PLAIN", "identifier": "us", "secret": "very-private"}


def story_secrets_are_sealed():
    with folder() as home, Receiver() as receiver:
        with Budstikke(home / "data", {"secrets.key": KEY}) as node:
            api = node.api()
            made = api.subscribe(receiver.sink("a"), sinkcredential=CREDENTIAL)
            path = f"/subscriptions/{made['id']}"
            secret = made["config"]["signing"]["secret"]
            assert "secret" not in made["sinkcredential"], "write-only"
            with node.redis() as redis:
                stored = redis("HGET", "bud:{s0}:subs:records", made["id"])
            assert b"sealed:v1:" in stored, stored
            assert b"very-private" not in stored and secret.encode() not in stored, stored
            api.publish(make_event("1"))
            wait_until(lambda: receiver.deliveries, "a sealed subscription is pushed to")
            changed = api.request("PATCH", path, b'{"name":"n"}',
                                  {"content-type": "application/merge-patch+json"})
            assert changed.status == 200, changed
            assert node.stop() == 0

        with Budstikke(home / "data", {"server.drain_s": 1}) as node:
            refused = node.api().get(path)
            assert refused.status == 503 and b"secrets.key" in refused.body, refused
            refused = node.api().request("PATCH", path, b'{"name":"m"}',
                                         {"content-type": "application/merge-patch+json"})
            assert refused.status == 503, refused
            assert node.api().publish(make_event("2")).status == 202
            assert node.stop() == 0
            said = node.log.read_text(encoding="utf-8")
            assert "not sealed" in said and "nothing is matched" in said, said
            assert secret not in said

        with Budstikke(home / "data", {"secrets.key": "B" * 42 + "A=," + KEY}) as node:
            read = node.api().get(path)
            assert read.status == 200 and read.json()["name"] == "n", read
            wait_until(lambda: len(receiver.deliveries) > 1,
                       "what was published without the key is delivered with it")


def story_an_old_key_may_go():
    """With a new key in front all is sealed anew, keys of the server, too: the old one may go."""
    new = "B" * 42 + "A="
    with folder() as home, Receiver() as receiver:
        with Budstikke(home / "data", {"secrets.key": KEY}) as node:
            made = node.api().subscribe(receiver.sink("a"), sinkcredential=CREDENTIAL)
            assert node.metric("sealed_old") == 0
            assert node.stop() == 0

        with Budstikke(home / "data", {"secrets.key": new + "," + KEY}) as node:
            for part in ("are sealed with the newest key", "sealed a signing key"):
                wait_until(lambda said=part: said in node.log.read_text(encoding="utf-8"), part, 40)
            assert node.metric("sealed_old") == 0
            assert node.stop() == 0

        with Budstikke(home / "data", {"secrets.key": new}) as node:
            read = node.api().get(f"/subscriptions/{made['id']}")
            assert read.status == 200, read
            node.api().publish(make_event("1"))
            wait_until(lambda: receiver.deliveries, "it is pushed to")
            assert receiver.deliveries[0].headers["authorization"].startswith("Basic ")
            said = node.log.read_text(encoding="utf-8")
            assert "not configured here" not in said, said
            assert node.stop() == 0
