"""A minimal Redis client over a unix socket or TCP, to look into what the program wrote."""
import os
import socket
from urllib.parse import urlsplit


class Redis:
    def __init__(self, where, timeout=5.0):
        """`where`: a path of a unix socket, or redis://host:port."""
        where = str(where)
        if where.startswith("redis://"):
            url = urlsplit(where)
            self.socket = socket.create_connection((url.hostname, url.port or 6379), timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            # sun_path is short: connect relative to the folder through /proc.
            fd = os.open(os.path.dirname(where) or ".", os.O_PATH)
            try:
                self.socket.connect(f"/proc/self/fd/{fd}/{os.path.basename(where)}")
            finally:
                os.close(fd)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words):
        parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        out = b"*%d\r\n" % len(parts)
        for part in parts:
            out += b"$%d\r\n%s\r\n" % (len(part), part)
        self.socket.sendall(out)
        reply = self.read()
        if isinstance(reply, Exception):
            raise reply
        return reply

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            return self.file.read(int(rest) + 2)[:-2]
        return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
