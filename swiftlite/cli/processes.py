"""The swiftlite processes of this machine, as /proc shows them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from swiftlite.host.os_clock import sleep
from swiftlite.service.servers import PREFIX

_LOOKS, _LOOK_S = 100, 0.01
_AS_MODULE = "swiftlite.cli.main"  # python3 -m


@dataclass(frozen=True, slots=True)
class Process:
    """words: its command from `swiftlite-...` on, without an interpreter and a path before it.
    unit: the systemd service that it belongs to, if that is one of ours."""

    pid: int
    parent: int
    age_s: float
    words: tuple[str, ...]
    unit: str | None = None

    @property
    def hours(self) -> int:
        return int(self.age_s // 3600)

    @property
    def title(self) -> str:
        return " ".join(self.words)


def words_of(pid: int, proc: str = "/proc") -> tuple[str, ...]:
    """A process's command from `swiftlite...` on; nothing for a process that is not ours."""
    try:
        line = Path(proc, str(pid), "cmdline").read_bytes()
    except OSError:
        return ()
    return own_words(line.decode(errors="replace").rstrip("\0").replace("\0", " ").split())


def own_words(words: list[str]) -> tuple[str, ...]:
    """The command itself, or a script as its interpreter's argument; options stand between."""
    script = 0
    if words and os.path.basename(words[0]).startswith("python"):
        script = next((at for at, word in enumerate(words) if at and word[0] != "-"), 0)
    if script < len(words):
        name = os.path.basename(words[script])
        if name == _AS_MODULE:
            name = "swiftlite"
        if name == "swiftlite" or name.startswith(PREFIX):
            return (name, *words[script + 1 :])
    return ()


def is_running(
    pid: int, command: str, *, proc: str = "/proc", pause: Callable[[float], None] = sleep
) -> bool:
    """Whether this very command has the pid; another program may have it by now.

    A process that is about to exec, as a server does when it reloads, has no command line for a
    moment: it is looked at again.
    """
    for _ in range(_LOOKS):
        try:
            line = Path(proc, str(pid), "cmdline").read_bytes()
            state = Path(proc, str(pid), "stat").read_bytes().rpartition(b") ")[2][:1]
        except OSError:
            return False
        if line or state in (b"Z", b"X"):
            break
        pause(_LOOK_S)
    words = words_of(pid, proc)
    return bool(words) and words[0] == command


def running(proc: str = "/proc") -> list[Process]:
    """Every process of ours but this one, oldest first."""
    uptime = float(Path(proc, "uptime").read_text().split()[0])
    found = [
        process
        for pid in _pids(proc)
        if pid != os.getpid() and (process := _look(pid, uptime, proc)) is not None
    ]
    return sorted(found, key=lambda process: -process.age_s)


def _pids(proc: str) -> Iterator[int]:
    return (int(name) for name in os.listdir(proc) if name.isdigit())


def _look(pid: int, uptime: float, proc: str) -> Process | None:
    words = words_of(pid, proc)
    if not words:
        return None
    try:
        fields = Path(proc, str(pid), "stat").read_bytes().rpartition(b") ")[2].split()
        groups = Path(proc, str(pid), "cgroup").read_text()
    except OSError:
        return None
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return Process(pid, int(fields[1]), max(0.0, uptime - started), words, _unit_in(groups))


def _unit_in(groups: str) -> str | None:
    for part in groups.replace("\n", "/").split("/"):
        if part.startswith(PREFIX) and part.endswith(".service"):
            return part
    return None


def listing(found: list[Process], *, width: int | None = 80) -> str:
    """The table of swift-oldies and swift-orphans: hours, pid, command."""
    rows = [(str(one.hours), str(one.pid), one.title.removeprefix(PREFIX)) for one in found]
    hours = max(len("Hours"), *(len(row[0]) for row in rows))
    pids = max(len("PID"), *(len(row[1]) for row in rows))
    room = None if width is None else width - 2 - hours - pids
    lines = [("Hours", "PID", "Command"), *rows]
    return "\n".join(f"{age:>{hours}} {pid:>{pids}} {title[:room]}" for age, pid, title in lines)
