"""Header lines of lanes, rendered once and kept: they depend on a partition and little else.

Rendering them costs 10 µs of a small PUT's 80 (three lanes); finding them again 0.3.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from swiftlite.proxy.outgoing import block_of
from swiftlite.proxy.plan import Header

_KEPT_MAX = 4096


class LaneBlocks:
    """Bounded, and emptied when the ring that the blocks came from is replaced."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[bytes, ...]] = {}
        self._ring: object = None

    def get(
        self, ring: object, key: Hashable, make: Callable[[], Sequence[Sequence[Header]]]
    ) -> tuple[bytes, ...]:
        """One block a lane. make() is asked when this ring has not been asked with this key."""
        if ring is not self._ring:
            self._kept.clear()
            self._ring = ring
        found = self._kept.get(key)
        if found is None:
            found = rendered(make())
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[key] = found
        return found


def rendered(lanes: Sequence[Sequence[Header]]) -> tuple[bytes, ...]:
    return tuple(block_of(headers) for headers in lanes)
