"""How far a daemon has come with its pass: what is told of it as metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from swiftlite.host.clock import Clock


@dataclass(slots=True)
class Progress:
    """Sums since its start, in seconds; last: the time of day when a step last came to its end, 0
    if none has."""

    steps: int = 0
    failures: int = 0
    working: float = 0.0
    last: float = 0.0

    @contextlib.contextmanager
    def step(self, clock: Clock) -> Iterator[None]:
        """Around a step of the pass, whatever it raises."""
        began = clock.monotonic()
        try:
            yield
        except Exception:
            self.failures += 1
            raise
        finally:
            self.steps += 1
            self.working += clock.monotonic() - began
            self.last = clock.wall()
