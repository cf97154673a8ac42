"""A small HTTP client: one keep-alive connection per Api object; raw sockets for bad input."""
import http.client
import json
import re
import socket
from urllib.parse import urlsplit

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def type(self):
        return self.headers.get("content-type", "").split(";")[0]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Api:
    """Not thread safe: one per thread. With a `token` it is sent with every request."""

    def __init__(self, url, timeout=10.0, token=None):
        self.token = token
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes, text, or anything else as JSON. OSError or HTTPException: no answer."""
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("content-type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(
                    self.host, self.port, timeout=self.timeout)
            self.connection.request(method, path, body=body, headers=headers)
            answer = self.connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.will_close:
            self.close()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, data)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def publish(self, event):
        """One event (dict or bytes), structured; a list is a batch."""
        kind = BATCH if isinstance(event, list) else STRUCTURED
        if isinstance(event, list) and event and isinstance(event[0], bytes):
            event = b"[" + b",".join(event) + b"]"
        return self.request("POST", "/events", event, {"content-type": kind})

    def subscribe(self, sink, **members):
        """The created subscription; AssertionError unless 201."""
        body = {"protocol": "HTTP", "sink": sink, **members}
        answer = self.request("POST", "/subscriptions", body)
        assert answer.status == 201, answer
        return answer.json()

    def raw(self, data, seconds=5.0, pieces=None, gap=0.0):
        """Sends bytes as they are on a connection of their own; everything answered until close
        or `seconds` of silence. `pieces` come after it, `gap` seconds apart."""
        import time
        with socket.create_connection((self.host, self.port), timeout=seconds) as s:
            received = b""
            try:
                s.sendall(data)
                for piece in pieces or ():
                    time.sleep(gap)
                    s.sendall(piece)
                while True:
                    more = s.recv(65536)
                    if not more:
                        break
                    received += more
                    if complete(received):
                        break
            except (TimeoutError, ConnectionError):
                pass
        return parse_answer(received)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


def complete(received):
    head, split, body = received.partition(b"\r\n\r\n")
    if not split or head.startswith(b"HTTP/1.1 100"):
        return False
    length = re.search(rb"content-length:\s*(\d+)", head, re.I)
    return bool(length) and len(body) >= int(length.group(1))


def parse_answer(received):
    """None if the connection ended without an answer."""
    while received.startswith(b"HTTP/1.1 100"):
        received = received.partition(b"\r\n\r\n")[2]
    head, split, body = received.partition(b"\r\n\r\n")
    if not split:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Answer(int(lines[0].split()[1]), headers, body)
