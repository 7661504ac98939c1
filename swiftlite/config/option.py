"""One option of a table: its default, its help, its type and its bounds.

A table is a frozen dataclass whose fields are made by opt(). Knows how to read one value from
text and how to write a default; knows nothing of files. Option names are Swift's.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from swiftlite.config.units import parse_bool, parse_bytes, parse_float, parse_int, parse_list

T = TypeVar("T")
_KEY = "swiftlite.option"


@dataclass(frozen=True, slots=True)
class Unit:
    """Marks an annotation, so that text and manual know what a number counts."""

    name: str


Seconds = Annotated[float, Unit("seconds")]
Bytes = Annotated[int, Unit("bytes")]


@dataclass(frozen=True, slots=True)
class Option:
    """What opt() was told. shown is the text of the default where the value itself has none."""

    help: str
    minimum: float | None
    maximum: float | None
    choices: tuple[object, ...]
    parse: Callable[[str], object] | None
    metavar: str
    aliases: tuple[str, ...]
    shown: str | None


def opt(
    default: T,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Collection[object] | None = None,
    parse: Callable[[str], object] | None = None,
    metavar: str | None = None,
    aliases: tuple[str, ...] = (),
    shown: str | None = None,
) -> T:
    """A dataclass field that is an option.

    parse replaces reading by type; it raises ValueError with the rest of the sentence "x is …".
    aliases are older names of the option, still read. shown is written in samples instead of
    the default ("auto" for a None that is worked out later).
    """
    about = Option(
        help=help,
        minimum=minimum,
        maximum=maximum,
        choices=tuple(choices or ()),
        parse=parse,
        metavar=metavar or "",
        aliases=aliases,
        shown=shown,
    )
    metadata = {_KEY: about}
    if isinstance(default, list | dict):
        return cast(T, field(default_factory=default.copy, metadata=metadata))
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Declared:
    """An option in its table: a name, a type, and what opt() was told."""

    name: str
    kind: object  # the bare type, Optional and Annotated taken off
    unit: str
    default: object
    about: Option

    def read(self, text: str) -> object:
        """The value that text stands for. Raises ValueError, worded to follow the option's name."""
        value = self._parse(text.strip())
        if self.about.choices and value not in self.about.choices:
            raise ValueError(f"must be one of {', '.join(map(str, self.about.choices))}")
        self._check_bounds(value)
        return value

    def _parse(self, text: str) -> object:
        if self.about.parse is not None:
            return self.about.parse(text)
        if self.kind is str:
            return text
        reader = _READERS.get(self.unit) or _READERS.get(self.kind)
        assert reader is not None, f"option {self.name} has no reader for {self.kind}"
        return reader(text)

    def _check_bounds(self, value: object) -> None:
        if not isinstance(value, int | float):
            return
        minimum, maximum = self.about.minimum, self.about.maximum
        if minimum is None and self.unit:
            minimum = 0  # no size and no time is negative unless an option says so
        if minimum is not None and value < minimum:
            raise ValueError(f"must be at least {_plain(minimum)}")
        if maximum is not None and value > maximum:
            raise ValueError(f"must be at most {_plain(maximum)}")

    def show_default(self) -> str:
        """The default as an operator would write it."""
        if self.about.shown is not None:
            return self.about.shown
        return show(self.default)


def show(value: object) -> str:
    """A value as text that reads back to it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return _plain(value)
        case list() | tuple():
            return ", ".join(str(item) for item in value)
        case _:
            return str(value)


def declared(table: type) -> Iterator[Declared]:
    """The options of a table, in the order in which they were written."""
    return iter(_declared(table))


@cache
def _declared(table: type) -> tuple[Declared, ...]:
    hints = get_type_hints(table, include_extras=True)
    return tuple(_declare(entry, hints[entry.name]) for entry in fields(table))


def _declare(entry: Field[Any], hint: object) -> Declared:
    about = entry.metadata.get(_KEY)
    assert isinstance(about, Option), f"{entry.name} was not made by opt()"
    default = entry.default_factory() if callable(entry.default_factory) else entry.default
    kind, unit = _bare(hint)
    return Declared(entry.name, kind, unit, default, about)


def _bare(hint: object) -> tuple[object, str]:
    """Take `Annotated` and `| None` off a type; the unit is kept beside it."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        units = [extra.name for extra in extras if isinstance(extra, Unit)]
        return _bare(inner)[0], units[0] if units else ""
    if get_origin(hint) in (Union, types.UnionType):
        arms = [arm for arm in get_args(hint) if arm is not type(None)]
        if len(arms) == 1:
            return _bare(arms[0])
    if get_origin(hint) in (list, tuple):
        return get_origin(hint), ""
    return hint, ""


def _plain(number: float) -> str:
    """30.0 as 30, because that is how operators write it."""
    if isinstance(number, float) and number == math.floor(number) and abs(number) < 1e15:
        return str(int(number))
    return str(number)


_READERS: dict[object, Callable[[str], object]] = {
    bool: parse_bool,
    int: parse_int,
    float: parse_float,
    list: parse_list,
    tuple: lambda text: tuple(parse_list(text)),
    "seconds": parse_float,
    "bytes": parse_bytes,
}
