"""Headers of an answer: looked up in any case, listed as Swift writes them."""

from __future__ import annotations

from collections.abc import ItemsView
from typing import overload

from swiftlite.protocols.http1.names import usual_names
from swiftlite.vocab.names import wsgi_to_text

_usual = usual_names.__getitem__  # of a dict's subclass, [] takes a detour


class Headers:
    """Read-only. Values are WSGI strings as they came; text() decodes one."""

    __slots__ = ("_by_usual_name",)

    def __init__(self, by_usual_name: dict[str, str]) -> None:
        self._by_usual_name = by_usual_name

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        return self._by_usual_name.get(_usual(name), default)

    def text(self, name: str, default: str = "") -> str:
        """The value as text."""
        value = self._by_usual_name.get(_usual(name))
        return default if value is None else wsgi_to_text(value)

    def __getitem__(self, name: str) -> str:
        return self._by_usual_name[_usual(name)]

    def __contains__(self, name: str) -> bool:
        return _usual(name) in self._by_usual_name

    def __len__(self) -> int:
        return len(self._by_usual_name)

    def items(self) -> ItemsView[str, str]:
        return self._by_usual_name.items()

    def __repr__(self) -> str:
        return f"Headers({self._by_usual_name!r})"
