"""The server's own signing keys: made once for all nodes, published as a JWK set, rotated; what is
signed with them is verified by node with nothing but the published set."""
import base64
import hashlib
import hmac
import itertools
import json
import subprocess
from pathlib import Path
from threading import Thread

from kit import Budstikke, PrivateRedis, Receiver, folder, make_event, patience, wait_until
from kit.api import Api


def jwks(node):
    """The key ids that a node publishes, the current one first."""
    answer = node.api().get("/.well-known/jwks.json")
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/jwk-set+json", answer.headers
    assert answer.headers["cache-control"] == "max-age=300", answer.headers
    keys = answer.json()["keys"]
    for key in keys:
        assert set(key) == {"kty", "crv", "alg", "use", "kid", "x"}, key
        assert (key["kty"], key["crv"]) == ("OKP", "Ed25519"), key
    return [key["kid"] for key in keys]


def rotate(node, **body):
    answer = Api(node.admin).request("POST", "/keys/rotate", body)
    assert answer.status == 200, answer
    return [(key["kid"], key["state"]) for key in answer.json()["keys"]]


def states(node):
    return [key["state"] for key in Api(node.admin).get("/keys").json()["keys"]]


def story_two_nodes():
    """Two nodes that start at once have one key; a rotation on one reaches the other and lasts."""
    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Budstikke(home / "a", {"redis.url": redis.url}, start=False) as a, \
            Budstikke(home / "b", {"redis.url": redis.url}, start=False) as b:
        starts = [Thread(target=node.start) for node in (a, b)]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        first = jwks(a)
        assert len(first) == 1 and jwks(b) == first, (first, jwks(b))
        after = rotate(a)
        assert [state for _, state in after] == ["current", "signing"], after
        assert after[1][0] == first[0], after
        kids = [kid for kid, _ in after]
        assert jwks(a) == kids
        wait_until(lambda: jwks(b) == kids, lambda: f"b has {jwks(b)}, not {kids}", patience(8),
                   0.2)
        # A restart finds them again, before it says that it listens.
        assert b.stop() == 0
        b.start()
        assert jwks(b) == kids
        assert states(b) == ["current", "signing"], states(b)


def story_at_once():
    """Without an overlap the former key stops signing at once; what it signed can be verified."""
    with folder() as home, Budstikke(home / "a") as a:
        first = jwks(a)
        after = rotate(a, overlap_s=0)
        assert [state for _, state in after] == ["current", "published"], after
        assert jwks(a) == [after[0][0], first[0]]
        refused = Api(a.admin).request("POST", "/keys/rotate", {"overlap_s": -1})
        assert refused.status == 400, refused
        # The public listener offers no way to change them.
        assert a.api().request("POST", "/keys/rotate", {}).status == 404


def story_sealed():
    """With secrets.key no private key lies in Redis as it is; without it nobody makes another."""
    with folder() as home:
        with Budstikke(home / "data", {"secrets.key": "A" * 43 + "="}) as node:
            kids = jwks(node)
            with node.redis() as redis:
                stored = redis("HGET", "bud:{s0}:keys", kids[0])
            assert b"sealed:v1:" in stored and b"whsk_" not in stored, stored
            assert node.stop() == 0
        with Budstikke(home / "data", {"server.drain_s": 1}) as node:
            refused = node.api().get("/.well-known/jwks.json")
            assert refused.status == 503 and b"secrets.key" in refused.body, refused
            refused = Api(node.admin).request("POST", "/keys/rotate", {})
            assert refused.status == 503, refused
            assert node.stop() == 0
            said = node.log.read_text(encoding="utf-8")
            assert "signing key of the server is sealed" in said, said
        with Budstikke(home / "data", {"secrets.key": "A" * 43 + "="}) as node:
            assert jwks(node) == kids


