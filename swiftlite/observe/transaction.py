"""Transaction ids: `tx` + 21 random hex digits + `-` + ten of the time + the operator's suffix."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from swiftlite.vocab.names import quote_path


class Bytes(Protocol):
    def bytes(self, count: int, /) -> bytes: ...


class Wall(Protocol):
    def wall(self) -> float: ...


@lru_cache(maxsize=4)
def _second(wall: int) -> str:
    return f"{wall:010x}"


def new_id(entropy: Bytes, clock: Wall, suffix: str = "") -> str:
    """A new id. suffix is the operator's trans_id_suffix; a client's own part: extended()."""
    return f"tx{entropy.bytes(11).hex()[:21]}-{_second(int(clock.wall()))}{quote_path(suffix)}"


def extended(trans_id: str, extra: str) -> str:
    """With the first 32 characters of a client's X-Trans-Id-Extra behind it."""
    return f"{trans_id}-{quote_path(extra[:32], safe='')}" if extra else trans_id


def time_of(trans_id: str) -> int | None:
    """When an id was made, in whole seconds; None for text that is no id of ours."""
    if not trans_id.startswith("tx") or trans_id[23:24] != "-":
        return None
    try:
        return int(trans_id[24:34], 16)
    except ValueError:
        return None
