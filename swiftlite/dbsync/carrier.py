"""Carrying database files by rsync, to nodes that are not swiftlite."""

from __future__ import annotations

import math
import subprocess

from swiftlite.dbsync.peers import Target
from swiftlite.host.tasks import Tasks
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.rsync import module_of


class RsyncCarrier:
    """module: template of the other side's module, as rsync_module has it."""

    def __init__(
        self, tasks: Tasks, module: str, *, timeout: float, conn_timeout: float, compress: bool
    ) -> None:
        self._tasks = tasks
        self._module = module
        self._compress = compress
        self._words = (
            "rsync",
            "--quiet",
            "--no-motd",
            f"--timeout={math.ceil(timeout)}",
            f"--contimeout={math.ceil(conn_timeout)}",
            "--whole-file",
        )

    def carry(self, path: str, target: Target, name: str, *, compress: bool) -> None:
        """Put the file into the tmp of the target's device; compress: it is far away."""
        more = ("--compress",) if compress and self._compress else ()
        module = module_of(self._module, target.node)
        words = [*self._words, *more, path, f"{module}/{target.node.device}/tmp/{name}"]
        status, said = self._tasks.offload("rsync", _run, words)
        if status:
            reason = f"rsync ended with {status}: {said.strip()[-300:]}"
            raise PeerFault(target.node.replication_address, reason)


def _run(words: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stderr
