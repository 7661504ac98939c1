r"""A page's commands, as an operator reads them, and what the page says comes of them.

    *storage1, storage2*

    ```console within=20
    # systemctl is-active swiftlite-object-server
    active
    ```

The line above says on which machines, one after the other. Commands follow the prompt of root, "#
", and go on in lines that follow a "\" or that begin with "> ". Lines below are what it answers:
each has to be in the output, in this order; "..." stands for anything. Words of the fence:
`within=20` repeats the block's last command for so many seconds until it answers so; `status=1`
says how it ends, when not with 0. A comment of the page's source, `<!-- act: insert storage2 sdb1
-->`, says what hands in the data centre do meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_ACT = re.compile(r"^<!-- act: (.+) -->$")
_MACHINES = re.compile(r"^\*([a-z0-9]+(?:, [a-z0-9]+)*)\*$")
_FENCE = re.compile(r"^```console(.*)$")


@dataclass
class Command:
    script: str
    answers: list[str] = field(default_factory=list)


@dataclass
class Block:
    """Commands for each of some machines."""

    line: int
    machines: list[str]
    within_s: float
    status: int
    commands: list[Command]


@dataclass
class Act:
    """Hands: a verb and its words."""

    line: int
    words: list[str]


@dataclass
class Page:
    path: Path
    steps: list[Block | Act]

    @property
    def count(self) -> int:
        return sum(len(step.commands) for step in self.steps if isinstance(step, Block))


def read_page(path: Path) -> Page:
    return Page(path, list(_steps(path.read_text(encoding="utf-8").splitlines())))


def _steps(lines: list[str]) -> Iterator[Block | Act]:
    at = 0
    machines: list[str] = []
    while at < len(lines):
        if named := _MACHINES.match(lines[at]):
            machines = named[1].split(", ")
        elif found := _ACT.match(lines[at]):
            yield Act(at + 1, found[1].split())
        elif found := _FENCE.match(lines[at]):
            end = lines.index("```", at)
            yield _block(at + 1, machines, found[1].split(), lines[at + 1 : end])
            machines, at = [], end
        at += 1


def _block(line: int, machines: list[str], words: list[str], lines: list[str]) -> Block:
    if not machines:
        raise ValueError(f"line {line}: no line above the block says where")
    options = dict(word.split("=") for word in words)
    commands: list[Command] = []
    for text in lines:
        if text.startswith("# "):
            commands.append(Command(text[2:]))
        elif not commands:
            raise ValueError(f"line {line}: the block begins with no command")
        elif text.startswith("> "):
            commands[-1].script += "\n" + text[2:]
        elif text == ">":
            commands[-1].script += "\n"
        elif commands[-1].script.endswith("\\"):
            commands[-1].script += "\n" + text
        else:
            commands[-1].answers.append(text)
    return Block(
        line,
        machines,
        float(options.get("within", 0)),
        int(options.get("status", 0)),
        commands,
    )


def unanswered(answers: list[str], output: str) -> str | None:
    """The first line of a page that the output does not have in its place."""
    lines = iter(output.splitlines())
    for answer in answers:
        pattern = re.compile(r".*".join(map(re.escape, answer.strip().split("..."))))
        if not any(pattern.fullmatch(line.strip()) for line in lines):
            return answer
    return None
