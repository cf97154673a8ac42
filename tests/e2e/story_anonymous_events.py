"""Somebody without a login reads the events of one instance, by a token that its publisher made:
that instance, for a while, and nothing else."""
import base64
import json
import time
from urllib.parse import quote

from kit import Api, Budstikke, folder, make_event, wait_until

OURS, OTHER = "50012/0f1e2d3c", "50013/aaaa"
OLD = "/events/api/v1/events/instanceeventsforinstance/"
SPELLINGS = (OLD, "/events/instanceeventsforinstance/",
             "/events/api/v1/instanceeventsforinstance/")
SETTINGS = {"pull.enabled": "yes", "quota.instance_reads_per_s": 200}


def make_token(api, instance=OURS, **members):
    answer = api.request("POST", "/instance-tokens", {"resourceinstance": instance, **members})
    assert answer.status == 201, answer
    assert answer.headers["cache-control"] == "no-store", answer
    return answer.json()["token"]


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def read(api, token, path=f"/events?resourceinstance={quote(OURS, '')}", method="GET"):
    return api.request(method, path, headers=bearer(token))


def publish(api, n, instance, start=0):
    events = [make_event(f"{instance}-{start + i}", resourceinstance=instance,
                         resource="urn:altinn:resource:app_ttd_test") for i in range(n)]
    answer = api.publish(events)
    assert answer.status == 202, answer
    return [event["id"] for event in map(json.loads, events)]


def must_refuse(answer, status=401, word="invalid-token"):
    assert answer.status == status, answer
    assert answer.json()["type"].endswith("/" + word), answer
    if status == 401:
        assert 'error="invalid_token"' in answer.headers["www-authenticate"], answer


def alter(token, part, change):
    parts = token.split(".")
    body = base64.urlsafe_b64decode(parts[part] + "==")
    parts[part] = base64.urlsafe_b64encode(change(body)).decode().rstrip("=")
    return ".".join(parts)


def story_anonymous_events_of_one_instance():
    """What is read is the instance's events, each once and in order, in both spellings."""
    with folder() as home, Budstikke(home / "data", SETTINGS) as node:
        publisher, reader = node.api(), node.api()
        ids = publish(publisher, 7, OURS)
        publish(publisher, 3, OTHER)
        token = make_token(publisher)
        answer = read(reader, token)
        assert answer.status == 200, answer
        assert [e["id"] for e in answer.json()["items"]] == ids, answer
        # Page by page, and waiting for what comes.
        found, after = [], ""
        while len(found) < len(ids):
            page = read(reader, token, "/events?size=3&resourceinstance="
                        f"{quote(OURS, '')}{after}").json()
            found += [e["id"] for e in page["items"]]
            after = f"&after={page['after']}"
        assert found == ids, found
        late = publish(publisher, 1, OURS, 7)
        page = read(reader, token, "/events?wait_ms=20000&resourceinstance="
                    f"{quote(OURS, '')}{after}").json()
        assert [e["id"] for e in page["items"]] == late, page
        # The spelling of old: two segments or one, by GET and POST.
        for path in (base + instance for base in SPELLINGS for instance in (OURS, quote(OURS, ""))):
            for method, body in (("GET", None), ("POST", None), ("POST", {})):
                answer = reader.request(method, path, body, bearer(token))
                assert answer.status == 200, (path, method, body, answer)
                assert [e["id"] for e in answer.json()] == ids + late, answer
            assert reader.request("POST", path, "x" * 1025, bearer(token)).status == 413, path
        pages, path = [], OLD + OURS + "?size=3"
        while path:
            answer = read(reader, token, path)
            pages += [e["id"] for e in answer.json()]
            path = answer.headers.get("next", "").removeprefix(node.url)
        assert pages == ids + late, pages
        answer = read(reader, token, OLD + OURS + "?size=2&type=no.such")
        assert answer.json() == [], answer
        assert node.metric("instance_tokens_made_total") == 1
        assert node.metric("instance_reads_total") >= 8


