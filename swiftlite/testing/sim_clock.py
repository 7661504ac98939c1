"""Time that passes when told to, randomness that replays from a seed, a process without powers."""

from __future__ import annotations

import builtins
import random
from collections.abc import MutableSequence
from typing import Any

START = 1_700_000_000.0


class SimClock:
    """host.clock.Clock. skew shifts the wall time of one node against the others."""

    def __init__(self, start: float = START) -> None:
        self.now = 0.0
        self.start = start

    def wall(self) -> float:
        return self.start + self.now

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def advance_to(self, moment: float) -> None:
        """Exactly there; adding a difference may end a rounding error too early."""
        self.now = max(self.now, moment)


class SkewedClock:
    """Another node's view of the same time, some seconds off."""

    def __init__(self, clock: SimClock, skew: float) -> None:
        self._clock = clock
        self.skew = skew

    def wall(self) -> float:
        return self._clock.wall() + self.skew

    def monotonic(self) -> float:
        return self._clock.monotonic()


class SimEntropy:
    """host.entropy.Entropy; equal seeds give equal runs."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(f"entropy {seed}")

    def bytes(self, n: int) -> builtins.bytes:
        return self._random.randbytes(n)

    def hex(self, n: int) -> str:
        return self._random.randbytes(n).hex()

    def random(self) -> float:
        return self._random.random()

    def shuffle(self, items: MutableSequence[Any]) -> None:
        self._random.shuffle(items)

    def uuid_hex(self) -> str:
        return self._random.randbytes(16).hex()


class SimProcess:
    """host.process.Process that only remembers what was asked of it."""

    def __init__(self, pid: int = 1000) -> None:
        self._pid = pid
        self.asked: list[tuple[object, ...]] = []

    @property
    def pid(self) -> int:
        return self._pid

    place = ""

    @property
    def parent_pid(self) -> int:
        return 1

    def alive(self, pid: int) -> bool:
        return pid == self._pid

    def set_nice(self, niceness: int) -> None:
        self.asked.append(("nice", niceness))

    def set_ionice(self, io_class: str, priority: int = 0) -> None:
        self.asked.append(("ionice", io_class, priority))

    def raise_limits(self) -> None:
        self.asked.append(("limits",))

    def drop_privileges(self, user: str) -> None:
        self.asked.append(("user", user))

    def wait_for_a_processor(self) -> None:
        self.asked.append(("batch",))

    def tune_allocator(self) -> None:
        self.asked.append(("allocator",))
