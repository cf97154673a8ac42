"""An event that is delivered and published again, over and over, ends."""
from kit import Budstikke, Receiver, folder, make_event, wait_until

STRUCTURED = "application/cloudevents+json"


def story_published_again():
    """A receiver that publishes whatever it gets as something new, and passes the count on, is
    refused the fourth time."""
    said = []

    def answer(d):
        hops = d.headers["webhook-hops"]
        api = node.api()
        back = api.request("POST", "/events", make_event(f"again-{len(said)}"),
                           {"content-type": STRUCTURED, "webhook-hops": hops})
        api.close()
        said.append((hops, back.status, back.json().get("type", "")))

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        assert node.api().publish(make_event("first")).status == 202
        wait_until(lambda: len(said) == 4, lambda: said, 30)
        node.wait_settled()
        assert [s[:2] for s in said] == [("1", 202), ("2", 202), ("3", 202), ("4", 409)], said
        assert said[3][2].endswith("loop"), said
        assert [d.event.get("webhookhops") for d in receiver.deliveries] == [None, 1, 2, 3]
