"""Which option tables count for the conf of a kind of server."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_ROOMS = ("account", "container", "obj", "proxy", "middleware", "memcache", "observe", "service")


@cache
def tables_of(kind: str) -> tuple[tuple[str, type], ...]:
    """Section headers with their tables; a section may have several."""
    return tuple((header, table) for header, table in _tables() if _counts(table, header, kind))


def _counts(table: type, header: str, kind: str) -> bool:
    conf = f"{kind}-server.conf"
    named = getattr(table, "CONF", None)
    if named is not None:
        return conf in named
    if header == "DEFAULT" or header.startswith("filter:"):
        return True
    return header.removeprefix("app:").partition("-")[0] == kind


@cache
def _tables() -> tuple[tuple[str, type], ...]:
    return tuple((str(table.SECTION), table) for table in _found())  # type: ignore[attr-defined]  # what makes it a table


def _found() -> Iterator[type]:
    for room in _ROOMS:
        package = importlib.import_module(f"swiftlite.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"swiftlite.{room}."):
            spec = find_spec(module.name)
            if spec is None or spec.origin is None:
                continue
            if "SECTION = " not in Path(spec.origin).read_text(encoding="utf-8"):
                continue
            for value in vars(importlib.import_module(module.name)).values():
                if (
                    isinstance(value, type)
                    and is_dataclass(value)
                    and hasattr(value, "SECTION")
                    and value.__module__ == module.name
                ):
                    yield value
