"""What came of every request: how long it took, in windows of five minutes, and what went wrong."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict

from swiftlite.cli.bench.figures import latencies_ms

WINDOW_S = 300.0
_EXAMPLES = 20


class Journal:
    """moments: seconds since the load began."""

    def __init__(self) -> None:
        self._waits: dict[str, dict[int, array[float]]] = defaultdict(dict)
        self.errors: Counter[str] = Counter()
        self.examples: list[str] = []
        self.bytes_moved = 0
        self.late_rows = 0

    def answered(self, kind: str, moment: float, seconds: float) -> None:
        windows = self._waits[kind]
        window = int(moment / WINDOW_S)
        if window not in windows:
            windows[window] = array("d")
        windows[window].append(seconds)

    def went_wrong(self, what: str, example: str) -> None:
        """what: short, so that it can be counted. example: all that is known of this one."""
        self.errors[what] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{what}: {example}")

    @property
    def requests(self) -> int:
        return sum(len(waits) for windows in self._waits.values() for waits in windows.values())

    def latencies(self) -> dict[str, dict[str, float]]:
        """Over the whole load, in ms, with the number of requests."""
        found = {}
        for kind, windows in sorted(self._waits.items()):
            together = array("d")
            for waits in windows.values():
                together.extend(waits)
            found[kind] = {"requests": float(len(together)), **latencies_ms(together)}
        return found

    def by_window(self) -> dict[str, list[tuple[float, dict[str, float]]]]:
        """For each kind: minutes since the start, and its latencies in ms then."""
        return {
            kind: [
                ((window + 1) * WINDOW_S / 60, latencies_ms(waits))
                for window, waits in sorted(windows.items())
            ]
            for kind, windows in sorted(self._waits.items())
        }
