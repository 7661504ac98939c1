"""What came of one load: counts, rates, latencies, and what the servers spent on it."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(slots=True)
class Tally:
    """Filled while a load runs. latencies: seconds, of requests that went well."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    errors: Counter[str] = field(default_factory=Counter)
    body_bytes: int = 0  # of requests that went well, either way


@dataclass(frozen=True, slots=True)
class Figures:
    """One work at one size and concurrency. cpu_s: of the servers named, None if none were."""

    work: str
    size: int
    concurrency: int
    requests: int
    errors: dict[str, int]
    seconds: float
    body_bytes: int
    latency_ms: dict[str, float]
    cpu_s: float | None
    own_cpu_s: float

    @property
    def label(self) -> str:
        return f"{self.work} {spelled_bytes(self.size)} ×{self.concurrency}"

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_ms(self) -> float | None:
        """Of the servers, for each request that went well."""
        return None if self.cpu_s is None or not self.requests else self.cpu_s / self.requests * 1e3

    @property
    def cpu_s_per_gb(self) -> float | None:
        if self.cpu_s is None or not self.body_bytes:
            return None
        return self.cpu_s / self.body_bytes * 1e9

    def as_json(self) -> dict[str, object]:
        return {
            "work": self.work,
            "size": self.size,
            "concurrency": self.concurrency,
            "requests": self.requests,
            "errors": self.errors,
            "seconds": round(self.seconds, 3),
            "requests_per_second": round(self.per_second, 2),
            "bytes_per_second": round(self.body_bytes / self.seconds),
            "latency_ms": {name: round(value, 3) for name, value in self.latency_ms.items()},
            "server_cpu_ms_per_request": self.cpu_ms,
            "server_cpu_s_per_gb": self.cpu_s_per_gb,
            "own_cpu_s": round(self.own_cpu_s, 2),
        }


def latencies_ms(latencies: array[float]) -> dict[str, float]:
    """Mean, percentiles (nearest rank) and the longest; empty for none."""
    if not latencies:
        return {}
    ranked = sorted(latencies)
    found = {"mean": sum(ranked) / len(ranked) * 1e3}
    for percent in PERCENTILES:
        rank = max(0, -(-len(ranked) * percent // 100) - 1)
        found[f"p{percent:g}"] = ranked[int(rank)] * 1e3
    found["max"] = ranked[-1] * 1e3
    return found


def spelled_bytes(count: int) -> str:
    """1024 -> 1K; exact, so that it can be given back as an argument."""
    for unit, size in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}"
