"""Listening sockets of a server's parent, which its workers share.

The parent listens and never accepts. So the port is ours while workers come and go, and whoever
connects during a reload waits in the kernel's queue for the next worker, not in the queue of one
that goes. Beside a port there may be a local socket (host/local_socket.py), which comes and goes
with it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from swiftlite.host.local_socket import local_name
from swiftlite.host.net import Address, render_address
from swiftlite.host.sockets import family_of
from swiftlite.service.child import CannotStart

PAUSE_S = 0.1
_LOCAL_PATIENCE_S = 1.0  # for a name that a predecessor is about to let go of
Port = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Entrance:
    """Descriptors that a worker accepts from, its own: of the port, and of the socket beside it."""

    port: int
    local: int | None


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
        local_user: int | None,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        warn: Callable[[str], None],
    ) -> None:
        """patience: seconds to wait for a port that is in use. local_user: for whom there is a
        local socket beside each port; None: there is none."""
        self._open = {address: _inherited(fd) for address, fd in inherited.items()}
        self._backlog = backlog
        self._patience = patience
        self._local_user = local_user
        self._warn = warn
        self._monotonic = monotonic
        self._sleep = sleep

    @property
    def sockets(self) -> dict[Address, socket.socket]:
        """By address as it was asked for, which may be a name."""
        return dict(self._open)

    def open(self, address: Port) -> None:
        """Listen there, unless we do already. Raises CannotStart."""
        try:
            self._open_one(address, self._patience)
        except OSError as error:
            where = render_address(address)
            raise CannotStart(f"{where} {_words(address[0], error)}.") from error
        beside = self._beside(address)
        if beside is None:
            return
        try:
            self._open_one(beside, _LOCAL_PATIENCE_S)
        except OSError as error:
            self._warn(f"no local socket at {render_address(beside)}: {error.strerror}")

    def close_but(self, wanted: Iterable[Port]) -> None:
        """Give up every other address; workers that listen there still do."""
        kept: set[Address | None] = set()
        for address in wanted:
            kept |= {address, self._beside(address)}
        for other in set(self._open) - kept:
            self._open.pop(other).close()

    def enter(self, address: Port) -> Entrance:
        """In a worker: what to accept from; the other doors are closed."""
        beside = self._beside(address)
        local = None if beside is None else self._open.pop(beside, None)
        door = self._open.pop(address)
        self.close_but(())
        return Entrance(door.detach(), None if local is None else local.detach())

    def _open_one(self, address: Address, patience: float) -> None:
        """Raises OSError."""
        if address in self._open:
            self._open[address].listen(self._backlog)
            return
        until = self._monotonic() + patience
        while True:
            try:
                self._open[address] = _listening(address, backlog=self._backlog)
                return
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._monotonic() >= until:
                    raise
            self._sleep(PAUSE_S)

    def _beside(self, address: Port) -> Address | None:
        if self._local_user is None or address not in self._open:
            return None
        ip, port, *_ = self._open[address].getsockname()
        return local_name(ip, port, self._local_user)


def _inherited(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    return socket.socket(fileno=fd)


def _listening(address: Address, *, backlog: int) -> socket.socket:
    made = socket.socket(family_of(address), socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(backlog)
    except BaseException:
        made.close()
        raise
    return made
