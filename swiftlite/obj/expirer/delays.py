"""`delay_reaping_<ACCOUNT>[/<CONTAINER>] = seconds`: objects that outlive their expiry for a while.

The names are URL-quoted, because a conf's keys cannot hold every character.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from swiftlite.config.load import ConfError

PREFIX = "delay_reaping_"


class Delays:
    def __init__(self, by_name: Mapping[tuple[str, str | None], float]) -> None:
        self._by_name = dict(by_name)

    def of(self, account: str, container: str) -> float:
        """Seconds; a container's own word comes before its account's."""
        found = self._by_name.get((account, container))
        return self._by_name.get((account, None), 0.0) if found is None else found


def read_delays(section: Mapping[str, str], *, where: str) -> Delays:
    """From all keys of a section. Raises ConfError."""
    found: dict[tuple[str, str | None], float] = {}
    for key, value in section.items():
        if not key.startswith(PREFIX):
            continue
        parts = unquote(key[len(PREFIX) :]).split("/")
        if len(parts) > 2 or not all(parts):
            raise ConfError(
                f"{where}: {key} must be delay_reaping_<account> or "
                "delay_reaping_<account>/<container>."
            )
        found[parts[0], parts[1] if len(parts) == 2 else None] = _seconds(value, f"{where}: {key}")
    return Delays(found)


def _seconds(text: str, what: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfError(f"{what} = {text!r} must be a number of seconds, at least 0.")
    return seconds
