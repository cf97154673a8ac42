"""Who has had nothing but failures for the time given is disabled, everybody who wants to know is
told, what was meant for it waits, and all of it goes when it is resumed."""
from kit import Budstikke, Receiver, folder, wait_until

NEWS = ["no.budstikke.subscription.disabled.v1", "no.budstikke.subscription.recovered.v1"]


def event(number):
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t"}


def story_disable_and_resume():
    settings = {"delivery.disable_after_s": "3"}
    with folder() as home, Receiver() as receiver, Receiver() as watcher, \
            Budstikke(home / "data", settings) as node:
        api = node.api()
        api.subscribe(watcher.sink("news"), types=NEWS)
        healthy = api.subscribe(watcher.sink("healthy"), types=["t"])
        subscription = api.subscribe(receiver.sink("a"), types=["t"])
        path = f"/subscriptions/{subscription['id']}"
        receiver.go_down()
        for number in range(20):
            assert api.publish(event(number)).status == 202

        def status():
            return api.get(path).json()["status"]
        wait_until(lambda: status()["state"] == "disabled", status, 40)
        assert status()["reason"] == "failing", status()
        assert api.get(f"/subscriptions/{healthy['id']}").json()["status"]["state"] == "active"
        for number in range(20, 30):
            assert api.publish(event(number)).status == 202
        wait_until(lambda: [d.event["type"] for d in watcher.on("news")] == NEWS[:1],
                   "one notice")
        notice = watcher.on("news")[0].event
        assert notice["subject"] == subscription["id"], notice
        assert notice["data"]["reason"] == "failing", notice
        receiver.go_up()
        assert api.request("POST", path + "/resume").status == 200
        wait_until(lambda: len(receiver.ids("a")) == 30,
                   lambda: f"{len(receiver.ids('a'))} of 30: {status()}", 30)
        wait_until(lambda: [d.event["type"] for d in watcher.on("news")] == NEWS,
                   "the recovery is told")
