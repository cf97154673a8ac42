"""What a person on call sees: metrics, health, readiness, logs."""
import json
import re
import time

from kit import (Api, Budstikke, Ledger, PrivateRedis, Publisher, Receiver, Reply, folder,
                 hold_port, make_event, wait_until)


def story_metrics_and_health():
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        Publisher(Ledger(), lambda: node.url).start(limit=100).join()
        wait_until(lambda: len(receiver.pairs) == 100, "all arrive")
        node.wait_settled()
        m = node.metrics()
        for name in ("events_accepted_total", "events_read_total", "events_acked_total",
                     "deliveries_matched_total", "deliveries_delivered_total", "attempts_ok_total",
                     "ingest_seconds_count", "push_seconds_count"):
            assert m["budstikke_" + name] >= (1 if "ingest" in name else 100), (name, m)
        assert m["budstikke_events_lost_total"] == 0
        admin = Api(node.admin)
        assert admin.get("/healthz").status == 200
        assert admin.get("/readyz").status == 200
        assert admin.get("/metrics").type == "text/plain"
        assert node.api().get("/metrics").status == 404, "not on the public listener"


def story_not_ready_without_redis():
    with folder() as home, PrivateRedis(home / "redis") as redis, \
            Budstikke(home / "data", {"redis.url": redis.url}) as node:
        admin = Api(node.admin)
        redis.kill()
        wait_until(lambda: admin.get("/readyz").status == 503, "not ready", 15, 0.1)
        assert admin.get("/healthz").status == 200, "alive all the same"
        redis.start()
        wait_until(lambda: admin.get("/readyz").status == 200, "ready again", 30, 0.1)


def story_admin_before_redis():
    """The admin listener tells what a node waits for, before there is any Redis."""
    held, port = hold_port()
    with held, folder() as home:
        node = Budstikke(home / "data", {"redis.url": f"unix:{home}/nobody.sock",
                                         "admin.listen": f"127.0.0.1:{port}"}, start=False)
        try:
            node.start(2)
        except AssertionError:
            admin = Api(f"http://127.0.0.1:{port}")
            assert admin.get("/healthz").status == 200
            assert admin.get("/readyz").status == 503
            assert b"budstikke_redis_up 0" in admin.get("/metrics").body
        else:
            raise AssertionError("it started without a Redis")
        finally:
            node.kill()


