"""From conf files to tables of options: ini text in layers, and errors that say where and why.

A conf is one file, or a directory whose `*.conf` files are read in order of name. `[DEFAULT]`
reaches every section. There is no interpolation: a `%` is a `%`. Only read_conf touches a disk,
at start-up, before there is a host.
"""

from __future__ import annotations

import configparser
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from swiftlite.config.option import declared
from swiftlite.vocab.errors import SwiftliteError

Table = TypeVar("Table")
DEFAULT = "DEFAULT"
# What paste.deploy itself reads in a section, or adds to it.
_PASTE_KEYS = frozenset(("use", "here", "__file__", "pipeline", "filter-with", "paste.app_factory"))


class ConfError(SwiftliteError):
    """The operator must change a conf file. The message is one sentence that says which line."""


@dataclass(frozen=True, slots=True)
class Conf:
    """What the files said. A section has those keys of `[DEFAULT]` that it does not set itself."""

    path: str
    defaults: dict[str, str] = field(default_factory=dict)
    sections: dict[str, dict[str, str]] = field(default_factory=dict)

    def section(self, name: str) -> dict[str, str]:
        """One section; raises ConfError when the file has none of that name."""
        if name in self.sections:
            return self.sections[name]
        near = difflib.get_close_matches(name, self.sections, n=1)
        hint = f" (is [{near[0]}] meant to be it?)" if near else ""
        raise ConfError(f"{self.path} has no section [{name}]{hint}.")


def read_conf(path: str, *, encoding: str = "utf-8") -> Conf:
    """Read a file or a conf.d directory. Raises ConfError, also for a path that is not there."""
    place = Path(path)
    if place.is_dir():
        files = sorted(child for child in place.iterdir() if _is_part(child))
        if not files:
            raise ConfError(f"{path} is a directory without *.conf files.")
    else:
        files = [place]
    return parse_conf(path, ((str(file), _text_of(file, encoding)) for file in files))


def _is_part(child: Path) -> bool:
    return child.suffix == ".conf" and not child.name.startswith(".") and child.is_file()


def _text_of(file: Path, encoding: str) -> str:
    try:
        return file.read_text(encoding=encoding)
    except OSError as error:
        raise ConfError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfError(f"{file} is not {encoding} text (byte {error.start}).") from error


def parse_conf(path: str, texts: Iterable[tuple[str, str]]) -> Conf:
    """Merge ini texts, each with the name of its file; a later one overrides an earlier."""
    parser = configparser.RawConfigParser(default_section=DEFAULT, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    for name, text in texts:
        try:
            parser.read_string(text, source=name)
        except configparser.Error as error:
            raise ConfError(_ini_fault(name, error)) from error
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    return Conf(path, dict(parser.defaults()), sections)


def _ini_fault(name: str, error: configparser.Error) -> str:
    match error:
        case configparser.DuplicateOptionError():
            where = f"line {error.lineno}: {error.option} is set twice in [{error.section}]"
        case configparser.DuplicateSectionError():
            where = f"line {error.lineno}: there is a second section [{error.section}]"
        case configparser.MissingSectionHeaderError():
            where = f"line {error.lineno}: a section header such as [DEFAULT] must come first"
        case configparser.ParsingError():
            where = (
                f"line {error.errors[0][0]}: neither `key = value`, nor a section, nor a comment"
            )
        case _:
            where = error.message
    return f"{name}, {where}."


def options(table: type[Table], mapping: Mapping[str, str], *, where: str) -> Table:
    """An instance of a table from the keys of one section; keys that are missing get defaults.

    where names file and section for messages: `/etc/swift/proxy-server.conf [app:proxy-server]`.
    Raises ConfError naming the key, its value and what is wrong with it.
    """
    values: dict[str, Any] = {}
    for option in declared(table):
        key = next((name for name in (option.name, *option.about.aliases) if name in mapping), None)
        if key is None:
            continue
        try:
            values[option.name] = option.read(mapping[key])
        except ValueError as error:
            shown = mapping[key] if len(mapping[key]) <= 80 else mapping[key][:77] + "…"
            raise ConfError(f"{where}: {key} = {shown!r} {error}.") from error
    try:
        return table(**values)
    except ValueError as error:  # a table's __post_init__ looks at options together
        raise ConfError(f"{where}: {error}.") from error


def unknown_keys(
    tables: type | Iterable[type], mapping: Mapping[str, str], *, known: Iterable[str] = ()
) -> list[tuple[str, str | None]]:
    """Keys that no table declares, each with the nearest declared key or None.

    known adds names that are legal without being options (those of `[DEFAULT]`, for a section
    whose mapping has them merged in).
    """
    names = set(known) | _PASTE_KEYS
    for table in (tables,) if isinstance(tables, type) else tables:
        for option in declared(table):
            names.update((option.name, *option.about.aliases))
    strangers = [key for key in mapping if key not in names and not key.startswith("set ")]
    return [(key, nearest(key, names - _PASTE_KEYS)) for key in strangers]


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The most similar of words, if any is similar at all."""
    found = difflib.get_close_matches(word, list(words), n=1)
    return found[0] if found else None
