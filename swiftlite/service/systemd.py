"""Telling systemd how far a service is (sd_notify(3)), without its library."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send `READY=1`, `STOPPING=1`, `RELOADING=1` or `STATUS=...` to NOTIFY_SOCKET.

    False when no service manager asked to be told, or it does not listen.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address or address[0] not in "/@":
        return False
    if address[0] == "@":  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(address)
            sender.sendall(state.encode())
        return True
    return False


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds between `WATCHDOG=1`, half of what the unit's WatchdogSec allows; None: no need."""
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None  # meant for another process
    allowed = environ.get("WATCHDOG_USEC", "")
    if not (allowed.isascii() and allowed.isdigit()) or int(allowed) == 0:
        return None
    return int(allowed) / 2_000_000
