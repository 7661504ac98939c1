"""What each command understands, found by asking it for help and catching its parser on the way."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.render_commands import commands

_CODES = re.compile(r"Exit codes?: (.+?)(?:\n\n|\Z)", re.DOTALL)


class _Asked(BaseException):
    """Carries a parser out of the command that was about to print its help."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


@dataclass(frozen=True)
class Option:
    """words: `-v`, `--verbose`; a positional argument has none. value: what follows it, or ""."""

    words: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """help is the whole text where a command has no parser of the usual kind."""

    name: str
    usage: str
    description: str
    options: tuple[Option, ...]
    commands: dict[str, Command]
    codes: str
    help: str = ""

    @property
    def summary(self) -> str:
        """The first sentence, without its end."""
        text = " ".join(self.description.split())
        return re.split(r"[.:;](?:\s|$)", text, maxsplit=1)[0] if text else self.name


@cache
def found() -> dict[str, Command]:
    """Every command by name."""
    with mock.patch.dict(os.environ, {"COLUMNS": "80"}):
        return {name: _look(name, module) for name, module in sorted(commands().items())}


def _look(name: str, module: str) -> Command:
    loaded = importlib.import_module(module)
    codes = _CODES.search(loaded.__doc__ or "")
    told = " ".join(codes[1].split()) if codes else ""
    printed = io.StringIO()

    def ask(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Asked(parser)

    try:
        with (
            mock.patch.object(sys, "argv", [name, "--help"]),
            mock.patch.object(argparse.ArgumentParser, "print_help", ask),
            contextlib.redirect_stdout(printed),
            contextlib.suppress(SystemExit),
        ):
            loaded.main()
    except _Asked as asked:
        return _of_parser(name, asked.parser, told)
    return Command(name, "", loaded.__doc__ or "", (), {}, told, printed.getvalue())


def _of_parser(name: str, parser: argparse.ArgumentParser, codes: str) -> Command:
    options, beneath = [], {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for word, child in action.choices.items():
                made = _of_parser(f"{name} {word}", child, "")
                if not made.description:
                    made = Command(
                        made.name, made.usage, helps.get(word, ""), made.options, made.commands, ""
                    )
                beneath[word] = made
        elif action.help != argparse.SUPPRESS or action.option_strings:
            options.append(_of_action(action, parser.prog))
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return Command(name, usage, parser.description or "", tuple(options), beneath, codes)


def _of_action(action: argparse.Action, prog: str) -> Option:
    takes = action.nargs != 0
    value = ""
    if takes:
        shown: Any = action.metavar or action.dest.upper()
        value = " ".join(shown) if isinstance(shown, tuple) else str(shown)
    text = "" if action.help in (None, argparse.SUPPRESS) else str(action.help)
    choices = tuple(str(choice) for choice in action.choices or ())
    expanded = text.replace("%(prog)s", prog).replace("%(default)s", str(action.default))
    return Option(tuple(action.option_strings), value, expanded.replace("%%", "%"), choices)


def every(command: Command) -> Iterator[Command]:
    """It and all beneath it."""
    yield command
    for child in command.commands.values():
        yield from every(child)
