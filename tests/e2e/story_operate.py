"""What an owner and an operator do by hand: pause and resume, replay, explain, try, look up."""
import itertools

from kit import Api, Budstikke, Receiver, Reply, folder, make_event, wait_until


def outcome(api, identity, subscription):
    answer = api.get(f"/events/{identity}?source=/stories")
    assert answer.status == 200, answer
    return next(s["outcome"] for s in answer.json()["subscriptions"]
                if s["subscription"] == subscription)


def story_pause_keeps_and_resume_delivers():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        mine = api.subscribe(receiver.sink("a"))
        path = f"/subscriptions/{mine['id']}"
        paused = api.request("POST", path + "/pause", {"reason": "moving house"})
        assert paused.json()["status"]["detail"] == "moving house", paused
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 1, "parked while paused")
        assert not receiver.deliveries and outcome(api, "1", mine["id"]) == "parked"
        asked = {"subscription": mine["id"], "event": {"id": "1", "source": "/stories"}}
        why = api.request("POST", "/explain", asked).json()
        assert why["match"]["matches"] and why["status"]["state"] == "paused", why
        assert api.request("POST", path + "/resume", {}).status == 200
        wait_until(lambda: receiver.deliveries, "delivered after the resume")
        wait_until(lambda: outcome(api, "1", mine["id"]) == "delivered", "and told")
        assert len(receiver.deliveries) == 1


def story_operator_pauses_everything():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api, admin = node.api(), Api(node.admin)
        mine = api.subscribe(receiver.sink("a"))
        assert admin.request("POST", "/pause", {"all": True, "reason": "drill"}).status == 200
        asked = {"subscription": mine["id"],
                 "event": {"specversion": "1.0", "id": "x", "source": "/s", "type": "t"}}
        assert api.request("POST", "/explain", asked).json()["pauses"][0]["reason"] == "drill"
        assert [p["id"] for p in admin.get("/pauses").json()] == ["all"]
        numbers = itertools.count()

        def parked():
            assert api.publish(make_event(next(numbers))).status == 202
            return api.get(f"/subscriptions/{mine['id']}/parked").json()["total"] > 0
        wait_until(parked, "the nodes follow within half a second", 10, 0.2)
        held = len(receiver.deliveries)
        assert admin.request("POST", "/resume", {"all": True}).json()["was_paused"] is True
        wait_until(lambda: len(receiver.deliveries) > held, "what was held goes on", 30)
        stats = wait_until(lambda: api.get(f"/subscriptions/{mine['id']}/stats").json(), "stats")
        assert stats["dead"] == 0 and stats["state"] == "active", stats
        assert api.get("/endpoints").status == 200


def story_replay_of_dead_letters_and_of_time():
    broken = [True]

    def answer(_):
        return Reply(400) if broken[0] else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        mine = api.subscribe(receiver.sink("a"), config={"retry": {"schedule": []}})
        path = f"/subscriptions/{mine['id']}"
        for i in range(3):
            assert api.publish(make_event(i)).status == 202
        wait_until(lambda: api.get(path + "/dead").json()["total"] == 3, "three dead letters")
        row = api.get(path + "/dead").json()["items"][0]
        assert row["status"] == 400 and row["reason"], row
        lines = api.get(path + "/dead?format=ndjson").body.splitlines()
        assert len(lines) == 3, lines
        broken[0] = False
        seen = {d.id: d.webhook_id for d in receiver.deliveries}
        one = api.request("POST", f"{path}/dead/{row['delivery']}/replay", {})
        assert one.status == 202 and one.json()["revived"] == 1, one
        wait_until(lambda: api.get(path + "/dead").json()["total"] == 2, "one is no dead letter")
        rest = api.request("POST", path + "/replay", {"source": "dead"})
        assert rest.status == 202, rest
        wait_until(lambda: api.get(path + "/dead").json()["total"] == 0, "nor are the others", 30)
        wait_until(lambda: len([d for d in receiver.deliveries if d.status == 204]) == 3,
                   "all three delivered", 30)
        for delivery in receiver.deliveries:
            assert delivery.webhook_id == seen[delivery.id], "the same webhook-id"
        wait_until(lambda: api.get(path + "/replay").json()["state"] == "none", "the job is done")
        late = api.subscribe(receiver.sink("late"), **{"from": "2026-01-01T00:00:00Z"})
        wait_until(lambda: len([d for d in receiver.deliveries if d.path.endswith("late")]) == 3,
                   f"a late one gets what it missed: {late}", 30)


def story_secret_rotation_tells_the_new_one_once():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        mine = api.subscribe(receiver.sink("a"))
        path = f"/subscriptions/{mine['id']}"
        old = mine["config"]["signing"]["secret"]
        answer = api.request("POST", path + "/secret", {"overlap_s": 60})
        new = answer.json()["config"]["signing"]["secret"]
        assert answer.status == 200 and new != old, answer
        assert new.encode() not in api.get(path).body
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: receiver.deliveries, "delivered")
        signatures = receiver.deliveries[0].headers["webhook-signature"].split()
        assert len(signatures) == 2, "signed by both"
