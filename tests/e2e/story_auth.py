"""Who asks: API keys and tokens of real issuers, good ones and each hostile kind; and owners whose
things are apart."""
import base64
import hashlib
import hmac
import json
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from kit import Budstikke, Issuer, Key, PrivateRedis, binary, folder, issuers_settings, \
    make_event, make_token, wait_until
from kit.api import Api
from kit.issuer import JWKS, base64url

EVERYTHING = "events:publish events:subscribe events:read"


def challenge_of(answer):
    return answer.headers.get("www-authenticate", "")


def must_be_refused(answer, status, slug, challenge):
    assert answer.status == status, answer
    assert answer.type == "application/problem+json", answer
    assert answer.json()["type"].endswith("/" + slug), answer
    assert challenge in challenge_of(answer), answer


def run_key(node, *words):
    done = subprocess.run([binary(), "key", *words, "--url", node.admin], capture_output=True,
                          text=True, check=False)
    rows = [line.split(None, 1) for line in done.stdout.splitlines()]
    return done.returncode, dict(row for row in rows if len(row) == 2), done.stderr


def story_api_keys():
    """Made on the command line, good for its scopes on all nodes, and for nothing once revoked."""
    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Budstikke(home / "a", {"redis.url": redis.url, "auth.mode": "keys"}) as a, \
            Budstikke(home / "b", {"redis.url": redis.url, "auth.mode": "keys"}) as b:
        code, row, _ = run_key(a, "create", "--name", "/app/shop", "--scope", "events:publish",
                               "--days", "30")
        assert code == 0, row
        key = row["key"]
        assert key.startswith("bsk_" + row["id"]), row
        assert a.api(token=key).publish(make_event(1)).status == 202
        wait_until(lambda: b.api(token=key).publish(make_event(2)).status == 202,
                   "the other node does not know the key", 5)
        must_be_refused(a.api().publish(make_event(3)), 401, "unauthenticated", "Bearer")
        must_be_refused(a.api(token=key).get("/subscriptions"), 403, "insufficient-scope",
                        'scope="events:subscribe"')
        must_be_refused(a.api(token=key[:-1] + ("a" if key[-1] != "a" else "b")).publish(
            make_event(3)), 401, "invalid-token", 'error="invalid_token"')
        # Stored and listed without the key; in no log.
        listed = run_key(a, "list")
        assert row["id"] in listed[1] and key not in str(listed), listed
        with redis.client() as client:
            stored = client("HVALS", "bud:{s0}:apikeys")
        assert len(stored) == 1 and key.split("_")[2] not in str(stored), stored
        # Revoked on one node, refused on both.
        code, _, said = run_key(b, "revoke", row["id"])
        assert code == 0, said
        assert b.api(token=key).publish(make_event(4)).status == 401
        wait_until(lambda: a.api(token=key).publish(make_event(5)).status == 401,
                   "the other node still takes a revoked key", 5)
        assert run_key(a, "revoke", row["id"])[0] == 1
        assert run_key(a, "revoke", key)[0] == 2
        for node in (a, b):
            assert key.split("_")[2] not in node.tail(1000), "the key is in the log"


def story_key_that_expires():
    """A key is good until it expires, and no cache makes it last longer."""
    with folder() as home, Budstikke(home / "data", {"auth.mode": "keys"}) as node:
        end = datetime.now(timezone.utc) + timedelta(seconds=2)
        key = node.key("/a/b", "events:publish", expires=end.isoformat())["key"]
        api = node.api(token=key)
        assert api.publish(make_event(1)).status == 202
        wait_until(lambda: api.publish(make_event(1)).status == 401, "it never expires", 10)
        answer = Api(node.admin).request("POST", "/api-keys", {
            "name": "/a/b", "scopes": ["x"], "expires": "2020-01-01T00:00:00Z"})
        assert answer.status == 400 and answer.json()["member"] == "expires", answer


def story_each_algorithm():
    """Tokens of each algorithm, by an issuer found by its metadata."""
    algorithms = ["RS256", "RS384", "RS512", "PS256", "ES256", "EdDSA"]
    keys = [Key(alg.lower(), alg) for alg in algorithms]
    with folder() as home, Issuer(*keys) as issuer, \
            Budstikke(home / "data", issuers_settings(home, issuer.entry())) as node:
        for key in keys:
            token = issuer.token(key, **{"urn:altinn:org": "ttd", "scope": EVERYTHING})
            answer = node.api(token=token).publish(make_event(key.kid))
            assert answer.status == 202, (key.alg, answer)
        # The same one again costs no second check.
        before = node.metric("tokens_checked_total")
        for n in range(20):
            assert node.api(token=token).publish(make_event(f"again-{n}")).status == 202
        assert node.metric("tokens_checked_total") == before


