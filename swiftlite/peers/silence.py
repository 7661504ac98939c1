"""Servers that have just not answered, so that not every request waits for them anew.

Whoever can keep for later what a server should be told asks here first. A server is silent once a
call to it came to nothing and nothing was heard of it as long as that call waited: one that is
merely slow answers others meanwhile, and one that refuses connections costs no time. Those who
deliver later ask it all the same, and its first answer ends the silence; where nobody does, one
call in RETRY_S is let through to find out.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.host.net import Address

RETRY_S = 15.0
LONG_S = 0.4
"""What waited less than this was given up too soon to tell."""


class Silence:
    """One per process and kind of call."""

    def __init__(
        self, monotonic: Callable[[], float], *, retry: float = RETRY_S, long: float = LONG_S
    ) -> None:
        self._monotonic = monotonic
        self._retry = retry
        self._long = long
        self._heard: dict[Address, float] = {}
        self._retry_at: dict[Address, float] = {}

    def holds(self, address: Address) -> bool:
        """Whether it should not be asked now; false once in a while, for whoever asks then."""
        if not self._retry_at:  # the usual case, on the way of every request
            return False
        retry_at = self._retry_at.get(address)
        if retry_at is None:
            return False
        now = self._monotonic()
        if now < retry_at:
            return True
        self._retry_at[address] = now + self._retry
        return False

    def heard(self, address: Address) -> bool:
        """It answered, whatever it said; true if it had been silent."""
        self._heard[address] = self._monotonic()
        return bool(self._retry_at) and self._retry_at.pop(address, None) is not None

    def missed(self, address: Address, since: float) -> bool:
        """A call begun at `since` (monotonic) got no answer; true if it is silent from now on."""
        now = self._monotonic()
        if now - since < self._long or self._heard.get(address, since) > since:
            return False
        news = address not in self._retry_at
        self._retry_at[address] = now + self._retry
        return news
