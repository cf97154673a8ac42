"""One attempt, as a receiver sees it: its id and signature, where it goes and where never, how long
it may take, how many at a time."""
import time

from kit import (Budstikke, Ledger, Publisher, RawReceiver, Receiver, Reply, Verifier, folder,
                 make_event, patience, send_forever, wait_until)

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
FAIL = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def attempts(api, subscription):
    answer = api.get(f"/subscriptions/{subscription['id']}/attempts")
    assert answer.status == 200, answer
    return answer.json()


def story_webhook_id_over_restarts():
    """The id of a delivery stays the same over attempts, a kill and a clean restart."""
    failing = True

    def answer(_):
        return Reply(500) if failing else None

    with folder() as home, Receiver(answer) as receiver, Budstikke(home / "data") as node:
        # An attempt that runs when the node is killed is leased for its time-out and ten seconds.
        node.api().subscribe(receiver.sink("a"), config={"timeout_ms": 1000})
        Publisher(Ledger(), lambda: node.url).start(limit=3).join()
        for end in (node.kill, node.stop):
            seen = len(receiver.deliveries)
            wait_until(lambda: len(receiver.deliveries) >= seen + 3, "attempts")
            end()
            node.start()
        failing = False
        wait_until(lambda: len(receiver.on("a")) >= 3, "the last attempts", 30)
        ids = {}
        for d in receiver.deliveries:
            ids.setdefault(d.id, set()).add(d.webhook_id)
        assert len(ids) == 3 and all(len(of) == 1 for of in ids.values()), ids
        assert len(set.union(*ids.values())) == 3, ids
        assert all("." not in d.webhook_id for d in receiver.deliveries)


def story_fresh_per_attempt():
    """Each attempt is signed anew, at its own time; all of them verify."""
    with folder() as home, Verifier() as verifier, \
            Receiver(lambda d: Reply(500) if len(receiver.deliveries) < 2 else None) as receiver, \
            Budstikke(home / "data", {"delivery.retry_schedule_s": "2,2,2"}) as node:
        made = node.api().subscribe(receiver.sink("a"))
        assert node.api().publish(make_event("1")).status == 202
        wait_until(lambda: len(receiver.deliveries) == 3, "three attempts", 30)
        for name in ("webhook-timestamp", "webhook-signature"):
            said = [d.headers[name] for d in receiver.deliveries]
            assert len(set(said)) == 3, f"{name} of three attempts: {said}"
        times = [int(d.headers["webhook-timestamp"]) for d in receiver.deliveries]
        assert times == sorted(times) and abs(times[-1] - time.time()) < patience(10), times
        secrets = {"a": made["config"]["signing"]["secret"]}
        assert not (faults := verifier.faults(receiver.deliveries, secrets)), faults


def story_redirect():
    """A redirect is a failure; nobody asks at the place it names."""
    def answer(d):
        if d.path == "trap":
            return None
        statuses = [301, 302, 303, 307, 308]
        n = sum(x.path == "a" for x in receiver.deliveries)
        if n == len(statuses):
            return None
        return Reply(statuses[n], headers={"location": receiver.sink("trap")})

    with folder() as home, Receiver(answer) as receiver, Budstikke(
            home / "data", {"delivery.breaker_failures": 100}) as node:
        api = node.api()
        made = api.subscribe(receiver.sink("a"))
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: receiver.on("a"), "the attempt that is answered 204", 30)
        assert not [d for d in receiver.deliveries if d.path == "trap"], "it was followed"
        wait_until(lambda: len(attempts(api, made)) == 6, lambda: attempts(api, made))
        said = [line["status"] for line in attempts(api, made)]
        assert sorted(said) == [204, 301, 302, 303, 307, 308], said


def story_proxy_in_the_environment():
    """What curl would take from the environment and the home folder plays no part."""
    with folder() as home, RawReceiver(lambda s, _: s.sendall(OK)) as proxy, \
            RawReceiver(lambda s, _: s.sendall(OK)) as sink:
        (home / ".netrc").write_text("machine 127.0.0.1 login user password p\n"
                                     "default login user password p\n", encoding="ascii")
        environment = {"HOME": str(home), "NETRC": str(home / ".netrc"), "no_proxy": "",
                       "NO_PROXY": ""}
        for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY"):
            environment[name] = proxy.url
        with Budstikke(home / "data", env=environment) as node:
            node.api().subscribe(sink.url + "/a")
            assert node.api().publish(make_event("1")).status == 202
            wait_until(lambda: sink.requests, "the webhook")
            head = sink.requests[0].split(b"\r\n\r\n")[0].lower()
            assert head.startswith(b"post /a http/1.1\r\n"), head
            assert b"authorization:" not in head and b"cookie:" not in head, head
            assert not proxy.requests, proxy.requests


