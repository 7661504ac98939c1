"""Listening sockets of a server's parent, which its workers share.

The parent listens and never accepts. So the port is ours while workers come and go, and whoever
connects during a reload waits in the kernel's queue for the next worker, not in the queue of one
that goes.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable

from swiftlite.host.net import render_address
from swiftlite.service.child import CannotStart

PAUSE_S = 0.1
Address = tuple[str, int]


def port_fault(ip: str, port: int) -> str | None:
    """Why a server cannot listen at an address, in words that follow a port; None if it can."""
    try:
        _listening((ip, port), backlog=1).close()
    except OSError as error:
        return _words(ip, error)
    except OverflowError:
        return "is no port number"
    return None


def _words(ip: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use by another program"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "may be used by root only"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot be used: {ip} is not an address of this machine"
    return f"cannot be used: {error.strerror}"


class Doors:
    """Open listening sockets by address; inherited ones are used where they fit."""

    def __init__(
        self,
        inherited: dict[Address, int],
        *,
        backlog: int,
        patience: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """patience: seconds to wait for a port that is in use."""
        self._open = {address: _inherited(fd) for address, fd in inherited.items()}
        self._backlog = backlog
        self._patience = patience
        self._monotonic = monotonic
        self._sleep = sleep

    @property
    def sockets(self) -> dict[Address, socket.socket]:
        """By address as it was asked for, which may be a name."""
        return dict(self._open)

    def open(self, address: Address) -> None:
        """Listen there, unless we do already. Raises CannotStart."""
        if address in self._open:
            self._open[address].listen(self._backlog)
            return
        until = self._monotonic() + self._patience
        while True:
            try:
                self._open[address] = _listening(address, backlog=self._backlog)
                return
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._monotonic() >= until:
                    where = render_address(address)
                    raise CannotStart(f"{where} {_words(address[0], error)}.") from error
            self._sleep(PAUSE_S)

    def close_but(self, wanted: Iterable[Address]) -> None:
        """Give up every other address; workers that listen there still do."""
        for address in set(self._open) - set(wanted):
            self._open.pop(address).close()

    def enter(self, address: Address) -> int:
        """In a worker: the descriptor to accept from, its own now; the other doors are closed."""
        door = self._open.pop(address)
        self.close_but(())
        return door.detach()


def _inherited(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    return socket.socket(fileno=fd)


def _listening(address: Address, *, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(backlog)
    except BaseException:
        made.close()
        raise
    return made