def hostile_tokens(issuer, other, key, stranger):
    """What it is -> the token."""
    good = issuer.claims(scope=EVERYTHING, **{"urn:altinn:org": "ttd"})
    token = make_token(key, good)
    head, payload, signature = token.split(".")
    middle = len(signature) // 2
    flipped = "A" if signature[middle] != "A" else "B"
    secret = base64url(hmac.new(
        key.public_pem(), f"{base64url(json.dumps({'alg': 'HS256', 'kid': key.kid}).encode())}."
        f"{payload}".encode(), hashlib.sha256).digest())
    hs_head = base64url(json.dumps({"alg": "HS256", "kid": key.kid}).encode())
    none_head = base64url(b'{"alg":"none"}')

    def changed(**claims):
        return make_token(key, {**good, **claims})

    def headed(**header):
        return make_token(key, good, {"alg": key.alg, "kid": key.kid, **header})
    without_exp = {k: v for k, v in good.items() if k != "exp"}
    return {
        "a flipped byte of the signature":
            f"{head}.{payload}.{signature[:middle]}{flipped}{signature[middle + 1:]}",
        "a changed payload":
            f"{head}.{base64url(json.dumps({**good, 'urn:altinn:org': 'skd'}).encode())}."
            f"{signature}",
        "HS256 with the public key for a secret": f"{hs_head}.{payload}.{secret}",
        "none": f"{none_head}.{payload}.",
        "none with a signature": f"{none_head}.{payload}.{signature}",
        "expired": changed(exp=good["exp"] - 3600),
        "not in force yet": changed(nbf=good["exp"] + 3600),
        "issued in the future": changed(iat=good["exp"] + 3600),
        "no end": make_token(key, without_exp),
        "an end that is a text": changed(exp=str(good["exp"])),
        "an end that is no time": changed(exp=-1),
        "a foreign key under our issuer's name": make_token(
            stranger, good, {"alg": "RS256", "kid": key.kid}),
        "another issuer's key": make_token(other.keys[0], good),
        "a kid of another issuer": headed(kid=other.keys[0].kid),
        "an issuer we do not know": changed(iss="https://evil.example/"),
        "an issuer without its last slash": changed(iss=issuer.name.rstrip("/")),
        "no issuer": changed(iss=None),
        "duplicate claims": make_token(
            key, json.dumps(good)[:-1].encode() + b',"urn:altinn:org":"skd"}'),
        "five parts": f"{token}.e30.e30",
        "two parts": f"{head}.{payload}",
        "padding": f"{token}=",
        "no JSON": make_token(key, b"not json"),
        "an array": make_token(key, b"[]"),
        "critical members": headed(crit=["x"], x=1),
        "compressed": headed(zip="DEF"),
        "an algorithm that is not configured": headed(alg="RS512"),
        "an ID token": make_token(key, {
            k: v for k, v in {**good, "nonce": "n"}.items() if k != "scope"}),
        "nobody": make_token(key, issuer.claims(scope=EVERYTHING)),
        "too long": changed(filler="x" * 20000),
        "empty": "",
        "opaque": "0123456789abcdef",
        "an API key that is none": "bsk_0123456789abcdef_" + "A" * 43,
    }


