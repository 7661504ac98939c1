"""Asking the kernel for a TCP port, on behalf of workers that will share it.

SO_REUSEPORT lets any process of the same user listen at a port beside those that do already, so
two servers could share one without a word. Therefore the parent asks first without it.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from swiftlite.host.net import render_address
from swiftlite.service.crew import CannotStart

PAUSE_S = 0.1


def port_fault(ip: str, port: int) -> str | None:
    """Why a server cannot listen at an address, in words that follow a port; None if it can.

    A server that shares its port with its own workers (SO_REUSEPORT) still counts as in use.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ip, port))
            # Binding alone would succeed beside a socket that is bound and does not listen.
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "is in use by another program"
        if error.errno in (errno.EACCES, errno.EPERM):
            return "may be used by root only"
        if error.errno == errno.EADDRNOTAVAIL:
            return f"cannot be used: {ip} is not an address of this machine"
        return f"cannot be used: {error.strerror}"
    except OverflowError:
        return "is no port number"
    return None


def reserve_port(
    address: tuple[str, int],
    *,
    patience: float,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> socket.socket:
    """A socket that keeps the port ours without listening, while workers come and go.

    Waits up to patience seconds for a predecessor to let go of it. Raises CannotStart.
    """
    until = monotonic() + patience
    while (fault := port_fault(*address)) is not None:
        if monotonic() >= until:
            raise CannotStart(f"{render_address(address)} {fault}.")
        sleep(PAUSE_S)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind(address)
    except OSError as error:
        reserved.close()
        raise CannotStart(f"{render_address(address)}: {error.strerror}.") from error
    return reserved
