"""The real program as a child: started on free ports, killed, drained, asked for its metrics."""
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from kit.api import Api
from kit.redis import Redis
from kit.wait import patience, wait_until

ROOT = Path(__file__).resolve().parents[3]
SANITIZER = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .*failed")


def binary():
    """BUDSTIKKE, or the one in build/."""
    named = os.environ.get("BUDSTIKKE")
    if named:
        return str(Path(named).resolve())
    for place in ("build/src/app/budstikke", "build/budstikke"):
        if (ROOT / place).is_file():
            return str(ROOT / place)
    raise AssertionError("no budstikke in build/; set BUDSTIKKE")


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class Program:
    """A child whose stdout lines are collected and whose stderr goes to a file."""

    def __init__(self, arguments, log, env=None):
        self.log = Path(log)
        self.lines = []
        with open(self.log, "ab") as stderr:
            self.process = subprocess.Popen(
                [str(a) for a in arguments], stdout=subprocess.PIPE, stderr=stderr,
                env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def wait_line(self, start, seconds=20):
        """The first line on stdout that begins with `start`."""
        def look():
            found = [line for line in self.lines if line.startswith(start)]
            if not found and self.process.poll() is not None:
                self.reader.join(5)
                found = [line for line in self.lines if line.startswith(start)]
                assert found, f"ended with {self.process.returncode}:\n{self.tail()}"
            return found and found[0]
        return wait_until(look, lambda: f"no line {start!r}:\n{self.tail()}", seconds)

    def tail(self, n=40):
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(self.lines[-n:] + text.splitlines()[-n:])

    def wait(self, seconds=30):
        """The exit code."""
        try:
            code = self.process.wait(patience(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {seconds} s:\n{self.tail()}") from None
        self.reader.join(5)
        return code

    def kill(self):
        """kill -9, and no more than that: what it leaves behind is the point."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def faults(self):
        """Reports of a sanitizer or an assertion in the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if SANITIZER.search(line)]


# A port that is never given to whoever asks for a free one.
NOBODY = "http://127.0.0.1:9"


class Budstikke(Program):
    """`budstikke serve`. Settings are {"section.key": value}; given ones win over the kit's."""

    def __init__(self, data, settings=None, start=True, env=None):
        self.data = Path(data)
        self.data.mkdir(exist_ok=True)
        self.env = env
        self.settings = {
            "server.listen": "127.0.0.1:0",
            "admin.listen": "127.0.0.1:0",
            "data.dir": self.data,
            "delivery.allow_http": "yes",
            "delivery.allow_networks": "127.0.0.0/8",
            "delivery.retry_schedule_s": "1,1,1,1,1,1,1,1,2,2,2,2,2,2,5,5,5,5,5,5",
            "delivery.breaker_open_s": "1",
            **(settings or {}),
        }
        self.redis_pids = set()
        if start:
            self.start()

    def arguments(self):
        settings = [("--set", f"{k}={v}") for k, v in self.settings.items()]
        wrapper = os.environ.get("BUD_TEST_WRAPPER", "").split()
        return [*wrapper, binary(), "serve", *[word for pair in settings for word in pair]]

    def start(self, seconds=30):
        super().__init__(self.arguments(), str(self.data) + ".log", self.env)
        line = self.wait_line("listening ", seconds)
        said = dict(word.split("=", 1) for word in line.split()[1:])
        self.url, self.admin = said["url"], said["admin"]
        self.redis_pids |= self.find_redis()
        return self

    def kill(self):
        """Its ports may be another story's at once: what is sent from now on reaches nobody."""
        self.url = self.admin = NOBODY
        super().kill()

    def api(self, timeout=10.0, token=None):
        return Api(self.url, patience(timeout), token)

    def key(self, name, *scopes, **members):
        """A new API key, made on the admin listener."""
        answer = Api(self.admin, patience(10)).request(
            "POST", "/api-keys", {"name": name, "scopes": list(scopes), **members})
        assert answer.status == 201, answer
        return answer.json()

    def metrics(self):
        """{name: value} without labels; buckets are left out."""
        answer = Api(self.admin, patience(10)).get("/metrics")
        assert answer.status == 200, answer
        found = {}
        for line in answer.body.decode().splitlines():
            if line and line[0] != "#" and "{" not in line:
                name, value = line.split()[:2]
                found[name] = float(value)
        return found

    def metric(self, name):
        return self.metrics()["budstikke_" + name]

    def is_settled(self):
        """Nothing in hand, pending or parked, by its own figures."""
        m = self.metrics()
        return not any(m["budstikke_" + n] for n in ("hand_events", "pending_events", "lanes"))

    def wait_settled(self, seconds=60):
        """Settled twice, since the figures of what stands in Redis are up to a second old."""
        for _ in range(2):
            wait_until(self.is_settled, lambda: f"not settled: {self.metrics()}", seconds, 0.2)
            time.sleep(1.1)
        wait_until(self.is_settled, lambda: f"not settled: {self.metrics()}", seconds, 0.2)

    def find_redis(self):
        """Process ids of redis-server that work in our data directory."""
        found = set()
        data = os.path.realpath(self.data)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if "redis-server" in (entry / "comm").read_text(encoding="utf-8") \
                        and os.readlink(entry / "cwd").startswith(data) and alive(entry.name):
                    found.add(int(entry.name))
            except OSError:
                continue
        return found

    def redis_pid(self):
        wait_until(lambda: len(self.find_redis()) == 1,
                   lambda: f"redis-servers in {self.data}: {self.find_redis()}", 10)
        found = self.find_redis()
        return found.pop()

    def redis(self):
        """A client of the embedded Redis, or of the one given by redis.url."""
        url = self.settings.get("redis.url")
        if url:
            return Redis(url.removeprefix("unix:"))
        sockets = [p for p in self.data.rglob("*") if p.is_socket()]
        assert len(sockets) == 1, f"unix sockets in {self.data}: {sockets}"
        return Redis(sockets[0])

    def stop(self, seconds=40):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait(seconds)
        self.url = self.admin = NOBODY
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Ends what it started. A story that went well must not have left a sanitizer's report."""
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(patience(40))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                assert kind, "did not end within 40 s of SIGTERM:\n" + self.tail()
        for pid in self.find_redis():
            with contextlib.suppress(ProcessLookupError):  # it may end by itself meanwhile
                os.kill(pid, signal.SIGKILL)
        if kind:
            print(f"--- log of {self.data}\n{self.tail()}\n---")
        else:
            assert not self.faults(), "\n".join(self.faults())


class PrivateRedis:
    """A redis-server of our own on a unix socket, durable as the embedded one is."""

    def __init__(self, folder, *options):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.socket = self.folder / "r.sock"
        self.options = options
        self.start()

    @property
    def url(self):
        return f"unix:{self.socket}"

    def start(self):
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", "0", "--unixsocket", str(self.socket),
                 "--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "always",
                 "--save", "", "--maxmemory-policy", "noeviction", *self.options],
                stdout=log, stderr=log)

        def answers():
            try:
                with self.client() as client:
                    return client("PING") == "PONG"
            except (OSError, RuntimeError):
                return False
        wait_until(answers, "redis-server does not answer", 20)

    def client(self):
        return Redis(self.socket)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def kill_embedded_redis(node):
    """kill -9; returns when the process is gone."""
    pid = node.redis_pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "the killed redis-server stays", 10, 0.001)
    return time.monotonic()
