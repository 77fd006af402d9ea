"""A port at which nobody listens, and nobody can begin to."""

from __future__ import annotations

import socket


def taken_but_deaf(port: int) -> socket.socket:
    """Holds the port of a server that has ended: a connection is refused, and no other test gets the port meanwhile."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    return holder
