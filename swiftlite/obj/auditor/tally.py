"""What a pass has done, since it began and since its last report. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """start: time of day. audit_s: spent at work, pauses not counted."""

    start: float
    passes: int = 0
    quarantined: int = 0
    errors: int = 0
    bytes_processed: int = 0
    audit_s: float = 0.0

    def recon(self) -> dict[str, object]:
        """Under Swift's keys."""
        return {
            "errors": self.errors,
            "passes": self.passes,
            "quarantined": self.quarantined,
            "bytes_processed": self.bytes_processed,
            "start_time": self.start,
            "audit_time": self.audit_s,
        }

    def sentence(self, now: float) -> str:
        elapsed = max(now - self.start, 1e-6)
        return (
            f"{self.passes} passed, {self.quarantined} quarantined, {self.errors} errors in "
            f"{elapsed:.2f} s, {self.passes / elapsed:.2f} files/s, "
            f"{self.bytes_processed / elapsed:.0f} bytes/s, {self.audit_s:.2f} s of it at work"
        )


@dataclass(slots=True)
class Tally:
    """sizes: the upper bounds that objects are counted by, in order."""

    whole: Counts
    recent: Counts
    sizes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def begun(cls, now: float, sizes: Iterable[int]) -> Tally:
        buckets = {str(size): 0 for size in sizes}
        return cls(Counts(now), Counts(now), {**buckets, "OVER": 0} if buckets else {})

    def looked_at(self, count: int, byte_count: int, seconds: float) -> None:
        for counts in (self.whole, self.recent):
            counts.passes += count
            counts.bytes_processed += byte_count
            counts.audit_s += seconds

    def quarantined(self) -> None:
        self.whole.quarantined += 1
        self.recent.quarantined += 1

    def failed(self) -> None:
        self.whole.errors += 1
        self.recent.errors += 1

    def sized(self, size: int) -> None:
        if self.sizes:
            self.sizes[_bucket(self.sizes, size)] += 1

    def reported(self, now: float) -> Counts:
        """What is to be reported now; counting begins anew."""
        recent, self.recent = self.recent, Counts(now)
        return recent


def _bucket(sizes: Mapping[str, int], size: int) -> str:
    return next((bound for bound in sizes if bound != "OVER" and size <= int(bound)), "OVER")
