"""Servers of this host, which may be spoken to without TCP.

A server of ours listens at a local socket beside its port (host/local_socket.py) where no other
program does, so being there is the offer and connecting the acceptance. Large bodies that pass
through both servers cost a sixth less; small requests the same.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.host.local_socket import local_names
from swiftlite.host.net import Address, ConnectFailed, DeadlinePassed, Net, Stream
from swiftlite.host.sockets import is_literal

_BELIEVED_S = 15.0  # an address may move to another host


class LocalServers:
    """is_own: whether an IP is this host's; asked now and then."""

    def __init__(
        self, net: Net, is_own: Callable[[str], bool], monotonic: Callable[[], float]
    ) -> None:
        self._net = net
        self._is_own = is_own
        self._monotonic = monotonic
        self._known: dict[str, tuple[bool, float]] = {}  # and until when it is believed

    def connect(self, address: Address, timeout: float | None) -> Stream | None:
        """A connection beside this address; None: by TCP, then."""
        if isinstance(address, str) or not self._is_here(address):
            return None
        for name in local_names(*address):
            try:
                return self._net.connect(name, timeout)
            except (ConnectFailed, DeadlinePassed):
                continue  # nobody is there, or it is not ours
        return None

    def _is_here(self, address: tuple[str, int]) -> bool:
        ip, now = address[0], self._monotonic()
        own, until = self._known.get(ip, (False, 0.0))
        if now >= until:
            own = is_literal(address) and self._is_own(ip)
            self._known[ip] = own, now + _BELIEVED_S
        return own
