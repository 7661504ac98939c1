"""Pushing directories to another node by the rsync command, to the module that it serves.

An rsync that does not end in time, or when the daemon is told to stop, is ended; what it had not
finished lies at the other side under a temporary name, which everybody ignores.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from swiftlite.host.bundle import Host
from swiftlite.ring import Device

_TEMPORARIES = "--exclude=.*." + "[0-9a-zA-Z]" * 6
_POLL_S = 0.5
_LAST_WORDS_S = 2.0
NOT_RUN = 127


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


@dataclass(frozen=True, slots=True)
class Ended:
    """An rsync that is over. late: it was given no more time."""

    status: int
    output: str
    seconds: float
    late: bool


class Rsync:
    """Runs one rsync for each push, and waits for it on a native thread."""

    def __init__(
        self, host: Host, settings: RsyncSettings, log: RsyncLog, stopping: Callable[[], bool]
    ) -> None:
        self._host = host
        self._settings = settings
        self._log = log
        self._stopping = stopping

    def push(self, sources: Sequence[str], to: Device, directory: str, *, far: bool) -> bool:
        """Copy directories into a directory of the other's device, but for what is there already;
        whether all of it is there now. far: compress, if that is wanted at all."""
        settings = self._settings
        words = [
            "rsync",
            "--recursive",
            "--whole-file",
            "--human-readable",
            "--xattrs",
            "--itemize-changes",
            "--ignore-existing",
            f"--timeout={settings.io_timeout}",
            f"--contimeout={settings.io_timeout}",
            f"--bwlimit={settings.bwlimit}",
            _TEMPORARIES,
        ]
        if settings.compress and far:
            words.append("--compress")
        target = f"{module_of(settings.module, to)}/{to.device}/{directory}"
        words += [*sources, target]
        start = self._host.clock.monotonic()

        def give_up() -> bool:
            late = self._host.clock.monotonic() - start > settings.timeout
            return late or self._stopping()

        status, output = self._host.tasks.offload("rsync", _run, words, give_up)
        took = self._host.clock.monotonic() - start
        ended = Ended(status, output, took, took > settings.timeout)
        self._tell(ended, words, target)
        return ended.status == 0

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


def _run(words: Sequence[str], give_up: Callable[[], bool]) -> tuple[int, str]:
    """Exit status and all that it said."""
    try:
        running = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return NOT_RUN, f"rsync cannot be run: {error}"
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
