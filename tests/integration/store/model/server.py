"""A private redis-server on a unix socket, and a small RESP2 client that pipelines."""
import os
import shutil
import socket
import subprocess
import tempfile
import time


class RedisError(Exception):
    """An error reply."""


class Client:
    """One blocking connection. Text goes out, bytes come back; errors come back as RedisError
    objects from send() and are raised by call()."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.input = self.socket.makefile("rb", 1 << 16)

    def close(self):
        self.input.close()
        self.socket.close()

    @staticmethod
    def encode(command):
        parts = [b"*%d\r\n" % len(command)]
        for word in command:
            if not isinstance(word, bytes):
                word = str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        return b"".join(parts)

    def read(self):
        line = self.input.readline()
        if not line:
            raise ConnectionError("redis-server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.input.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self.read() for _ in range(int(rest))]

    def send(self, commands):
        """All replies of a pipeline."""
        self.socket.sendall(b"".join(self.encode(c) for c in commands))
        return [self.read() for _ in commands]

    def call(self, *command):
        reply = self.send([command])[0]
        if isinstance(reply, RedisError):
            raise reply
        return reply


class Server:
    """Started in a folder of its own; stop() ends it and removes the folder."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="bud-model-")
        self.path = os.path.join(self.folder, "s")
        # Nodes of one entry make `XTRIM ~` exact, so that retention 0 trims whatever it may.
        arguments = ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
                     "--appendonly", "no", "--stream-node-max-entries", "1", "--dir", self.folder,
                     "--logfile", os.path.join(self.folder, "log"), *options]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self):
        until = time.monotonic() + 10
        while True:
            try:
                client = self.client()
                client.call("PING")
                client.close()
                return
            except (OSError, RedisError):
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.01)

    def client(self):
        return Client(self.path)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
