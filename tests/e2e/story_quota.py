"""Owners have what their quotas allow, exactly, and are told what is used up and when to come
again; what is refused leaves nothing behind."""
import json
import signal
import threading
import time

from kit import Budstikke, PrivateRedis, Receiver, folder, make_event, wait_until

LIMIT = 20


def subscribe(api, path):
    body = {"protocol": "HTTP", "sink": f"http://127.0.0.1/{path}", "source": "/none"}
    return api.request("POST", "/subscriptions", body)


def story_filters_that_cost_for_every_event():
    """A filter that names no value is taken up to the quota, by whoever asks; then it is refused
    by name, and room is made by deleting one. What an index can find is not bounded by it."""
    settings = {"quota.uncovered_filters": 3, "quota.residuals_per_key": 2}
    with folder() as home, Budstikke(home / "data", settings=settings) as node:
        api = node.api()

        def post(filters):
            return api.request("POST", "/subscriptions", {
                "protocol": "HTTP", "sink": "http://127.0.0.1:8449/a", "filters": filters})

        made = [post([{"suffix": {"type": f".{i}"}}]) for i in range(3)]
        assert [a.status for a in made] == [201] * 3, made
        wait_until(lambda: node.metric("subscriptions_uncovered") == 3, "the table follows")
        answer = post([{"not": {"exact": {"type": "a"}}}])
        assert answer.status == 400 and answer.json()["member"] == "filters", answer
        assert "quota.uncovered_filters" in answer.json()["detail"], answer
        assert post([{"suffix": {"type": ".0"}}]).status == 200, "an identical one is there"
        assert post([{"exact": {"type": "a"}}]).status == 201
        assert api.request("DELETE", "/subscriptions/" + made[0].json()["id"]).status == 200
        wait_until(lambda: node.metric("subscriptions_uncovered") == 2, "the table follows")
        assert post([{"not": {"exact": {"type": "a"}}}]).status == 201

        for i in range(2):
            assert post([{"exact": {"source": "/s"}}, {"suffix": {"type": f".{i}"}}]).status == 201
        wait_until(lambda: len(api.get("/subscriptions").json()) == 6, "the table follows")
        answer = post([{"exact": {"source": "/s"}}, {"suffix": {"type": ".2"}}])
        assert answer.status == 400, answer
        assert "quota.residuals_per_key" in answer.json()["detail"], answer
        assert post([{"exact": {"source": "/s", "type": "b"}}]).status == 201


