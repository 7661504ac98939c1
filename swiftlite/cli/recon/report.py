"""Figures over many servers, and the lines that show them. Pure.

The lines are OpenStack Swift's, because operators' scripts read them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

RULE = "=" * 79
_UNITS = ((60.0, "minutes"), (60.0, "hours"), (24.0, "days"))
_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")

Number = int | float


class Report:
    """What one check has found: lines for people, facts for programs."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.lines: list[str] = []
        self.facts: dict[str, object] = {}

    def figure(self, name: str, values: Iterable[Number | None], missing: str = "") -> None:
        """Low, high, average and so on of what servers gave; None: a server had none to give.

        missing: what to call it when no server had one, if not its name.
        """
        told = list(values)
        known = [value for value in told if value is not None]
        if not known:
            self.facts[name] = {"reported": 0}
            self.lines.append(f"[{missing or name}] - No hosts returned valid data.")
            return
        absent = len(told) - len(known)
        figure = {
            "low": min(known),
            "high": max(known),
            "average": sum(known) / len(known),
            "total": sum(known),
            "perc_none": absent * 100.0 / len(told),
            "number_none": absent,
            "reported": len(known),
        }
        self.facts[name] = figure
        self.lines.append(
            f"[{name}] low: {int(figure['low'])}, high: {int(figure['high'])}, "
            f"avg: {figure['average']:.1f}, total: {int(figure['total'])}, "
            f"Failed: {figure['perc_none']:.1f}%, no_result: {absent}, reported: {len(known)}"
        )

    def matched(self, good: int, total: int, errors: int, word: str = "matched") -> None:
        self.facts.update({"hosts": total, word: good, "errors": errors})
        self.lines.append(f"{good}/{total} hosts {word}, {errors} error[s] while checking hosts.")

    def completions(self, moments: Sequence[tuple[str, Number | None]], now: float) -> None:
        """Who was first and last to end a pass: (server, time of day)."""
        known = [(moment, server) for server, moment in moments if moment is not None]
        if not known:
            return
        oldest, newest = min(known), max(known)
        self.facts["oldest_completion"] = {"host": oldest[1], "time": oldest[0]}
        self.facts["newest_completion"] = {"host": newest[1], "time": newest[0]}
        if oldest[0]:
            self.lines.append(f"Oldest completion was {_ago(*oldest, now)}.")
        else:
            self.lines.append(f"Oldest completion was NEVER by {oldest[1]}.")
        if newest[0]:
            self.lines.append(f"Most recent completion was {_ago(*newest, now)}.")


def _ago(moment: Number, server: str, now: float) -> str:
    amount, unit = now - moment, "seconds"
    for length, larger in _UNITS:
        if amount < length:
            break
        amount, unit = amount / length, larger
    return f"{shown_time(moment)} ({int(amount)} {unit} ago) by {server}"


def shown_time(moment: Number) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))


def shown_size(size: int) -> str:
    for unit in _SIZES[:-1]:
        if size < 1000:
            return f"{size} {unit}"
        size //= 1000
    return f"{size} {_SIZES[-1]}"
