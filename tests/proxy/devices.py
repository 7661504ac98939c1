"""Devices and rings as small values, for tests of what the proxy decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swiftlite.ring import Device, Handoff


def device(number: int, region: int = 1, zone: int = 1, port: int = 6200, ip: str = "") -> Device:
    ip = ip or f"10.0.{region}.{number}"
    return Device(number, region, zone, ip, port, ip, port, f"sd{number}", 1.0)


class ListedRing:
    """A ring of one partition: these primaries, then these handoffs."""

    def __init__(self, primaries: Sequence[Device], handoffs: Sequence[Device]) -> None:
        self.primaries = tuple(primaries)
        self._handoffs = list(handoffs)

    def handoffs(self, partition: int) -> Iterator[Handoff]:
        return (Handoff(found, index) for index, found in enumerate(self._handoffs))


class Dice:
    """entropy.random() out of a list, then zero."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = list(numbers)

    def random(self) -> float:
        return self.numbers.pop(0) if self.numbers else 0.0
