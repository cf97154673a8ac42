"""Private authorities and client certificates of a subscription, against a receiver over TLS."""
import json
import subprocess
import sys
from pathlib import Path

from kit import Api, Budstikke, binary, folder, make_event, wait_until

MERGE = {"content-type": "application/merge-patch+json"}


class TlsReceiver:
    """tests/receiver with an authority of its own, whose PEM is `ca`; `certificate` and `key` are a
    client's, signed by it."""

    def __init__(self, home):
        program = Path(binary()).parents[2] / "tests" / "receiver" / "test_receiver"
        if not program.is_file():
            print(f"{program} is not built")
            sys.exit(77)
        files = [home / "ca.pem", home / "client.pem"]
        self.process = subprocess.Popen(
            [program, "--ca", files[0], "--client", files[1]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = json.loads(self.process.stdout.readline())
        self.ca = files[0].read_text(encoding="ascii")
        self.certificate, begin, key = \
            files[1].read_text(encoding="ascii").partition("-----BEGIN PRIVATE KEY")
        self.key = begin + key

    def sink(self, port, path):
        return f"https://localhost:{self.ports[port]}/ok/{path}"

    def count(self, path):
        answer = Api(f"http://127.0.0.1:{self.ports['http']}").get("/_counts")
        return answer.json().get(f"/ok/{path}", 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)


def results(api, record):
    return {line["result"] for line in api.get(f"/subscriptions/{record['id']}/attempts").json()}


def story_private_authority():
    """It is what the receiver's certificate is held against, for its subscription alone."""
    with folder() as home, TlsReceiver(home) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        known = api.subscribe(receiver.sink("tls", "known"), config={"tls": {"ca": receiver.ca}})
        unknown = api.subscribe(receiver.sink("tls", "unknown"))
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: results(api, known) == {"delivered"}, lambda: results(api, known), 20)
        wait_until(lambda: results(api, unknown) == {"tls_failed"},
                   lambda: results(api, unknown), 20)
        assert receiver.count("known") == 1 and receiver.count("unknown") == 0
        assert api.request("PATCH", f"/subscriptions/{unknown['id']}",
                           {"config": {"tls": {"ca": receiver.ca}}}, MERGE).status == 200
        wait_until(lambda: receiver.count("unknown") == 1, "the repeat with the authority", 30)
        node.wait_settled()


def story_client_certificate():
    """It is shown to a receiver that asks, its key to nobody; both outlive a restart."""
    with folder() as home, TlsReceiver(home) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        tls = {"ca": receiver.ca, "certificate": receiver.certificate, "key": receiver.key}
        shown = api.subscribe(receiver.sink("tls_client", "shown"), config={"tls": tls})
        without = api.subscribe(receiver.sink("tls_client", "without"),
                                config={"tls": {"ca": receiver.ca}})
        path = f"/subscriptions/{shown['id']}"
        secret = receiver.key.splitlines()[1].encode()
        for answer in (api.get(path), api.get("/subscriptions")):
            assert answer.status == 200 and secret not in answer.body, answer
        assert "key" not in api.get(path).json()["config"]["tls"]
        assert api.get(path).json()["config"]["tls"]["certificate"] == receiver.certificate
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: results(api, shown) == {"delivered"}, lambda: results(api, shown), 20)
        wait_until(lambda: results(api, without), "an attempt without a certificate", 20)
        assert "delivered" not in results(api, without), results(api, without)
        assert receiver.count("shown") == 1 and receiver.count("without") == 0
        assert node.stop() == 0
        node.start()
        assert node.api().publish(make_event("2")).status == 202
        wait_until(lambda: receiver.count("shown") == 2, "one more after the restart", 20)


def story_asked_in_the_same_way():
    """The question before the first push goes over the same TLS, with the same credential."""
    with folder() as home, TlsReceiver(home) as receiver, Budstikke(home / "data", {
            "delivery.verify": "require", "delivery.origin": "bud.example"}) as node:
        api = node.api()
        tls = {"ca": receiver.ca, "certificate": receiver.certificate, "key": receiver.key}
        config = {"verify": "altinn", "tls": tls}
        made = api.subscribe(receiver.sink("tls_client", "asked"), config=config)
        unknown = api.subscribe(receiver.sink("tls_client", "unknown"), config={"verify": "altinn"})

        def status(record):
            return api.get(f"/subscriptions/{record['id']}").json()["status"]
        wait_until(lambda: status(made)["state"] == "active", lambda: status(made), 20)
        assert receiver.count("asked") == 1
        wait_until(lambda: "could not be asked" in status(unknown).get("detail", ""),
                   lambda: status(unknown), 20)
        assert receiver.count("unknown") == 0


def story_what_does_not_fit():
    """Is refused when it is written, by the member's name, and never quoted."""
    with folder() as home, folder() as other_home, TlsReceiver(home) as receiver, \
            TlsReceiver(other_home) as other, Budstikke(home / "data") as node:
        api = node.api()
        wrong = receiver.key.replace(receiver.key.splitlines()[1], "A" * 64)
        pair = {"certificate": receiver.certificate, "key": receiver.key}
        for member, tls in (("key", {**pair, "key": wrong}), ("key", {**pair, "key": other.key}),
                            ("key", {"certificate": receiver.certificate}),
                            ("certificate", {"key": receiver.key}),
                            ("certificate", {**pair, "certificate": receiver.key}),
                            ("ca", {"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n"})):
            answer = api.request("POST", "/subscriptions", {
                "protocol": "HTTP", "sink": receiver.sink("tls", "a"), "config": {"tls": tls}})
            assert answer.status == 400, (member, answer)
            assert answer.json()["member"] == f"config.tls.{member}", (member, answer)
            for key in (receiver.key, other.key):
                assert key.splitlines()[1].encode() not in answer.body
