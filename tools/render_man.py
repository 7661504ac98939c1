#!/usr/bin/env python3
"""Writes doc/man: a manual page for each command, from what it says of itself.

tools/render_man.py          write what has changed
tools/render_man.py --check  write nothing; exit 1 if something is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import swiftlite
from tools.command_parsers import Command, Option, every, found
from tools.render_commands import write_all

FOLDER = Path("doc", "man")


def rendered() -> dict[Path, str]:
    """All generated files, by path within the repository."""
    return {FOLDER / f"{name}.1": page(command) for name, command in found().items()}


def page(command: Command) -> str:
    return "\n".join(_lines(command)) + "\n"


def _lines(command: Command) -> Iterator[str]:
    title = command.name.upper()
    yield f'.TH "{title}" "1" "" "swiftlite {swiftlite.__version__}" "swiftlite"'
    yield ".SH NAME"
    yield f"{_text(command.name)} \\- {_text(command.summary)}"
    if command.help:
        yield ".SH DESCRIPTION"
        yield ".nf"
        yield from (_text(line) for line in command.help.rstrip().splitlines())
        yield ".fi"
    else:
        yield ".SH SYNOPSIS"
        yield _text(command.usage)
        yield ".SH DESCRIPTION"
        yield from _paragraphs(command.description)
        yield from _options("OPTIONS", command.options)
        for child in list(every(command))[1:]:
            yield f".SS {_text(child.name.partition(' ')[2])}"
            yield from _paragraphs(child.description)
            yield from (line for option in child.options for line in _option(option))
    if command.codes:
        yield ".SH EXIT STATUS"
        yield from _paragraphs(command.codes)
    yield ".SH SEE ALSO"
    yield "The pages under doc/ that come with swiftlite."


def _options(title: str, options: tuple[Option, ...]) -> Iterator[str]:
    if options:
        yield f".SH {title}"
        for option in options:
            yield from _option(option)


def _option(option: Option) -> Iterator[str]:
    value = f" \\fI{_text(option.value)}\\fR" if option.value else ""
    names = ", ".join(f"\\fB{_text(word)}\\fR" for word in option.words)
    yield ".TP"
    yield (names + value) if names else value.strip()
    yield _text(option.help) or "\\&"


def _paragraphs(text: str) -> Iterator[str]:
    """A paragraph whose lines are indented keeps them."""
    for at, part in enumerate(text.strip().split("\n\n")):
        if at:
            yield ".PP"
        lines = part.splitlines()
        kept = len(lines) > 1 and any(line.startswith("  ") for line in lines[1:])
        if kept:
            yield ".nf"
        yield from (_text(line) for line in lines if line.strip())
        if kept:
            yield ".fi"


def _text(text: str) -> str:
    """As roff shows it to the letter."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    sys.exit(write_all(rendered(), sys.argv[1:]))
