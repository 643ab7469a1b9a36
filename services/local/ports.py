"""Free ports on the loopback address that a client's own connections cannot take meanwhile."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from services.local.errors import PortTaken

_LOWEST = 15000


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on, below those the system gives to outgoing connections.

    A port from that range may be taken by any client while a broker restarts, even by a client that reconnects to the
    broker: it then connects to itself and holds the port. Two callers may still get the same one; who starts a server
    tries again.
    """
    highest = first_outgoing_port() - 1
    ports = random.sample(range(_LOWEST, highest), 200)
    for port in ports:
        if is_free(port):
            return port
    raise PortTaken(f"none of {len(ports)} ports tried between {_LOWEST} and {highest} is free on 127.0.0.1")


def require_free(port: int, setting: str) -> None:
    """Raises PortTaken naming the setting if somebody listens on a port that was asked for."""
    if not is_free(port):
        raise PortTaken(
            f"{setting}={port}: somebody else listens on 127.0.0.1:{port}. "
            f"Stop that program (`newsloom down` if it is an earlier stack), or unset {setting} to take a free port"
        )


def first_outgoing_port() -> int:
    """The lowest port the system gives to outgoing connections (32768 on Linux unless set otherwise)."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        first = 32768
    return first if first > _LOWEST + 1000 else 32768


def answers(port: int, timeout_seconds: float = 0.5) -> bool:
    """Whether somebody accepts connections on 127.0.0.1:port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds):
            return True
    except OSError:
        return False
