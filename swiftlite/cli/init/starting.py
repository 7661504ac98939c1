"""Starting one server process and learning whether it came up.

It is told to report as it would to systemd, so "started" means that its workers serve. In the
background it is a session of its own, logs to syslog unless its conf says otherwise, and what it
prints before it is ready is shown here.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from swiftlite.host.entropy import OsEntropy
from swiftlite.host.os_clock import monotonic
from swiftlite.observe.options import SYSLOG_VARIABLE
from swiftlite.service.servers import Place

READY_WITHIN_S = 120.0
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Started:
    server: Place
    conf: Path
    process: subprocess.Popen[bytes]
    notices: socket.socket | None
    printed: IO[bytes] | None

    def wait_until_ready(self) -> str | None:
        """None once it is ready; else what it printed before it ended, or that it takes long."""
        if self.notices is None:
            return None
        until = monotonic() + READY_WITHIN_S
        with self.notices:
            self.notices.settimeout(_LOOK_S)
            while monotonic() < until:
                try:
                    if b"READY=1" in self.notices.recv(4096).splitlines():
                        return None
                except TimeoutError:
                    if self.process.poll() is not None:
                        return self._last_words()
        return f"{self.server.name} has not become ready within {READY_WITHIN_S:.0f} s"

    def wait_until_done(self) -> int:
        """Of what runs once, or in the foreground: its exit code."""
        return self.process.wait()

    def _last_words(self) -> str:
        said = ""
        if self.printed is not None:
            self.printed.seek(0)
            said = self.printed.read().decode(errors="replace").strip()
        return said or f"{self.server.name} ended with status {self.process.returncode}"


def start(
    command: str, server: Place, conf: Path, pid_file: Path, options: Sequence[str], daemon: bool
) -> Started:
    """Raises OSError when the command or the pid file cannot be used."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    if not daemon:
        process = subprocess.Popen([command, str(conf), *options])
        _write_pid(pid_file, process.pid)
        return Started(server, conf, process, None, None)
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = f"swiftlite-init-{os.getpid()}-{OsEntropy().hex(8)}"
    notices.bind(f"\0{name}")
    # Nobody's file: it is gone with the process, which prints nothing once it logs.
    printed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as Started
    process = subprocess.Popen(
        [command, str(conf), *options],
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=printed,
        env={**os.environ, "NOTIFY_SOCKET": f"@{name}", SYSLOG_VARIABLE: "1"},
        start_new_session=True,
        umask=0o022,
        cwd="/",
    )
    _write_pid(pid_file, process.pid)
    return Started(server, conf, process, notices, printed)


def _write_pid(path: Path, pid: int) -> None:
    path.write_text(str(pid))
