"""Trying a receiver: a marked event that reaches one subscription and no other."""
from kit import Budstikke, Receiver, folder, wait_until


def story_test_event_reaches_its_receiver_only():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        mine = api.subscribe(receiver.sink("mine"))
        api.subscribe(receiver.sink("everything"))
        filtered = api.subscribe(receiver.sink("filtered"), types=["never"])
        for subscription, path in ((mine, "mine"), (filtered, "filtered")):
            answer = api.request("POST", f"/subscriptions/{subscription['id']}/test", {})
            assert answer.status == 202, answer
            event = answer.json()["id"]
            got = wait_until(lambda: [d for d in receiver.deliveries if d.path.endswith(path)],
                             "the test event arrives")
            assert len(got) == 1 and got[0].event["id"] == event, got
            assert got[0].event["budstikketest"] is True, got

            def attempts():
                log = api.get(f"/subscriptions/{subscription['id']}/attempts").json()
                return [line for line in log if event in str(line)]
            wait_until(attempts, "the attempt log has it")
        assert {d.path.rpartition("/")[2] for d in receiver.deliveries} == {"mine", "filtered"}