def story_hostile_tokens():
    """Each is refused as what it is, nothing of them is logged, and the good one still works."""
    key, stranger = Key("one"), Key("one")
    with folder() as home, Issuer(key) as issuer, Issuer(Key("two")) as other, \
            Budstikke(home / "data", issuers_settings(home, issuer.entry(), other.entry())) \
            as node:
        good = issuer.token(scope=EVERYTHING, **{"urn:altinn:org": "ttd"})
        wait_until(lambda: node.api(token=good).publish(make_event(0)).status == 202,
                   "the good token is not taken", 10)
        for what, token in hostile_tokens(issuer, other, key, stranger).items():
            headers = {"authorization": f"Bearer {token}",
                       "content-type": "application/cloudevents+json"}
            answer = node.api().request("POST", "/events", make_event("x"), headers)
            assert answer.status == 401, (what, answer)
            assert 'error="invalid_token"' in challenge_of(answer) or not token, (what, answer)
            for part in token.split("."):
                assert len(part) < 20 or part[:20] not in str(answer), (what, answer)
        answer = node.api().raw(
            b"GET /subscriptions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + 2 * f"Authorization: Bearer {good}\r\n".encode() + b"\r\n")
        must_be_refused(answer, 400, "invalid-request", 'error="invalid_request"')
        # No look at the issuer for tokens that do not name a key of its own: a kid of somebody
        # else's is asked for once, and not again within half a minute.
        assert issuer.asked[JWKS] <= 2, issuer.asked
        assert node.api(token=good).publish(make_event(1)).status == 202
        log = node.tail(1000)
        for part in good.split("."):
            assert part[:40] not in log, "a token is in the log"


def story_rotation():
    """A key that the issuer has made since is found at once, for many at a time by one look."""
    old, new = Key("old"), Key("new")
    with folder() as home, Issuer(old) as issuer, \
            Budstikke(home / "data", issuers_settings(home, issuer.entry())) as node:
        claims = {"scope": EVERYTHING, "urn:altinn:org": "ttd"}
        wait_until(lambda: node.api(token=issuer.token(**claims)).publish(
            make_event(0)).status == 202, "the first key is not known", 10)
        asked = issuer.asked[JWKS]
        issuer.keys = [new, old]

        def publish(identity, key):
            return node.api(token=issuer.token(key, **claims)).publish(make_event(identity)).status
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda n: publish(n, new), range(8)))
        assert statuses == [202] * 8, statuses
        assert issuer.asked[JWKS] == asked + 1, issuer.asked
        assert publish("old", old) == 202
        # Wishes are granted once in half a minute: what nobody has is 401 at once.
        unknown = Key("unknown")
        assert [publish("x", unknown) for _ in range(3)] == [401] * 3
        assert issuer.asked[JWKS] == asked + 1, issuer.asked


def story_issuer_away():
    """Without the issuer's keys nobody is called a liar: 503. Keys that were good stay good."""
    with folder() as home, Issuer() as issuer:
        token = issuer.token(scope=EVERYTHING, **{"urn:altinn:org": "ttd"})
        settings = issuers_settings(home, issuer.entry())
        issuer.go_down()
        with Budstikke(home / "data", settings) as node:
            answer = node.api(token=token).publish(make_event(1))
            assert answer.status == 503 and "retry-after" in answer.headers, answer
            assert node.metric("issuers_failing") == 1
            issuer.go_up()
            wait_until(lambda: node.api(token=token).publish(make_event(2)).status == 202,
                       "it does not come back", 30, 0.2)
            assert node.metric("issuers_failing") == 0
            issuer.go_down()
            other = issuer.token(scope=EVERYTHING, **{"urn:altinn:org": "skd"})
            assert node.api(token=other).publish(make_event(3)).status == 202
        issuer.go_up()


def story_lying_metadata():
    """Metadata of somebody else's is not followed."""
    said = json.dumps({"issuer": "https://evil.example/", "jwks_uri": "http://127.0.0.1:1/"})
    with folder() as home, \
            Issuer(answer=lambda path: None if path == JWKS else (200, {}, said.encode())) \
            as issuer, Budstikke(home / "data", issuers_settings(home, issuer.entry())) as node:
        token = issuer.token(scope=EVERYTHING, **{"urn:altinn:org": "ttd"})
        assert node.api(token=token).publish(make_event(1)).status == 503
        assert JWKS not in issuer.asked, issuer.asked


def story_platform_token():
    """A PlatformAccessToken lets an app publish, and a broken one is refused like any other."""
    key, app = Key("user"), Key("app")
    platform = {"issuer": "ttd/apps-test", "use": "platform", "jwks": {"keys": [app.jwk()]}}
    with folder() as home, Issuer(key) as issuer, \
            Budstikke(home / "data", issuers_settings(home, issuer.entry(), platform)) as node:
        claims = {**issuer.claims(), "iss": "ttd/apps-test"}
        headers = {"PlatformAccessToken": make_token(app, claims),
                   "content-type": "application/cloudevents+json"}
        answer = node.api().request("POST", "/events", make_event(1), headers)
        assert answer.status == 202, answer
        user = issuer.token(**{"urn:altinn:userid": 1337})
        wait_until(lambda: node.api(token=user).publish(make_event(2)).status == 403,
                   "a token without the scope", 10)
        answer = node.api(token=user).request("POST", "/events", make_event(2), headers)
        assert answer.status == 202, answer
        headers["PlatformAccessToken"] = make_token(key, claims)
        assert node.api().request("POST", "/events", make_event(3), headers).status == 401
        headers["PlatformAccessToken"] = user
        assert node.api().request("POST", "/events", make_event(3), headers).status == 401


