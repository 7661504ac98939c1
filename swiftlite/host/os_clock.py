"""The operating system's clocks: the one place that asks for the time, or lets it pass."""

from __future__ import annotations

import time

wall = time.time
monotonic = time.monotonic
sleep = time.sleep


class OsClock:
    """host.clock.Clock. Both are the C functions themselves, so a call costs what it must."""

    __slots__ = ("monotonic", "wall")

    def __init__(self) -> None:
        self.wall = wall
        self.monotonic = monotonic
