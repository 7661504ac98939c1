"""Option tables as text for operators: sample conf files, and pages of the manual.

A document is a list of sections; a section has option tables, and lines that it cannot do
without (`use = …`, `pipeline = …`), which stand in the sample as they are. Options are shown with
their defaults, commented out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from swiftlite.config.option import Declared, declared

_WIDTH = 90


@dataclass(frozen=True, slots=True)
class Section:
    """One `[header]`. note is a sentence about it; lines are written uncommented."""

    header: str
    tables: tuple[type, ...] = ()
    lines: tuple[str, ...] = ()
    note: str = ""

    def options(self) -> Iterator[Declared]:
        """All options once, without those that lines set already."""
        seen = {line.partition("=")[0].strip() for line in self.lines}
        for table in self.tables:
            for option in declared(table):
                if option.name not in seen:
                    seen.add(option.name)
                    yield option


def sample(title: str, sections: Sequence[Section]) -> str:
    """A conf file in which every option is explained and shown with its default."""
    head = f"{title} Every option stands here with its default; take the # away to set it."
    return "\n\n".join([_commented(head), *map(_sample_section, sections)]) + "\n"


def _sample_section(section: Section) -> str:
    parts = [f"[{section.header}]"]
    if section.note:
        parts.append(_commented(section.note))
    parts.extend(section.lines)
    for option in section.options():
        parts.append("#")
        parts.append(_commented(_explained(option)))
        parts.append(f"# {option.name} = {option.show_default()}".rstrip())
    return "\n".join(parts)


def manual(title: str, intro: str, sections: Iterable[Section]) -> str:
    """The same as a page of Markdown."""
    parts = [f"# {title}", "", _wrapped(intro), ""]
    for section in sections:
        parts += [f"## [{section.header}]", ""]
        if section.note:
            parts += [_wrapped(section.note), ""]
        if section.lines:
            parts += ["```ini", *section.lines, "```", ""]
        rows = [_manual_row(option) for option in section.options()]
        if rows:
            parts += ["| option | default | meaning |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(parts).rstrip() + "\n"


def _manual_row(option: Declared) -> str:
    default = option.show_default()
    shown = f"`{default}`" if default else ""
    return f"| `{option.name}` | {shown} | {_explained(option).replace('|', chr(92) + '|')} |"


def _explained(option: Declared) -> str:
    """The help, and what the type and the bounds add to it."""
    about = option.about
    facts = []
    if option.unit and about.parse is None:
        facts.append("Seconds" if option.unit == "seconds" else "Bytes, or 64K, 10M")
    if about.choices:
        facts.append("One of " + ", ".join(str(choice) for choice in about.choices if choice))
    facts += [*_bounds(about.minimum, about.maximum)]
    if about.aliases:
        facts.append("Also called " + ", ".join(about.aliases))
    return " ".join([about.help, *(f"{fact}." for fact in facts)])


def _bounds(minimum: float | None, maximum: float | None) -> Iterator[str]:
    if minimum is not None and maximum is not None:
        yield f"From {minimum:g} to {maximum:g}" if maximum < 1e6 else f"At least {minimum:g}"
    elif minimum is not None:
        yield f"At least {minimum:g}"
    elif maximum is not None:
        yield f"At most {maximum:g}"


def _commented(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100)
