"""The text in which Prometheus is told of metrics (exposition format 0.0.4). Pure.

Names, once told, stay: dashboards and alert rules live by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

Labels = Mapping[str, str]
Number = int | float
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class Family:
    """One metric with its help and all its samples: (suffix of the name, labels, value)."""

    name: str
    kind: str
    help: str
    samples: list[tuple[str, Labels, Number]] = field(default_factory=list)

    def add(self, value: Number | None, **labels: str) -> None:
        """None, which is what nobody has told yet, is left out."""
        if value is not None:
            self.samples.append(("", labels, value))

    def add_histogram(
        self, bounds: Sequence[float], counts: Sequence[int], total: float, **labels: str
    ) -> None:
        """counts: how many fell at or under each bound and above the one before; and the rest."""
        assert self.kind == HISTOGRAM
        assert len(counts) == len(bounds) + 1
        upto = list(accumulate(counts))
        for bound, count in zip((*map(_shown, bounds), "+Inf"), upto, strict=True):
            self.samples.append(("_bucket", {**labels, "le": bound}, count))
        self.samples.append(("_sum", labels, total))
        self.samples.append(("_count", labels, upto[-1]))


def render(families: Iterable[Family]) -> bytes:
    """Families without a sample are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        lines.append(f"# HELP {family.name} {_escaped_help(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for suffix, labels, value in family.samples:
            lines.append(f"{family.name}{suffix}{_rendered(labels)} {_shown(value)}")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _rendered(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _shown(value: Number) -> str:
    return repr(value) if isinstance(value, float) and value != int(value) else str(int(value))


def _escaped_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
