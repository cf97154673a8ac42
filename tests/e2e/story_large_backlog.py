"""Events of the largest size that come after many small ones: the reader cannot know, Redis may
cut the connection for the size of its answer, and the sweep takes them up a few at a time."""
import json
import os
import signal

from kit import Budstikke, Receiver, folder, wait_until

LARGE = 200
FILLER = "x" * 1_000_000


def story_small_then_large():
    with folder() as home, Receiver() as receiver, \
            Budstikke(home / "data", {"workers": 1}) as node:
        api = node.api()
        api.subscribe(receiver.sink("a"), types=["large"])
        for i in range(3):
            api.publish([{"specversion": "1.0", "id": f"{i}-{n}", "source": "/small",
                          "type": "small"} for n in range(1000)])
        wait_until(lambda: node.metric("events_acked_total") >= 3000, "the small ones", 30, 0.1)
        with node.redis() as client:
            os.kill(node.pid, signal.SIGSTOP)
            try:
                for n in range(LARGE):
                    body = json.dumps({"specversion": "1.0", "id": str(n), "source": "/large",
                                       "type": "large", "data": FILLER})
                    client("XADD", f"bud:{{s0}}:p{n % 2}:events", "*", "o", "local", "e", body)
            finally:
                os.kill(node.pid, signal.SIGCONT)
        wait_until(lambda: len(receiver.pairs) >= LARGE,
                   lambda: f"{len(receiver.pairs)} of {LARGE}: {node.metrics()}", 60, 0.2)
        node.wait_settled()
        assert node.metric("events_lost_total") == 0
