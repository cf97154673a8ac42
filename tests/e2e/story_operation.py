"""What a person on call sees: metrics, health, readiness, logs."""
import json

from kit import Api, Budstikke, Ledger, PrivateRedis, Publisher, Receiver, folder, wait_until


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


def story_wrong_redis_is_refused():
    """A Redis that evicts would lose events: refused with the setting's name."""
    with folder() as home, PrivateRedis(
            home / "redis", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru") as redis:
        node = Budstikke(home / "data", {"redis.url": redis.url}, start=False)
        try:
            node.start(15)
        except AssertionError as error:
            assert "maxmemory-policy" in str(error), error
        else:
            node.kill()
            raise AssertionError("it started")


def story_json_log():
    with folder() as home, Budstikke(home / "data", {"log.format": "json"}) as node:
        node.stop()
        lines = [line for line in node.log.read_text(encoding="utf-8").splitlines() if line]
        assert lines and all(isinstance(json.loads(line), dict) for line in lines), lines
