"""Which nodes a request's failures are counted against, and when they are nobody's.

A node that cannot be reached or does not answer in time is to blame at once. One that answers 5xx,
or closes the connection, may have been made to by the request: it is blamed only when another node
took the same request well. So a request that no node can bear takes no node down.
"""

from __future__ import annotations

from typing import Protocol

from swiftlite.peers.errors import PeerBroke, PeerFault
from swiftlite.ring import Device


class Limiter(Protocol):
    """The part of node_limit that blame needs."""

    def error(self, device: Device, /) -> object: ...
    def limit_now(self, device: Device, /) -> None: ...
    def answered(self, device: Device, /) -> None: ...


class Lines(Protocol):
    def error(self, message: str, /) -> None: ...


class Blame:
    """One request's. settle() is called once, when it is known how it ended."""

    __slots__ = ("_limiter", "_suspects", "_taken_well")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._suspects: list[Device] = []
        self._taken_well = False

    def fault(self, device: Device, fault: PeerFault) -> None:
        """A conversation that failed."""
        if isinstance(fault, PeerBroke):
            self._suspects.append(device)
        else:
            self._limiter.error(device)

    def status(self, device: Device, status: int) -> None:
        """An answer; 507 is a device that is full or gone, and is left alone from now on."""
        if status == 507:
            self._limiter.limit_now(device)
        elif status >= 500:
            self._suspects.append(device)
        else:
            self._taken_well = True
            self._limiter.answered(device)

    def settle(self) -> None:
        if self._suspects:
            if self._taken_well:
                for device in self._suspects:
                    self._limiter.error(device)
            self._suspects.clear()


def describe(device: Device) -> str:
    """A node in log lines."""
    return f"{device.ip}:{device.port}/{device.device}"
