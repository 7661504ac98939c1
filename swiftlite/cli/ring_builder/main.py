"""Entry point of swiftlite-ring-builder: files, lock, subcommand, answer, exit code.

Exit codes: 0 done, 1 done with a warning or nothing to do, 2 error.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TextIO

from swiftlite.host import os_clock
from swiftlite.ring import RingError

from .choosing import GRAMMAR
from .session import ERROR, SUCCESS, CommandError, Session, UsageError, file_names, locked

COMMANDS = {
    "show": "show",
    "create": "create",
    "add": "add",
    "remove": "remove",
    "rebalance": "rebalance",
    "plan": "plan",
    "search": "search",
    "list_parts": "list_parts",
    "set_weight": "set_number",
    "set_region": "set_number",
    "set_zone": "set_number",
    "set_info": "set_info",
    "set_min_part_hours": "set_min_part_hours",
    "pretend_min_part_hours_passed": "pretend_min_part_hours_passed",
    "set_replicas": "set_replicas",
    "set_overload": "set_overload",
    "dispersion": "dispersion",
    "validate": "validate",
    "verify": "verify",
    "write_ring": "write_ring",
    "write_builder": "write_builder",
    "version": "version",
    "prepare_increase_partition_power": "partition_power",
    "increase_partition_power": "partition_power",
    "cancel_increase_partition_power": "partition_power",
    "finish_increase_partition_power": "partition_power",
}
ALIASES = {"default": "show", "list": "show", "rm": "remove", "delete": "remove"}


def main(argv: Sequence[str] | None = None) -> int:
    """For the entry point: uses the process's arguments, streams and clock."""
    arguments = list(sys.argv if argv is None else argv)
    return run(arguments, out=sys.stdout, err=sys.stderr, now=os_clock.wall())


def run(argv: list[str], *, out: TextIO, err: TextIO, now: float) -> int:
    """argv[0] is the program's name; one that ends in -safe locks for every command."""
    safe = os.path.basename(argv[0]).endswith("-safe") if argv else False
    words = argv[1:]
    as_json = "--json" in words
    words = [word for word in words if word != "--json"]
    if "--safe" in words:
        safe = True
        words.remove("--safe")
    if not words or words[0] in ("-h", "--help", "help"):
        out.write(overview())
        return SUCCESS
    name = words[1] if len(words) > 1 else "show"
    name = ALIASES.get(name, name)
    if name in ("-h", "--help"):
        out.write(overview())
        return SUCCESS
    builder_path, ring_path = file_names(words[0])
    session = Session(builder_path, ring_path, now, out, _asker(out), as_json)
    try:
        if name not in COMMANDS:
            raise UsageError(f"there is no command {name!r}")
        code = _run_command(session, name, words[2:], safe=safe)
    except UsageError as fault:
        return _fail(session, err, str(fault), usage(name))
    except RingError as fault:
        return _fail(session, err, str(fault), "")
    session.print(code)
    return code


def _run_command(session: Session, name: str, args: list[str], *, safe: bool) -> int:
    module = _module(name)
    if "-h" in args or "--help" in args:
        session.say(usage(name))
        return SUCCESS
    if safe or module.WRITES:
        with locked(session.builder_path, os_clock.sleep):
            return int(module.run(session, name, args))
    return int(module.run(session, name, args))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__package__}.{COMMANDS[name]}")


def _fail(session: Session, err: TextIO, sentence: str, more: str) -> int:
    if session.as_json:
        session.facts = {"error": sentence}
        session.lines = []
        session.print(ERROR)
    else:
        # What was said before the error still stands: warnings, questions.
        for line in session.lines:
            session.out.write(line + "\n")
        err.write(f"swiftlite-ring-builder: {sentence}\n")
        if more:
            err.write(more + "\n")
    return ERROR


def _asker(out: TextIO) -> Callable[[str], str]:
    def ask(question: str) -> str:
        out.write(question)
        out.flush()
        return sys.stdin.readline()

    return ask


def usage(name: str) -> str:
    """How a command is called; the overview for one that does not exist."""
    if name not in COMMANDS:
        return overview()
    module = _module(name)
    text: str = module.USAGE.replace("<command>", name)
    return text if "search value" not in text else f"{text}\n{GRAMMAR}"


def overview() -> str:
    """All commands, a line each."""
    lines = [
        "swiftlite-ring-builder <builder file> [<command> [<arguments>]] [--json]",
        "",
        "Makes and changes rings. Without a command: shows the builder. The file may also be",
        "the ring's (x.ring.gz means x.builder). <command> --help says more.",
        "",
    ]
    width = max(map(len, COMMANDS))
    for name in COMMANDS:
        module = _module(name)
        summary = module.SUMMARY
        lines.append(
            f"  {name.ljust(width)}  {summary if isinstance(summary, str) else summary[name]}"
        )
    lines += [
        "",
        "Exit codes: 0 done, 1 done with a warning or nothing to do, 2 error.",
        "",
    ]
    return "\n".join(lines)


__all__ = ["CommandError", "main", "run"]

if __name__ == "__main__":
    sys.exit(main())