def story_platform_tokens_of_all_apps():
    """One entry stands for all apps of an organization: each publishes as itself, and for no other
    app; what is of another organization, or of none, is refused."""
    app = Key("app")
    entry = {"issuer": "ttd/*", "use": "platform", "jwks": {"keys": [app.jwk()]}}
    with folder() as home, Issuer() as issuer, \
            Budstikke(home / "data", issuers_settings(home, issuer.entry(), entry)) as node:
        user = issuer.token(**{"urn:altinn:userid": 1337})

        def publish(name, of):
            event = {"specversion": "1.0", "type": "t", "subject": "/party/1",
                     "source": f"https://ttd.apps.altinn.no/{of}/instances/1/2"}
            headers = {"PlatformAccessToken": make_token(app, {**issuer.claims(), "iss": name})}
            return node.api(token=user).request("POST", "/events/api/v1/app", event, headers)
        wait_until(lambda: publish("ttd/one", "ttd/one").status == 201, "not published", 20)
        assert publish("ttd/two", "ttd/two").status == 201
        answer = publish("ttd/one", "ttd/two")
        assert answer.status == 401 and "ttd/one is not authorized" in answer.json(), answer
        for name in ("skd/one", "ttd", "ttd/", "ttd/one/two", "ttd/one two", "ttd/../skd"):
            must_be_refused(publish(name, name), 401, "invalid-token", "invalid_token")


def story_secret_parts_stay_secret():
    """A person's number is in no log, no metric and no key of Redis."""
    pid = "13861498942"
    with folder() as home, Issuer() as issuer, \
            Budstikke(home / "data", issuers_settings(home, issuer.entry())) as node:
        token = issuer.token(scope=EVERYTHING, pid=pid, acr="idporten-loa-high")
        wait_until(lambda: node.api(token=token).publish(make_event(1)).status == 202,
                   "a person's token is not taken", 10)
        made = node.api(token=token).subscribe("http://127.0.0.1:8000/x")
        with node.redis() as client:
            stored = str(client("HGETALL", "bud:{s0}:subs:records"))
            keys = str(client("KEYS", "*"))
        assert "/person/" in stored and pid not in stored + keys, stored
        assert pid not in node.tail(1000)
        assert base64.b64encode(pid.encode()).decode() not in node.tail(1000)
        assert pid.encode() not in Api(node.admin).get("/metrics").body
        assert made["id"]


def story_issuers_file_is_read_again():
    """On SIGHUP a new issuer's tokens are good and a former one's are not; who stays does not
    notice; a file with a fault changes nothing and is said to be wrong."""
    def publish(issuer):
        token = issuer.token(scope=EVERYTHING, **{"urn:altinn:org": "ttd"})
        return node.api(token=token).publish(make_event(issuer.name)).status
    with folder() as home, Issuer(Key("one")) as stays, Issuer(Key("two")) as other, \
            Budstikke(home / "data", issuers_settings(home, stays.entry())) as node:
        wait_until(lambda: publish(stays) == 202, "the first issuer's keys do not come", 20)
        asked = stays.asked[JWKS]
        assert publish(other) == 401
        issuers_settings(home, other.entry(), stays.entry())
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: publish(other) == 202, "the file is not read again", 20)
        assert publish(stays) == 202
        assert stays.asked[JWKS] == asked, "what was known was asked for once more"
        (home / "issuers.json").write_text('{"issuers":[{"issuer":"x","audiance":"us"}]}')
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: node.metric("issuers_stale") == 1, "it is not said", 20)
        wait_until(lambda: "issuers[0].audiance" in node.tail(), node.tail, 20)
        assert publish(other) == publish(stays) == 202
        issuers_settings(home, stays.entry())
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: publish(other) == 401, "an issuer that was taken out is trusted", 20)
        assert publish(stays) == 202
        assert node.metric("issuers_stale") == 0


def story_issuers_file_is_checked():
    """A file of issuers with a fault is refused, with its place, before anything is served."""
    with folder() as home:
        file = home / "issuers.json"
        file.write_text('{"issuers":[{"issuer":"https://i.example/","jwks_uri":'
                        '"https://i.example/k","audiance":"us"}]}', encoding="utf-8")
        for command in ("serve", "check-config"):
            settings = {"auth.mode": "jwt", "auth.issuers": file, "data.dir": home / "data"}
            words = [word for name, value in settings.items()
                     for word in ("--set", f"{name}={value}")]
            done = subprocess.run([binary(), command, *words], capture_output=True, text=True,
                                  check=False, timeout=30)
            assert done.returncode != 0, done
            assert "issuers[0].audiance" in done.stderr and "issuers.json" in done.stderr, done
        file.unlink()
        done = subprocess.run([binary(), "check-config", *words], capture_output=True, text=True,
                              check=False, timeout=30)
        assert done.returncode == 2 and "No such file" in done.stderr, done
