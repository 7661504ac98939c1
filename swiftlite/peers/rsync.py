"""Pushing directories to another node by the rsync command, to the module that it serves.

Many directories below one go by one rsync (--relative): its processes, one here and two over there,
cost more than a few small files. An rsync that does not end in time, or when the daemon is told to
stop, is ended; what it had not finished lies at the other side under a temporary name, which
everybody ignores.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Protocol

from swiftlite.host.bundle import Host
from swiftlite.host.disk import Disk
from swiftlite.ring import Device

_TEMPORARIES = "--exclude=.*." + "[0-9a-zA-Z]" * 6
_POLL_S = 0.5
_LAST_WORDS_S = 2.0
NOT_RUN = 127
_SOME_FAILED = frozenset((11, 12, 23, 24))
"""Of rsync's exit codes those that one bad directory among good ones may bring: an error of a disk,
a process over there that gave up, a file that did not get there, one that vanished here."""


class RsyncLog(Protocol):
    def debug(self, message: str, /) -> None: ...
    def info(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class RsyncSettings:
    """module: template of the other side's module. line_length: of errors logged; 0: whole."""

    module: str = "{replication_ip}::object"
    timeout: float = 900.0
    io_timeout: str = "30"
    bwlimit: str = "0"
    compress: bool = False
    log_transfers: bool = True
    line_length: int = 0


class Pushed(Enum):
    """What an rsync has come to."""

    ALL = "everything is there now"
    PART = "something is not there; the rest may be, and may get there by itself"
    NOTHING = "it could not talk to the other side, or had to stop"


@dataclass(frozen=True, slots=True)
class Ended:
    """An rsync that is over. late: it was given no more time. stopped: nor was the daemon."""

    status: int
    output: str
    seconds: float
    late: bool
    stopped: bool

    @property
    def pushed(self) -> Pushed:
        if self.status == 0:
            return Pushed.ALL
        some = self.late or self.status in _SOME_FAILED
        return Pushed.PART if some and not self.stopped else Pushed.NOTHING


class Rsync:
    """Runs one rsync for each push, and waits for it on a native thread."""

    def __init__(
        self, host: Host, settings: RsyncSettings, log: RsyncLog, stopping: Callable[[], bool]
    ) -> None:
        self._host = host
        self._settings = settings
        self._log = log
        self._stopping = stopping

    def push(
        self, root: str, names: Sequence[str], to: Device, directory: str, *, far: bool
    ) -> Pushed:
        """Copy directories (paths below root) to the same paths below a directory of the other's
        device, but for what is there already; those that are gone here are left out.

        far: compress, if that is wanted at all.
        """
        settings = self._settings
        words = [
            "rsync",
            "--recursive",
            "--whole-file",
            "--human-readable",
            "--xattrs",
            "--itemize-changes",
            "--ignore-existing",
            "--relative",
            "--no-implied-dirs",
            "--ignore-missing-args",
            "--from0",
            "--files-from=-",
            f"--timeout={settings.io_timeout}",
            f"--contimeout={settings.io_timeout}",
            f"--bwlimit={settings.bwlimit}",
            _TEMPORARIES,
        ]
        if settings.compress and far:
            words.append("--compress")
        # rsync would make the directory itself, if it is missing, but not the one above `.`: on a
        # device that has been unmounted meanwhile nothing may be written.
        target = f"{module_of(settings.module, to)}/{to.device}/{directory}/./"
        words += [root, target]
        start = self._host.clock.monotonic()

        def give_up() -> bool:
            late = self._host.clock.monotonic() - start > settings.timeout
            return late or self._stopping()

        wanted = "".join(f"{name}\0" for name in names).encode("ascii")
        disk, tasks = self._host.disk, self._host.tasks
        status, output = tasks.offload("rsync", _run, disk, words, wanted, give_up)
        took = self._host.clock.monotonic() - start
        ended = Ended(status, output, took, took > settings.timeout, self._stopping())
        self._tell(ended, words, f"{target} ({len(names)} directories)")
        return ended.pushed

    def _tell(self, ended: Ended, words: Sequence[str], target: str) -> None:
        tell = self._log.error if ended.status else self._log.debug
        for line in ended.output.splitlines():
            is_transfer = line.startswith("<") and not self._settings.log_transfers
            if line and not is_transfer and not line.startswith("cd+"):
                tell(self._cut(line))
        if ended.late and ended.status:
            words_text = " ".join(words)
            self._log.error(self._cut(f"Killed an rsync after {ended.seconds:.0f} s: {words_text}"))
        elif ended.status:
            self._log.error(self._cut(f"rsync ended with {ended.status}: {' '.join(words)}"))
        else:
            say = self._log.info if ended.output else self._log.debug
            say(f"Successful rsync to {target} ({ended.seconds:.3f} s)")

    def _cut(self, line: str) -> str:
        return line[: self._settings.line_length or None]


def module_of(template: str, device: Device) -> str:
    """`{replication_ip}::object` and the like, filled in; IPv6 addresses in brackets."""
    fields = asdict(device)
    for name in ("ip", "replication_ip"):
        if ":" in fields[name]:
            fields[name] = f"[{fields[name]}]"
    return template.rstrip("/").format(**fields)


# What follows runs on a native thread.


def _run(
    disk: Disk, words: Sequence[str], wanted: bytes, give_up: Callable[[], bool]
) -> tuple[int, str]:
    """Exit status and all that it said. wanted: what it reads from its standard input."""
    given = os.memfd_create("wanted")  # a pipe would have to be fed while we wait
    try:
        disk.write(given, wanted)
        os.lseek(given, 0, os.SEEK_SET)
        running = subprocess.Popen(
            words,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return NOT_RUN, f"rsync cannot be run: {error}"
    finally:
        os.close(given)
    with running:
        while True:
            try:
                output, _ = running.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                if give_up():
                    output = _ended_by_force(running)
                    break
    return running.returncode, output


def _ended_by_force(running: subprocess.Popen[str]) -> str:
    running.terminate()
    try:
        return running.communicate(timeout=_LAST_WORDS_S)[0]
    except subprocess.TimeoutExpired:
        running.kill()
    return running.communicate()[0]
