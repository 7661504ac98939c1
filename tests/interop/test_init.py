"""swiftlite-init beside swift-init: the same words, over servers that only stand for real ones.

Each side has its own confs, pid files and stubs; what is compared are exit codes, lines, and what
the servers heard. Lines come in no order where OpenStack Swift keeps its servers in a set.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from swiftlite.service.servers import MAIN

SWIFT_PYTHON = os.environ.get("SWIFT_PYTHON", "")
ROOT = Path(__file__).parents[2]
STUB = ROOT / "tests/cli/init/stub_server.py"
INSTALLED = (*MAIN, "object-replicator", "object-auditor", "container-updater")
# Its directories are constants, one of them bound where reload forgets the -r that it was given.
THEIRS = """
import sys
from swift.common import manager
manager.SWIFT_DIR, run_dir, *words = sys.argv[1:]
manager.Manager.__init__.__defaults__ = (run_dir,)
sys.argv = ["swift-init", *words, "-r", run_dir]
sys.exit(manager.main())
"""
OURS = """
import sys
sys.path.insert(0, "{root}")
from swiftlite.cli.init.main import main
sys.exit(main())
"""
# Sentences that each side has of its own.
OWN = re.compile(r"^(ERROR|Usage|usage|swiftlite-init|WARNING|cannot start)|does not exist|^$")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not SWIFT_PYTHON, reason="needs SWIFT_PYTHON, with swift installed"),
]


@dataclass
class Side:
    root: Path
    prefix: str
    command: list[str]

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def run(self) -> Path:
        return self.root / "run"

    def make(self) -> None:
        for name in INSTALLED:
            script = self.root / "bin" / f"{self.prefix}-{name}"
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(f"#!{sys.executable} -S\n{STUB.read_text()}")
            script.chmod(0o755)
        # Servers are looked for beside it first.
        script = self.root / "bin/swiftlite-init"
        script.write_text(OURS.format(root=ROOT))
        self.etc.mkdir()
        self.run.mkdir()

    def init(self, words: list[str]) -> tuple[int, list[str]]:
        """Its exit code, and what it said, without what differs by nature."""
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        done = subprocess.run(
            [*self.command, *words],
            env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        text = done.stdout.replace(str(self.root), "ROOT").replace(f"{self.prefix}-", "swift-")
        text = re.sub(r"\(\d+( -|\))", r"(PID\1", text)
        text = re.sub(r"pid: \d+", "pid: PID", text)
        # swift-init kill looks twice, and says so twice.
        lines = {line for line in text.splitlines() if not OWN.search(line)}
        return done.returncode, sorted(lines)

    def heard(self) -> dict[str, list[str]]:
        """What servers heard, by conf; their own words for once and for the foreground alike."""
        found = {}
        for path in sorted(self.etc.rglob("*.heard")):
            lines = path.read_text().replace("--once", "once").replace("-v", "verbose")
            found[str(path.relative_to(self.etc))] = sorted(lines.splitlines())
        return found

    def running(self) -> dict[str, int]:
        """Pid files that truly name one of this side's processes."""
        found = {}
        for path in self.run.rglob("*.pid*"):
            text = path.read_text().strip()
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{int(text)}/cmdline").read_bytes() if text.isdigit() else b""
                if str(self.root / "bin").encode() in words:
                    found[str(path.relative_to(self.run))] = int(text)
        return found

    def end(self) -> None:
        for pid in self.running().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    ours_root, theirs_root = tmp_path / "ours", tmp_path / "theirs"
    ours = Side(
        ours_root, "swiftlite",
        [sys.executable, f"{ours_root}/bin/swiftlite-init", "--swift-dir", f"{ours_root}/etc",
         "-r", f"{ours_root}/run"],
    )  # fmt: skip
    theirs = Side(
        theirs_root, "swift",
        [SWIFT_PYTHON, "-c", THEIRS, f"{theirs_root}/etc", f"{theirs_root}/run"],
    )  # fmt: skip
    for side in (ours, theirs):
        side.make()
    yield ours, theirs
    for side in (ours, theirs):
        side.end()


ONE = {"object-server.conf": ""}
TWO = {"object-server/1.conf": "", "object-server/2.conf": ""}
SOME = {"object-server.conf": "", "account-server.conf": ""}
DEAF = {"object-server.conf": "deaf"}

