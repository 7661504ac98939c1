"""What every subcommand works with: the files, the builder, the answer, and how it is saved.

A subcommand adds to the answer and returns an exit code; `main` prints it, as text or as JSON.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from swiftlite.ring import RingBuilder, RingError, RingFileError
from swiftlite.ring.files import read_file, replace_file

SUCCESS, WARNING, ERROR = 0, 1, 2
LOCK_SECONDS = 15.0


class CommandError(RingError):
    """The command cannot be done; the sentence is all that the operator sees. Exit code 2."""


class UsageError(CommandError):
    """The arguments are not of the command's form; its usage is shown as well."""


@dataclass(slots=True)
class Session:
    """One call of the command. `now` is seconds since 1970."""

    builder_path: str
    ring_path: str
    now: float
    out: TextIO
    ask: Callable[[str], str]
    as_json: bool = False
    lines: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    _builder: RingBuilder | None = None

    @property
    def builder(self) -> RingBuilder:
        """The builder, loaded when first asked for."""
        if self._builder is None:
            if not os.path.exists(self.builder_path):
                raise CommandError(f"there is no builder file {self.builder_path}")
            self._builder = RingBuilder.load(self.builder_path)
        return self._builder

    @builder.setter
    def builder(self, made: RingBuilder) -> None:
        self._builder = made

    def say(self, line: str = "", **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """Add a line to the text answer, and facts to the JSON one."""
        if line:
            self.lines.append(line)
        self.facts.update(facts)

    def backup_path(self, path: str) -> str:
        """Where a copy goes that is made now."""
        folder, name = os.path.split(path)
        return os.path.join(folder, "backups", f"{int(self.now)}.{name}")

    def save(self, *, backup: bool = True) -> None:
        """Write the builder, and a copy of it under backups/."""
        if backup:
            self._make_backup_folder()
        self.builder.save(self.builder_path, new_id=uuid.uuid4().hex)
        if backup:
            copy_file(self.builder_path, self.backup_path(self.builder_path))

    def write_ring(self, format_version: int) -> None:
        """Write the ring, and a copy of it under backups/."""
        self._make_backup_folder()
        self.builder.write_ring(self.ring_path, format_version=format_version)
        copy_file(self.ring_path, self.backup_path(self.ring_path))

    def _make_backup_folder(self) -> None:
        folder = os.path.dirname(self.backup_path(self.builder_path))
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as fault:
            raise CommandError(f"{folder} cannot be made: {fault.strerror}") from None

    def confirm(self, question: str, *, yes: bool) -> None:
        """Raises CommandError unless the operator agrees."""
        if yes:
            return
        if self.as_json:
            raise CommandError(f"{question} (say --yes)")
        if self.ask(f"{question} (y/N) ").strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was changed")

    def print(self, code: int) -> None:
        """Show the answer."""
        if self.as_json:
            self.facts.setdefault("messages", self.lines)
            self.facts["exit_code"] = code
            self.out.write(json.dumps(self.facts, indent=2, sort_keys=True) + "\n")
        elif self.lines:
            self.out.write("\n".join(self.lines) + "\n")


def copy_file(source: str, target: str) -> None:
    """A copy with the same mode, in one step."""
    replace_file(target, [read_file(source)], mode=os.stat(source).st_mode & 0o777)


def file_names(given: str) -> tuple[str, str]:
    """(builder file, ring file) from either name."""
    for ending in (".ring.gz", ".builder"):
        if given.endswith(ending):
            stem = given.removesuffix(ending)
            return stem + ".builder", stem + ".ring.gz"
    return given, given + ".ring.gz"


@contextlib.contextmanager
def locked(
    path: str, sleep: Callable[[float], None], seconds: float = LOCK_SECONDS
) -> Iterator[None]:
    """Hold the folder of the file: one builder at a time, Swift's own safe builder included."""
    folder = os.path.dirname(os.path.abspath(path))
    name = os.path.join(folder, ".lock")
    try:
        handle = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as fault:
        raise CommandError(f"{folder} cannot be locked: {fault.strerror}") from None
    try:
        waited = 0.0
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if waited >= seconds:
                    raise CommandError(
                        f"another ring builder is at work in {folder} (waited {seconds:g} s)"
                    ) from None
                sleep(0.05)
                waited += 0.05
        yield
    finally:
        os.close(handle)


def stale(session: Session) -> bool | None:
    """Is the ring file older than the builder? None when there is no readable ring file."""
    from swiftlite.ring.load import load_image

    try:
        image = load_image(session.ring_path)
    except RingFileError:
        return None
    if not session.builder.rebalanced:
        return True
    current = session.builder.image()
    return (image.part_shift, image.devices, image.rows, image.next_part_power) != (
        current.part_shift,
        current.devices,
        current.rows,
        current.next_part_power,
    )


class ProgressBar:
    """A line on the terminal that says how far a long rebalance is; silent elsewhere."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream if stream.isatty() else None
        self._shown = ""

    def __call__(self, doing: str, done: int, total: int) -> None:
        if self._stream is None or not total:
            return
        filled = 30 * done // total
        text = f"{doing} [{'#' * filled}{'.' * (30 - filled)}] {100 * done // total:3d}%"
        if text != self._shown:
            self._stream.write("\r" + text.ljust(len(self._shown)))
            self._stream.flush()
            self._shown = text

    def close(self) -> None:
        if self._stream is not None and self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()


__all__ = [
    "ERROR",
    "SUCCESS",
    "WARNING",
    "CommandError",
    "ProgressBar",
    "Session",
    "UsageError",
    "copy_file",
    "file_names",
    "locked",
    "stale",
]
