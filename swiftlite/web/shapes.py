"""Which keys of an environ answer a question, found once for all requests of the same shape.

Requests of one kind bring the same headers in the same order. To look through all their keys
costs 10 µs and more, again and again; to find a tuple of them in a dict costs half of one.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.web.wsgi import Environ

_SHAPES_MAX = 256
_SHAPE_BYTES_MAX = 4096  # of all keys together: their names may come from clients


class Keys:
    """The keys that pass a test, in the environ's order."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        self._test = test
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def of(self, environ: Environ) -> tuple[str, ...]:
        shape = tuple(environ)
        found = self._known.get(shape)
        return self._found(shape) if found is None else found

    def _found(self, shape: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(filter(self._test, shape))
        if sum(map(len, shape)) <= _SHAPE_BYTES_MAX:
            if len(self._known) >= _SHAPES_MAX:
                self._known.clear()
            self._known[shape] = found
        return found