def story_wrong_redis_is_refused():
    """A Redis that evicts would lose events: refused with the setting's name."""
    with folder() as home, PrivateRedis(
            home / "redis", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru") as redis:
        node = Budstikke(home / "data", {"redis.url": redis.url}, start=False)
        try:
            node.start(5)
        except AssertionError as error:
            assert "maxmemory-policy" in str(error), error
        else:
            raise AssertionError("it started")
        finally:
            node.kill()


def story_json_log():
    with folder() as home, Budstikke(home / "data", {"log.format": "json"}) as node:
        node.stop()
        lines = [line for line in node.log.read_text(encoding="utf-8").splitlines() if line]
        assert lines and all(isinstance(json.loads(line), dict) for line in lines), lines


def story_text_log():
    """key=value lines; no secret, no sink, no payload in them."""
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    with folder() as home, Receiver(lambda d: Reply(500)) as receiver, \
            Budstikke(home / "data", {"log.level": "debug"}) as node:
        node.api().subscribe(receiver.sink("very-private"), config={"signing": {"secret": secret}})
        assert node.api().publish(make_event("1", subject="person-4711")).status == 202
        wait_until(lambda: node.metric("breaker_opened_total") >= 1, "the breaker opens", 30, 0.1)
        assert node.stop() == 0
        text = node.log.read_text(encoding="utf-8")
        line = re.compile(r'time=\S+Z level=(error|warn|info|debug) msg=("[^"]*"|\S+)'
                          r'( [a-z_]+=("([^"\\]|\\.)*"|\S*))*')
        for said in text.splitlines():
            assert line.fullmatch(said), said
        assert "level=warn" in text, text
        for private in ("very-private", secret, secret[6:], "person-4711", "filler"):
            assert private not in text, f"{private} in the log"


def story_listening_line():
    """One line on stdout, when it is ready: what it names answers."""
    with folder() as home, Budstikke(home / "data") as node:
        line = node.lines[0]
        said = re.fullmatch(r"listening url=(http://127\.0\.0\.1:\d+) "
                            r"admin=(http://127\.0\.0\.1:\d+) redis=embedded data=(\S+)", line)
        assert said, line
        assert said.group(3) == str(node.data), line
        ready = Api(said.group(2)).get("/readyz")
        assert ready.status == 200, f"not ready when it says so: {ready}"
        assert Api(said.group(1)).get("/subscriptions").status == 200
        assert node.stop() == 0
        assert len(node.lines) == 1, node.lines


def story_histograms_of_every_step():
    """Ingest, barrier, match, push, settle, claim, delivery: each has a histogram that moves."""
    seen = set()

    def first_fails(d):
        if d.id in seen:
            return None
        seen.add(d.id)
        return Reply(500) if d.id == "1" else None

    with folder() as home, Receiver(first_fails) as receiver, Budstikke(home / "data") as node:
        api = node.api()
        api.subscribe(receiver.sink("a"))
        for i in range(10):
            assert api.publish(make_event(i)).status == 202
        wait_until(lambda: len(receiver.ids("a")) == 10, "all arrive")
        node.wait_settled()
        text = Api(node.admin).get("/metrics").body.decode()
        for step in ("ingest", "barrier", "match", "push", "settle", "claim", "delivery"):
            name = f"budstikke_{step}_seconds"
            assert f"# TYPE {name} histogram" in text, name
            buckets = [(float(le), int(n)) for le, n in
                       re.findall(name + r'_bucket\{le="([^"]+)"\} (\d+)', text)]
            count = int(re.search(name + r"_count (\d+)", text).group(1))
            total = float(re.search(name + r"_sum (\S+)", text).group(1))
            assert count >= 1, f"{name} does not move"
            assert buckets[-1] == (float("inf"), count), (name, buckets[-1])
            assert buckets == sorted(buckets) and len(buckets) > 10, name
            assert [n for _, n in buckets] == sorted(n for _, n in buckets), name
            assert 0 <= total < 60 * count, (name, total)


def story_embedded_is_durable_and_bounded():
    """Every 202 rests on these settings of the embedded redis-server."""
    with folder() as home, Budstikke(
            home / "data", {"memory.limit_bytes": "1073741824"}) as node, node.redis() as redis:
        def setting(name):
            return redis("CONFIG", "GET", name)[1].decode()
        assert setting("appendonly") == "yes" and setting("appendfsync") == "always"
        assert setting("maxmemory-policy") == "noeviction"
        assert abs(int(setting("maxmemory")) - 0.45 * (1 << 30)) < (1 << 20), setting("maxmemory")
        assert setting("port") == "0", "it listens on nothing but its unix socket"
        wait_until(lambda: node.metric("redis_max_bytes") == int(setting("maxmemory")),
                   lambda: node.metrics(), 10, 0.1)
        assert node.data.stat().st_mode & 0o077 == 0, "others can look into the data directory"


def entries(redis):
    return sum(redis("XLEN", f"bud:{{s0}}:p{i}:events") for i in range(16))


def story_retention():
    """What is settled goes at once with retention.age_s = 0; what is parked outlives its entry in
    the stream, and arrives."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"retention.age_s": 0}) as node, node.redis() as redis:
        node.api().subscribe(receiver.sink("a"))
        receiver.go_down()
        Publisher(Ledger(), lambda: node.url).start(limit=300).join()
        wait_until(lambda: node.metric("events_trimmed_total") >= 200 and entries(redis) <= 100,
                   lambda: f"{entries(redis)} entries stay: {node.metrics()}", 30, 0.2)
        receiver.go_up()
        wait_until(lambda: len(receiver.ids("a")) == 300,
                   lambda: f"{len(receiver.ids('a'))} of 300", 60)
        node.wait_settled()
        assert node.metric("events_lost_total") == 0
        assert not redis("EXISTS", "bud:{s0}:kept"), "copies of what nobody waits for"


def story_too_old():
    """A parked delivery older than retention.age_s has no more attempts: it is a dead letter first,
    and forgotten as old."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"retention.age_s": 3}) as node, node.redis() as redis:
        api = node.api()
        made = api.subscribe(receiver.sink("a"))
        receiver.go_down()
        Publisher(Ledger(), lambda: node.url).start(limit=50).join()
        wait_until(lambda: node.metric("deliveries_dead_total") == 50,
                   lambda: f"not dead: {node.metrics()}", 40, 0.1)
        wait_until(lambda: api.get(f"/subscriptions/{made['id']}/dead").json()["total"] == 0,
                   "dead letters are forgotten", 60, 0.2)
        node.wait_settled()
        assert node.metric("events_lost_total") == 0
        for name in ("kept", "refs", f"dead:{made['id']}"):
            assert not redis("EXISTS", "bud:{s0}:" + name), f"{name} is still there"


def story_too_old_for_a_pause():
    """What waits for a paused subscription waits no longer than the retention: when it is resumed,
    what is older is a dead letter that says so, and what is not is delivered."""
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"retention.age_s": 8}) as node:
        api = node.api()
        made = api.subscribe(receiver.sink("a"))
        path = f"/subscriptions/{made['id']}"
        assert api.request("POST", path + "/pause").status == 200
        for number in range(20):
            assert api.publish(make_event(f"old-{number}")).status == 202
        published = time.monotonic()
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 20, node.metrics, 20)
        wait_until(lambda: time.monotonic() - published > 8.5, "the retention passes", 20)
        assert api.get(path + "/parked").json()["total"] == 20, "a pause keeps them"
        for number in range(20):
            assert api.publish(make_event(f"new-{number}")).status == 202
        wait_until(lambda: api.get(path + "/parked").json()["total"] == 40, node.metrics, 20)
        assert api.request("POST", path + "/resume").status == 200
        wait_until(lambda: len(receiver.ids("a")) == 20, lambda: receiver.ids("a"), 7, 0.1)
        assert {d.id for d in receiver.deliveries} == {f"new-{n}" for n in range(20)}

        def dead():
            return api.get(path + "/dead").json()
        # They are claimed first, but another worker may be faster with the others.
        wait_until(lambda: dead()["total"] == 20, dead, 20)
        assert "retention" in json.dumps(dead()), dead()


def story_wrong_password():
    """It does not start, says why, and does not show the password."""
    with folder() as home, PrivateRedis(home / "redis") as redis:
        with redis.client() as client:
            client("CONFIG", "SET", "requirepass", "the-right-one")
        node = Budstikke(home / "data", {"redis.url": f"unix:{redis.socket}"}, start=False)
        try:
            node.start(5)
        except AssertionError as error:
            assert "NOAUTH" in str(error) or "password" in str(error), error
        else:
            raise AssertionError("it started without the password")
        finally:
            if node.process.poll() is None:
                node.kill()