def verify(node, receiver):
    """By which keys each delivery is signed, as node's crypto finds them in the published set:
    [{"v1a": [kid…], "rfc9421": [kid…]}]. Whatever does not verify fails."""
    keys = node.api().get("/.well-known/jwks.json").json()["keys"]
    lines = [json.dumps({"keys": keys, "url": receiver.sink(d.path.lstrip("/")),
                         "headers": d.headers, "body": d.body.decode()})
             for d in receiver.deliveries]
    script = Path(__file__).parent / "verify_keys.mjs"
    done = subprocess.run(["node", str(script)], input="\n".join(lines), text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def story_deliveries():
    """v1a and RFC 9421 signatures of real deliveries verify, before, in and after a rotation."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "a") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"),
                      config={"signing": {"schemes": ["v1", "v1a", "rfc9421"]}})
        old = jwks(node)[0]

        def push(i):
            assert api.publish(make_event(str(i))).status == 202
            wait_until(lambda: len(receiver.deliveries) == i, f"event {i} arrives", 20)
            return verify(node, receiver)[-1]
        assert push(1) == {"v1a": [old], "rfc9421": [old]}
        new = rotate(node)[0][0]
        assert push(2) == {"v1a": [new, old], "rfc9421": [new, old]}
        newest = rotate(node, overlap_s=0)[0][0]
        found = push(3)
        assert found["v1a"][0] == newest and new not in found["v1a"], found
        assert found["rfc9421"] == found["v1a"], found
        assert len(verify(node, receiver)) == 3, "all still verify"


def mac(delivery, secret):
    """The v1 signature of a delivery."""
    fields = delivery.headers
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + delivery.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def story_every_combination():
    """Each set of signatures, in each way of sending, has all of its own, which verify, and no
    other."""
    kinds = ("v1", "v1a", "rfc9421")
    sets = [list(chosen) for n in (1, 2, 3) for chosen in itertools.combinations(kinds, n)]
    modes = ("structured", "binary", "batch", "altinn", "slack")
    with folder() as home, Receiver() as receiver, Budstikke(home / "a") as node:
        made = {}
        for number, (schemes, mode) in enumerate(itertools.product(sets, modes)):
            signing = {"schemes": schemes}
            if "rfc9421" in schemes and number % 2:
                signing["components"] = "authority"
            path = f"{number}?x=%20{number}" if number % 3 else f"{number}"
            one = node.api().subscribe(receiver.sink(path),
                                       config={"mode": mode, "signing": signing})
            made[path] = (schemes, one["config"]["signing"]["secret"])
        assert node.api().publish(make_event("1")).status == 202
        wait_until(lambda: len(receiver.deliveries) == len(made),
                   lambda: f"{len(receiver.deliveries)} of {len(made)}", 30)
        kid = jwks(node)[0]
        for delivery, found in zip(receiver.deliveries, verify(node, receiver)):
            schemes, secret = made[delivery.path]
            assert found == {kind: [kid] if kind in schemes else [] for kind in kinds[1:]}, schemes
            listed = delivery.headers.get("webhook-signature", "").split()
            assert listed[:1] == [mac(delivery, secret)] or "v1" not in schemes, schemes
            assert len(listed) == len(set(schemes) - {"rfc9421"}), (schemes, listed)


def story_unsigned():
    """Where a receiver never looks there may be no signature at all, in the question neither."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "a") as node:
        api = node.api()
        for mode, verified in (("slack", "off"), ("altinn", "off"), ("altinn", "altinn")):
            made = api.subscribe(receiver.sink(f"{mode}-{verified}"), config={
                "mode": mode, "verify": verified, "signing": {"schemes": []}})
            path = f"/subscriptions/{made['id']}"
            wait_until(lambda at=path: api.get(at).json()["status"]["state"] == "active",
                       "it is active", 20)
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: len(receiver.deliveries) == 4, lambda: receiver.deliveries, 20)
        for delivery in receiver.deliveries:
            assert delivery.webhook_id and delivery.headers["webhook-timestamp"], delivery
            assert "webhook-signature" not in delivery.headers, delivery
            assert "signature" not in delivery.headers, delivery
        node.wait_settled()