def story_tokens_that_are_not_good():
    """Wrong, altered, expired, somebody else's and for another instance: nothing is read."""
    with folder() as home, Budstikke(home / "data", SETTINGS) as node, \
            Budstikke(home / "else", SETTINGS) as other:
        api = node.api()
        publish(api, 2, OURS)
        publish(api, 2, OTHER)
        token, short = make_token(api), make_token(api, expires_in_s=1)
        for path in (f"/events?resourceinstance={quote(OTHER, '')}", OLD + OTHER,
                     "/events?resource=urn:altinn:resource:app_ttd_test",
                     f"/events?resourceinstance={quote(OURS + '/', '')}"):
            must_refuse(read(api, token, path), 403, "forbidden")
        signature = alter(token, 2, lambda b: bytes([b[0] ^ 1]) + b[1:])
        payload = alter(token, 1, lambda b: b.replace(OURS.encode(), OTHER.encode()))
        later = alter(token, 1, lambda b: b.replace(b'"exp":', b'"exp":9'))
        unsigned = ".".join(token.split(".")[:2]) + "."
        foreign = make_token(other.api())
        kid = alter(token, 0, lambda b: b[:-3] + (b"A" if b[-3:-2] != b"A" else b"B") + b[-2:])
        for bad in (signature, later, unsigned, foreign, kid, token + "A", token + ".a",
                    token[:40], token + "A" * 5000):
            must_refuse(read(api, bad))
        must_refuse(read(api, payload, OLD + OTHER))
        assert alter(token, 1, lambda b: b) == token and read(api, token).status == 200
        wait_until(lambda: read(api, short).status == 401, "it never expires", 20, 0.2)
        assert "expired" in read(api, short).json()["detail"]
        assert node.metric("instance_reads_refused_total") >= 10
        log = node.log.read_text(encoding="utf-8")
        assert token.split(".")[2] not in log and OURS not in log, log
        for body in ({}, {"resourceinstance": ""}, {"resourceinstance": 1},
                     {"resourceinstance": "a" * 1025}, {"resourceinstance": "a", "more": 1},
                     {"resourceinstance": "a", "expires_in_s": 86401},
                     {"resourceinstance": "a", "expires_in_s": 0}):
            answer = api.request("POST", "/instance-tokens", body)
            assert answer.status == 400, answer


def story_tokens_and_keys():
    """A token outlives the rotation of its key, on all nodes, unless the key goes at once; used too
    often it has to wait, and no other with it."""
    settings = {"pull.enabled": "yes", "quota.instance_reads_per_s": 5}
    with folder() as home, Budstikke(home / "data", settings) as node:
        api, admin = node.api(), Api(node.admin)
        publish(api, 2, OURS)
        token = make_token(api)
        assert admin.request("POST", "/keys/rotate", {}).status == 200
        fresh = make_token(api)
        assert token.split(".")[0] != fresh.split(".")[0], "the key is the same"
        assert read(api, token).status == 200 and read(api, fresh).status == 200
        began, n, answer = time.monotonic(), 0, None
        while answer is None or answer.status == 200:
            answer = read(node.api(), token)
            n += answer.status == 200
            assert n < 500, "never bounded"
        assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1, answer
        assert answer.json()["quota"] == "instance_reads_per_s", answer
        assert n <= 10 + 5 * (time.monotonic() - began) + 1, n
        assert read(api, fresh).status == 200
        wait_until(lambda: read(api, token).status == 200, "never let in again", 20, 0.5)
        assert admin.request("POST", "/keys/rotate", {"overlap_s": 0}).status == 200
        wait_until(lambda: read(api, fresh).status in (401, 429), "its key still counts", 20, 0.5)
        wait_until(lambda: read(api, fresh).status == 401, "its key still counts", 20, 0.5)
        again = make_token(api)
        assert read(api, again).status == 200
