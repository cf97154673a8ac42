"""Ports that stay ours."""
import socket


def hold_port():
    """A bound socket that does not listen: whoever connects is refused, nobody is given its port,
    and who binds it by number with SO_REUSEADDR, as servers do, may listen on it."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]