def story_private_sinks():
    """Without delivery.allow_networks no private or loopback sink: refused when it is named by its
    address, and when its name turns out to be one."""
    with folder() as home, Receiver() as receiver:
        with Budstikke(home / "data") as node:
            allowed = node.api().subscribe(receiver.sink("before"))
            assert node.stop() == 0
        settings = {"delivery.allow_networks": ""}
        with Budstikke(home / "data", settings) as node:
            api = node.api()
            for host in ("127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254",
                         "[::1]", "[fd00::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "100.64.0.1"):
                answer = api.request("POST", "/subscriptions", {
                    "protocol": "HTTP", "sink": f"http://{host}:{receiver.port}/a"})
                assert answer.status == 400 and b"sink" in answer.body, (host, answer)
            named = api.request("POST", "/subscriptions", {
                "protocol": "HTTP", "sink": f"http://localhost:{receiver.port}/named"})
            assert named.status in (201, 400), named
            assert api.publish(make_event("1")).status == 202
            for made in [allowed] + ([named.json()] if named.status == 201 else []):
                wait_until(lambda: attempts(api, made), f"an attempt for {made['sink']}", 20)
                line = attempts(api, made)[0]
                assert line["result"] != "delivered" and "status" not in line, line
            assert receiver.accepted_connections == 0, "it was asked all the same"


def story_own_listeners():
    """A sink that is this server itself is refused when it is written."""
    with folder() as home, Budstikke(home / "data") as node:
        api = node.api()
        for url in (node.url, node.admin):
            for sink in (url + "/events", url.replace("127.0.0.1", "localhost") + "/events"):
                answer = api.request("POST", "/subscriptions", {"protocol": "HTTP", "sink": sink})
                assert answer.status == 400 and answer.json()["member"] == "sink", (sink, answer)
        made = api.subscribe("http://127.0.0.1:8449/a")
        path = f"/subscriptions/{made['id']}"
        answer = api.request("PATCH", path, {"sink": node.url + "/events"},
                             {"content-type": "application/merge-patch+json"})
        assert answer.status == 400, answer


def story_dripping_receiver():
    """config.timeout_ms covers the response's whole body, however steadily it comes."""
    took = []

    def serve(s, _):
        if took:
            s.sendall(OK)
            return
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        took.append(send_forever(s, b"x", 0.05)[1])

    with folder() as home, RawReceiver(serve) as sink, Budstikke(home / "data") as node:
        api = node.api()
        made = api.subscribe(sink.url + "/a", config={"timeout_ms": 1000})
        assert api.publish(make_event("1")).status == 202
        wait_until(lambda: took, "the end of the drip", 20)
        assert 0.5 < took[0] < patience(5), f"cut after {took[0]:.2f} s"
        wait_until(lambda: len(sink.requests) == 2, "another attempt", 20)
        node.wait_settled()
        lines = attempts(api, made)
        assert sorted(line["result"] == "delivered" for line in lines) == [False, True], lines


def story_endless_receiver():
    """A response that does not end is read to a limit, and costs no memory."""
    sent = []

    def serve(s, _):
        s.sendall(b"HTTP/1.1 500 X\r\ncontent-length: 1000000000\r\n\r\n" if not sent else OK)
        if not sent:
            sent.append(send_forever(s, b"x" * 65536)[0])

    with folder() as home, RawReceiver(serve) as sink, Budstikke(home / "data") as node:
        node.api().subscribe(sink.url + "/a")
        assert node.api().publish(make_event("1")).status == 202
        wait_until(lambda: sent, "the connection's end", 20)
        assert sent[0] < 16 << 20, f"{sent[0]} bytes were taken, or stood in socket buffers"
        wait_until(lambda: len(sink.requests) == 2, "another attempt", 20)
        node.wait_settled()


def story_traceparent_of_binary():
    """A header field of its own in each attempt, and none where the event has none."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        head = {"ce-specversion": "1.0", "ce-source": "/s", "ce-type": "t",
                "content-type": "application/json"}
        with_trace = {**head, "ce-id": "1", "ce-traceparent": trace}
        assert api.request("POST", "/events", b"{}", with_trace).status == 202
        assert api.request("POST", "/events", b"{}", {**head, "ce-id": "2"}).status == 202
        wait_until(lambda: len(receiver.deliveries) == 2, "both")
        by_id = {d.id: d.headers for d in receiver.deliveries}
        assert by_id["1"]["traceparent"] == trace, by_id["1"]
        assert "traceparent" not in by_id["2"], by_id["2"]


def story_schedule():
    """Attempts follow delivery.retry_schedule_s within a fifth, and what claiming takes."""
    settings = {"delivery.retry_schedule_s": "1,4", "delivery.breaker_failures": 100}
    with folder() as home, Receiver(lambda d: Reply(500)) as receiver, \
            Budstikke(home / "data", settings) as node:
        node.api().subscribe(receiver.sink("a"))
        assert node.api().publish(make_event("1")).status == 202
        wait_until(lambda: len(receiver.deliveries) == 3, "three attempts", 30)
        at = [d.at for d in receiver.deliveries]
        for gap, step in ((at[1] - at[0], 1), (at[2] - at[1], 4)):
            assert 0.79 * step <= gap <= patience(1.2 * step + 1), f"{gap:.2f} s, wanted {step}"


def most_at_a_time(deliveries, delay):
    """Of deliveries that were answered after `delay` each."""
    turns = sorted([(d.at, 1) for d in deliveries]
                   + [(d.at + delay - 0.01, -1) for d in deliveries])
    running = most = 0
    for _, step in turns:
        running += step
        most = max(most, running)
    return most


def story_window():
    """To one endpoint 16 attempts at a time at first, more while it bears them and never above 64,
    by however many workers."""
    delay = 0.3
    with folder() as home, Receiver(lambda d: Reply(delay_s=delay)) as receiver, \
            Budstikke(home / "data", {"workers": 3}) as node:
        node.api().subscribe(receiver.sink("a"))
        Publisher(Ledger(), lambda: node.url).start(limit=400).join()
        wait_until(lambda: len(receiver.deliveries) >= 400, "all arrive", 60)
        began = min(d.at for d in receiver.deliveries)
        first = most_at_a_time([d for d in receiver.deliveries if d.at < began + delay], delay)
        most = most_at_a_time(receiver.deliveries, delay)
        assert 8 <= first <= 16, f"{first} at a time at first"
        assert 16 < most <= 64, f"{most} at a time"
        node.wait_settled()


def story_window_halves():
    """One answer of 503 among good ones: half as many at a time from then on."""
    delay = 0.4
    came = []

    def answer(d):
        came.append(d)
        return Reply(503 if len(came) == 1 else 204, delay_s=delay)

    with folder() as home, Receiver(answer) as receiver, \
            Budstikke(home / "data", {"workers": 2}) as node:
        node.api().subscribe(receiver.sink("a"))
        Publisher(Ledger(), lambda: node.url).start(limit=100).join()
        wait_until(lambda: len(receiver.ids("a")) == 100, "all arrive", 60)
        halved = came[0].at + delay + 0.2
        before = most_at_a_time([d for d in came if d.at < halved], delay)
        after = most_at_a_time([d for d in came if halved < d.at < halved + 2 * delay], delay)
        assert before > 8, f"{before} at a time before"
        assert 0 < after <= 10, f"{after} at a time after"
        assert node.metric("window_halvings_total") == 1
        node.wait_settled()


def story_breaker():
    """After failures in a row the endpoint is left alone but for probes; no delivery's attempts are
    used up by that, and all go when it is well again."""
    ill = True
    settings = {"delivery.breaker_open_s": 3, "delivery.retry_schedule_s": "1,1,1"}
    with folder() as home, Receiver(lambda d: Reply(503) if ill else None) as receiver, \
            Budstikke(home / "data", settings) as node:
        api = node.api()
        made = api.subscribe(receiver.sink("a"))
        Publisher(Ledger(), lambda: node.url).start(limit=300).join()
        wait_until(lambda: node.metric("breaker_opened_total") >= 1, "the breaker opens", 20)
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 7, "some probes", 20, 0.1)
        tried = len(receiver.deliveries)
        # The window's 16 at first, again until five have failed in a row, then a probe in 3 s.
        assert tried <= 40, f"{tried} attempts at a receiver that fails"
        ill = False
        wait_until(lambda: len(receiver.ids("a")) == 300, "everybody's turn", 60)
        node.wait_settled()
        assert node.metric("deliveries_dead_total") == 0, "attempts were used up"
        assert api.get(f"/subscriptions/{made['id']}/dead").json()["total"] == 0
