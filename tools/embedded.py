"""An embedded cluster for a tool: made in a folder, run in a process of its own, stopped again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from swiftlite.cli.bench.processes import with_descendants

REPOSITORY = Path(__file__).resolve().parents[1]
_STOP_S = 120.0
_SERVER = re.compile(r"proxy|(account|container|object)-\d+")


class Embedded:
    """`swiftlite server` with Swift's test users. Usable in a with statement; stop() it."""

    def __init__(self, root: Path, port: int, storage_port: int, *options: str) -> None:
        self.root = root
        self.auth_url = f"http://127.0.0.1:{port}/auth/v1.0"
        self._command = [
            *(sys.executable, "-m", "swiftlite.cli.main", "server", str(root), "--test-users"),
            *("--port", str(port), "--storage-port", str(storage_port), *options),
        ]
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def swift_dir(self) -> str:
        return str(self.root / "etc")

    def start(self) -> None:
        """Returns once every server answers. Raises SystemExit where they do not."""
        self._process = subprocess.Popen(
            self._command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("Ctrl-C"):
                return
        raise SystemExit(f"the cluster did not start, see {self.root / 'log'}")

    def stop(self) -> int:
        """Its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=_STOP_S)

    def configure(self, key: str, value: object, pattern: str) -> None:
        """Set an option in [DEFAULT] of those confs in etc/; it counts from the next start on."""
        paths = sorted((self.root / "etc").glob(pattern))
        assert paths, pattern
        for path in paths:
            text = re.sub(rf"^{key} = .*\n", "", path.read_text(), flags=re.M)
            path.write_text(text.replace("[DEFAULT]\n", f"[DEFAULT]\n{key} = {value}\n", 1))

    def servers(self) -> list[int]:
        """Without their workers, and without the daemons."""
        files = (self.root / "run").glob("*.pid")
        return [int(file.read_text()) for file in files if _SERVER.fullmatch(file.stem)]

    @contextlib.contextmanager
    def without_daemons(self) -> Iterator[None]:
        """Started and stopped, its daemons standing still meanwhile."""
        with self:
            daemons = with_descendants([self.pid]) - {self.pid, *with_descendants(self.servers())}
            _signal(daemons, signal.SIGSTOP)
            try:
                yield
            finally:
                _signal(daemons, signal.SIGCONT)

    def __enter__(self) -> Embedded:
        signal.signal(signal.SIGTERM, _leave)  # or the cluster would outlive its tool
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)
