"""A receiver of bytes: each connection's request is read, and a function does with the socket what
it wants. For what no sane HTTP server does."""
import re
import socket
import threading
import time


class RawReceiver:
    """`serve(socket, request)` runs in a thread of its own per request; when it returns the
    connection is closed. `requests` holds what came in."""

    def __init__(self, serve=None):
        self.serve = serve
        self.requests = []
        self.closing = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def accept(self):
        while not self.closing:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with connection:
            try:
                request = read_request(connection)
                self.requests.append(request)
                if self.serve:
                    self.serve(connection, request)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing = True
        self.listener.close()


def read_request(connection):
    """Head and body; less if the other side ends before."""
    received = b""
    while True:
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length:\s*(\d+)", head, re.I)
        if end and len(body) >= (int(length.group(1)) if length else 0):
            return received
        more = connection.recv(65536)
        if not more:
            return received
        received += more


def send_forever(connection, piece, pause_s=0.0, seconds=60.0):
    """Sends `piece` again and again. Returns (bytes sent, seconds) when the other side ends."""
    began, sent = time.monotonic(), 0
    try:
        while time.monotonic() < began + seconds:
            connection.sendall(piece)
            sent += len(piece)
            time.sleep(pause_s)
    except OSError:
        pass
    return sent, time.monotonic() - began
