"""CloudEvents SQL as a filter: what holds is delivered, an error is no match, and why is told."""
import json

from kit import Budstikke, Receiver, folder, make_event, wait_until

WANTS = {
    "index": ("type = 'a.created' AND region IN ('north', 'south')",
              lambda e: e["type"] == "a.created" and e.get("region") in ("north", "south")),
    "number": ("amount > 100", lambda e: int(e.get("amount", 0)) > 100),
    "like": ("source LIKE '/stories%' AND NOT EXISTS region", lambda e: "region" not in e),
    "error": ("region != 'north'", lambda e: e.get("region", "north") != "north"),
}


def story_expressions():
    """Numbers stay numbers, a missing attribute is an error, which is not even true below NOT; and
    the registry gives expressions back as they were, also after a restart."""
    with folder() as home, Receiver() as receiver:
        bodies = []
        for i in range(60):
            attributes = {}
            if i % 3:
                attributes["region"] = ("north", "south", "west")[i % 5 % 3]
            if i % 4:
                attributes["amount"] = 40 * i % 250
            bodies.append(make_event(f"e{i}", ("a.created", "a.updated")[i % 2], **attributes))
        events = [json.loads(body) for body in bodies]
        with Budstikke(home / "data") as node:
            made = {name: node.api().subscribe(receiver.sink(name), filters=[{"sql": text}])
                    for name, (text, _) in WANTS.items()}
            assert node.api().publish(bodies[:30]).status == 202
            node.wait_settled()
        with Budstikke(home / "data") as node:
            api = node.api()
            for name, (text, _) in WANTS.items():
                got = api.get("/subscriptions/" + made[name]["id"]).json()
                assert got["filters"] == [{"sql": text}], got
            assert api.publish(bodies[30:]).status == 202
            for name, (_, wanted) in WANTS.items():
                expected = {(e["source"], e["id"]) for e in events if wanted(e)}
                assert expected, name
                wait_until(lambda: receiver.ids(name) == expected,
                           lambda: f"{name}: differ {receiver.ids(name) ^ expected}", 60)
            node.wait_settled()
            why = api.request("POST", "/explain", {
                "subscription": made["index"]["id"], "event": events[1]}).json()["match"]
            assert why["failed"]["path"] == "filters[0].sql.type", why
            assert (why["failed"]["wanted"], why["failed"]["actual"]) == \
                ("a.created", "a.updated"), why
            why = api.request("POST", "/explain", {
                "subscription": made["error"]["id"], "event": events[0]}).json()["match"]
            assert why["failed"] == {"path": "filters[0].sql.region", "wanted": {"exists": True},
                                     "actual": None}, why
            assert any(c.get("error") == "missingAttribute" for c in why["clauses"]), why