def story_subscriptions_over_two_nodes():
    """However many create at once on however many nodes, an owner gets as many as it may have."""
    with folder() as home, PrivateRedis(home / "redis") as redis:
        settings = {"redis.url": redis.url, "workers": 2, "quota.subscriptions": LIMIT}
        with Budstikke(home / "a", settings) as a, Budstikke(home / "b", settings) as b:
            answers = []

            def create(k):
                api = (a, b)[k % 2].api()
                answers.extend(subscribe(api, f"{k}-{i}") for i in range(8))
            threads = [threading.Thread(target=create, args=(k,)) for k in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            made = [answer.json()["id"] for answer in answers if answer.status == 201]
            refused = [answer for answer in answers if answer.status == 429]
            assert (len(made), len(refused)) == (LIMIT, 48 - LIMIT), answers
            problem = refused[0].json()
            assert problem["type"].endswith("/quota-exceeded"), problem
            assert refused[0].headers["retry-after"] == "3600", refused[0]
            assert (problem["quota"], problem["limit"], problem["used"]) == \
                ("subscriptions", LIMIT, LIMIT), problem
            api = b.api()
            for node in (a, b):
                quota = node.api().get("/quota").json()
                assert quota["owner"] == "local", quota
                assert quota["subscriptions"] == {"used": LIMIT, "limit": LIMIT}, quota
            assert sum(n.metric("quota_subscriptions_refused_total") for n in (a, b)) == 48 - LIMIT
            # An identical one is there already; a change makes none; a deletion makes room for one.
            twin = api.get(f"/subscriptions/{made[0]}").json()
            path = twin["sink"].rpartition("/")[2]
            answer = subscribe(api, path)
            assert (answer.status, answer.json()["id"]) == (200, made[0]), answer
            answer = api.request("PATCH", f"/subscriptions/{made[0]}", {"name": "x"})
            assert answer.status == 200, answer
            assert api.request("DELETE", f"/subscriptions/{made[1]}").status == 200
            assert subscribe(a.api(), "new").status == 201
            assert subscribe(api, "newer").status == 429


def story_publish_rate():
    """Above its rate a publisher is told when to come again, and loses nothing it was promised."""
    settings = {"quota.publish_per_s": 10, "workers": 2}
    with folder() as home, Receiver() as receiver, Budstikke(home / "data", settings) as node:
        api = node.api()
        api.subscribe(receiver.sink("s"))
        accepted, refused = [], None
        began = time.monotonic()
        for i in range(500):
            answer = node.api().publish(make_event(i)) if i % 2 else api.publish(make_event(i))
            if answer.status != 202:
                refused = answer
                break
            accepted.append(str(i))
        took = time.monotonic() - began
        assert refused is not None and refused.status == 429, refused
        assert 20 <= len(accepted) <= 21 + 10 * took, (len(accepted), took)
        assert int(refused.headers["retry-after"]) == 1, refused
        problem = refused.json()
        assert problem["type"].endswith("/rate-limited"), problem
        assert (problem["quota"], problem["limit"]) == ("publish_per_s", 10), problem
        assert node.metric("quota_publishes_refused_total") >= 1
        last = str(len(accepted))

        def again():
            return api.publish(make_event(last)).status == 202
        wait_until(again, "the publisher is never let in again", 20, 0.2)
        wait_until(lambda: len(receiver.pairs) >= len(accepted) + 1,
                   lambda: f"{len(receiver.pairs)} of {len(accepted) + 1} arrived", 30)
        node.wait_settled()
        assert len(receiver.pairs) == len(accepted) + 1, receiver.pairs
        assert api.get("/quota").json()["publish_per_s"] == {"limit": 10}


def story_publish_rate_over_two_nodes():
    """Two nodes share a publisher's rate: each lets half of it in."""
    with folder() as home, PrivateRedis(home / "redis") as redis:
        settings = {"redis.url": redis.url, "workers": 1, "quota.publish_per_s": 40}
        with Budstikke(home / "a", settings) as a, Budstikke(home / "b", settings) as b:
            wait_until(lambda: a.metric("nodes_live") == b.metric("nodes_live") == 2,
                       "they do not see each other", 30, 0.2)
            time.sleep(3)  # the quota takes the figure over once a second
            for node in (a, b):
                api, accepted, began = node.api(), 0, time.monotonic()
                while api.publish(make_event(f"{node.admin}-{accepted}")).status == 202:
                    accepted += 1
                    assert accepted < 5000, "never refused"
                took = time.monotonic() - began
                assert 40 <= accepted <= 41 + 20 * took, (accepted, took)


def story_parked_bytes():
    """Who has parked as much as it may can neither publish nor replay until receivers have taken
    some of it; what was accepted is delivered, all of it."""
    limit = 75_000
    settings = {"quota.parked_bytes": limit, "pull.enabled": "yes"}
    with folder() as home, Receiver() as receiver, Budstikke(home / "data", settings) as node:
        api = node.api()
        made = api.subscribe(receiver.sink("s"), types=["story.happened"])
        path = f"/subscriptions/{made['id']}"
        answer = api.request("POST", path + "/pause", {})
        assert answer.status == 200, answer
        # The last one is the one too many: whenever it is measured, all of them are parked.
        *events, last = [make_event(i, filler=10_000) for i in range(8)]
        assert api.publish(events).status == 202
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 7, "not parked", 30)
        assert api.publish(last).status == 202

        def refused():
            """By one that is parked for nobody."""
            answer = api.publish(make_event("more", kind="other"))
            assert answer.status in (202, 429), answer
            return answer if answer.status == 429 else None
        wait_until(refused, "never refused", 60, 0.5)
        answer = refused()
        assert int(answer.headers["retry-after"]) == 30, answer
        problem = answer.json()
        assert (problem["quota"], problem["limit"]) == ("parked_bytes", limit), problem
        assert 80_000 < problem["used"] < 90_000, problem
        quota = api.get("/quota").json()["parked_bytes"]
        assert quota == {"used": problem["used"], "limit": limit}, quota
        assert node.metric("quota_full_owners") == 1
        assert node.metric("parked_bytes") == problem["used"]
        answer = api.request("POST", path + "/replay", {"from": "2020-01-01T00:00:00Z"})
        assert answer.status == 429, answer
        answer = api.request("POST", path + "/resume", {})
        assert answer.status == 200, answer
        wait_until(lambda: len(receiver.pairs) >= 8, lambda: f"{len(receiver.pairs)} of 8", 30)
        wait_until(lambda: api.publish(make_event("last")).status == 202, "never let in", 60, 0.5)
        # It may have been measured when some had still to go.
        wait_until(lambda: api.get("/quota").json()["parked_bytes"]["used"] == 0,
                   lambda: api.get("/quota"), 30, 0.5)


def story_quotas_of_one_owner():
    """What the policy gives one owner stands for what the settings give all, also after SIGHUP."""
    with folder() as home:
        policy = home / "policy.json"

        def write(**quotas):
            policy.write_text(json.dumps({"quotas": [{"who": "local", **quotas}]}))
        write(subscriptions=2)
        settings = {"quota.subscriptions": 100, "auth.policy_file": policy}
        with Budstikke(home / "data", settings) as node:
            api = node.api()
            assert [subscribe(api, str(i)).status for i in range(3)] == [201, 201, 429]
            write(subscriptions=3)
            node.process.send_signal(signal.SIGHUP)
            wait_until(lambda: api.get("/quota").json()["subscriptions"]["limit"] == 3,
                       "the new quota is not in force", 20, 0.1)
            assert [subscribe(api, str(i)).status for i in range(2, 4)] == [201, 429]