# Confs, and what is said in turn.
STORIES: dict[str, tuple[dict[str, str], list[str]]] = {
    "one server": (
        ONE, ["object start", "object-server status", "object start", "object stop",
              "object status", "object stop"],
    ),
    "first things first": (ONE, ["start object", "status object", "stop object"]),
    "nothing runs": (
        ONE, ["object status", "object kill", "object shutdown", "object reload-seamless",
              "object status -c 1", "object status -c 5"],
    ),
    "kill": (ONE, ["object start", "object kill", "object kill"]),
    "signals": (
        ONE, ["object start", "object reload-seamless", "object shutdown", "object start",
              "object stop -g", "object start", "object restart", "object reload",
              "object force-reload", "object stop"],
    ),
    "signals of daemons": (
        ONE, ["object-replicator start", "object-replicator reload-seamless",
              "object-replicator start", "object-replicator shutdown",
              "object-replicator start", "object-replicator reload", "object-replicator stop"],
    ),
    "restart of what does not run": (ONE, ["object restart", "object reload", "object stop"]),
    "numbered confs": (
        TWO, ["object start -c 1", "object status", "object status -c 1", "object status -c 2",
              "object start", "object start -c 2", "object status", "object stop -c 1",
              "object status", "object stop"],
    ),
    "confs by name": (
        TWO, ["object.1 object-replicator.2 start", "object.1 status", "object.2 status",
              "object.3 start", "object.1 stop", "object-replicator.2 stop"],
    ),
    "a conf that is not there": (
        ONE, ["proxy start", "proxy start --non-strict", "object start -c 2",
              "object start -c 2 -v", "proxy status"],
    ),
    "groups": (
        SOME, ["main start", "main status", "main stop -k 5", "main start --strict",
               "main stop", "all stop", "rest status"],
    ),
    "patterns": (SOME, ["object-* start", "object-* status", "object-* stop", "o*r stop"]),
    "several servers": (
        SOME, ["object account start", "object account status", "object stop",
               "object account status", "object account stop"],
    ),
    # Of a server that does not run once, swift-init waits for the end, however long it runs.
    "once": (
        ONE, ["object-replicator once", "object-replicator start --once",
              "object-replicator object-auditor start -o", "object-auditor status"],
    ),
    "without waiting": (ONE, ["object start -w", "object stop", "object no-wait", "object stop"]),
    "in the foreground": (
        {"object-server.conf": "brief"}, ["object start -n", "object no-daemon"],
    ),
    "in the foreground, and wrong": (
        {"object-server.conf": "fail"}, ["object start -n", "object no-daemon"],
    ),
    "what cannot start": ({"object-server.conf": "fail"}, ["object start"]),
    "once, and wrong": ({"object-server.conf": "fail"}, ["object-replicator once"]),
    "what will not end": (
        DEAF, ["object start", "object stop -k 1", "object status",
               "object stop -k 1 --kill-after-timeout", "object status"],
    ),
    "nobody": (ONE, ["objekt start", "objekt status", "objekt stop", "nothing-* start"]),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_both_say_and_do_the_same(sides: tuple[Side, Side], story: str) -> None:
    confs, commands = STORIES[story]
    for side in sides:
        for name, text in confs.items():
            (side.etc / name).parent.mkdir(exist_ok=True)
            (side.etc / name).write_text(text)
    ours, theirs = sides
    for words in commands:
        expected = theirs.init(words.split())
        found = ours.init(words.split())
        assert found == expected, words
        # swift-init leaves pid files of what has ended.
        assert ours.running().keys() == theirs.running().keys(), words
    assert ours.heard() == theirs.heard()


@pytest.mark.parametrize("words", ["", "object", "object dance", "status", "start stop"])
def test_wrong_words_end_alike(sides: tuple[Side, Side], words: str) -> None:
    ours, theirs = sides
    assert ours.init(words.split())[0] == theirs.init(words.split())[0] == 1


NOBODYS = "4194305"  # beyond the largest pid there is


# swift-init sends its signals to whatever number a file holds, be it -1, which stands for every
# process of the machine: no test may hand it one that is, or means, somebody else's.
@pytest.mark.parametrize("text", ["0", "x", "", NOBODYS])
@pytest.mark.parametrize(
    "words", ["object stop -v", "object stop", "object status", "object start"]
)
def test_pid_files_that_lie(sides: tuple[Side, Side], text: str, words: str) -> None:
    for side in sides:
        (side.etc / "object-server.conf").write_text("")
        (side.run / "object-server.pid").write_text(text)
    ours, theirs = sides
    code, lines = theirs.init(words.split())
    # Ours makes sure of a process before it speaks of a signal.
    expected = [line for line in lines if not line.startswith("Signal")]
    assert ours.init(words.split()) == (code, expected)
    assert ours.running().keys() == theirs.running().keys()
