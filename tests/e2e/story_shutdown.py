"""SIGTERM drains and exits 0; a data directory has one server at a time."""
import os
import signal
import time

from kit import (Budstikke, Ledger, Load, Program, Publisher, Receiver, Reply, folder, patience,
                 wait_until)


def story_drain():
    """Under load: what runs is finished, nothing is repeated, and the next start has the rest."""
    with folder() as home, Load(paths=("a", "b"), delay_s=0.05) as load, \
            Budstikke(home / "data", {"server.drain_s": 10}) as node:
        load.subscribe(node)
        load.publish(lambda: node.url)
        wait_until(lambda: len(load.receiver.pairs) > 100, "a load", 30)
        began = time.monotonic()
        assert node.stop() == 0, node.tail()
        assert time.monotonic() - began < patience(12)
        assert not node.find_redis(), "the embedded redis-server outlives its server"
        stopped = len(load.receiver.deliveries)
        time.sleep(0.5)
        assert len(load.receiver.deliveries) == stopped, "an attempt after the end"
        node.start()
        report = load.finish()
        assert not report.duplicates, f"repeated by a clean stop: {report}"
        node.wait_settled()


def story_hanging_receiver():
    """An attempt that does not end does not hold the stop longer than the drain's limit."""
    with folder() as home, Receiver(lambda d: Reply(hang=True)) as receiver, \
            Budstikke(home / "data", {"server.drain_s": 2}) as node:
        node.api().subscribe(receiver.sink("a"))
        Publisher(Ledger(), lambda: node.url).start(limit=20).join()
        wait_until(lambda: receiver.deliveries, "an attempt")
        began = time.monotonic()
        assert node.stop() == 0, node.tail()
        assert time.monotonic() - began < patience(6)


def story_interrupt():
    """SIGINT, as from a terminal, is the same."""
    with folder() as home, Budstikke(home / "data") as node:
        os.kill(node.pid, signal.SIGINT)
        assert node.wait(30) == 0, node.tail()


def story_one_server_per_directory():
    """A second server on the same data directory is refused; the first does not notice."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        second = Program(node.arguments(), home / "second.log")
        code = second.wait(20)
        assert code != 0
        said = second.tail()
        assert str(node.data) in said and len(said.strip().splitlines()) <= 3, said
        Publisher(Ledger(), lambda: node.url).start(limit=20).join()
        wait_until(lambda: len(receiver.pairs) == 20, "the first goes on")


def story_restart_after_kill():
    """The redis-server of a killed dispatcher never becomes the rival of the next one's."""
    with folder() as home, Receiver() as receiver, Budstikke(home / "data") as node:
        node.api().subscribe(receiver.sink("a"))
        for i in range(3):
            Publisher(Ledger(), lambda: node.url, f"r{i}").start(limit=20).join()
            node.kill()
            node.start()
            assert len(node.find_redis()) == 1, node.find_redis()
        wait_until(lambda: len(receiver.pairs) == 60, "everything arrives", 60)
