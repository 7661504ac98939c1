"""Control characters, of which a line of a head holds none but tabs."""

from __future__ import annotations

from collections.abc import Iterable

_CONTROLS = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])
_SHOWN = bytes.maketrans(_CONTROLS, b"?" * len(_CONTROLS))


def are_plain(lines: Iterable[str]) -> bool:
    """Whether no line, given without its end, holds a control character.

    One translation that changes nothing: half of what it costs to take bytes out and count them.
    """
    text = "".join(lines).encode("utf-8", "surrogatepass")
    return text.translate(_SHOWN) == text
