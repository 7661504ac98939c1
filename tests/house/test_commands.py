"""What is generated from the table of commands is fresh: launchers, manuals, completion, units."""

from __future__ import annotations

import importlib
import os
import pty
import select
import shutil
import signal
import subprocess
import time

import pytest

from tests.house.source import REPOSITORY
from tools import render_commands, render_completion, render_man, render_units

FILES = {
    **render_commands.rendered(),
    **render_units.rendered(),
    **render_man.rendered(),
    **render_completion.rendered(),
}
TOLD = "run tools/render_commands.py, _units, _man and _completion"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_is_generated_is_fresh(path: os.PathLike[str]) -> None:
    target = REPOSITORY / path
    assert target.exists(), TOLD
    stale = target.read_text(encoding="utf-8") != FILES[path]  # type: ignore[index]  # a Path
    assert not stale, TOLD


def test_nothing_is_left_of_commands_that_have_gone() -> None:
    for folder in ("bin", "etc/systemd", "etc/completion", "doc/man"):
        present = {path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).glob("*")}
        assert present == {path for path in FILES if str(path.parent) == folder}, folder


@pytest.mark.parametrize(("name", "module"), render_commands.commands().items())
def test_every_command_can_be_imported_and_run_from_a_checkout(name: str, module: str) -> None:
    assert callable(importlib.import_module(module).main)
    assert os.access(REPOSITORY / "bin" / name, os.X_OK)


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_manual_pages_are_well_formed() -> None:
    pages = [str(path) for path in sorted((REPOSITORY / "doc" / "man").glob("*.1"))]
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", *pages], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["swiftlite-init", "reload-s"], ["reload-seamless"]),
        (["swiftlite-init", "object", "--kill-"], ["--kill-wait", "--kill-after-timeout"]),
        (["swiftlite", "ser"], ["server"]),
        (["swiftlite", "server", "--po"], ["--port"]),
        (["swiftlite", "plan", "stop", "--le"], ["--least"]),
        (["swiftlite", "plan", "pu"], ["pull"]),
        (["/usr/bin/swiftlite-get-nodes", "--part"], ["--partition"]),
    ],
)
def test_bash_completes(typed: list[str], offered: list[str]) -> None:
    script = (
        '. etc/completion/swiftlite.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        "_swiftlite; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *typed],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == offered


NEEDS_ZSH = pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")


@NEEDS_ZSH
def test_zsh_can_read_its_completion() -> None:
    done = subprocess.run(["zsh", "-n", "etc/completion/_swiftlite"], cwd=REPOSITORY, check=False)
    assert done.returncode == 0


@NEEDS_ZSH
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("swiftlite-init reload-s", "swiftlite-init reload-seamless "),
        ("swiftlite ser", "swiftlite server "),
        ("swiftlite doctor --jso", "swiftlite doctor --json "),
        ("swiftlite plan pu", "swiftlite plan pull "),
        ("swiftlite-get-nodes --part", "swiftlite-get-nodes --partition "),
    ],
)
def test_zsh_completes(typed: str, completed: str) -> None:
    """In a shell of its own at a terminal: Tab, and what stands there then."""
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": "/", "COLUMNS": "200"}
        os.chdir(REPOSITORY)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environ)
    try:
        begin = (
            "fpath=($PWD/etc/completion $fpath); autoload -U compinit; compinit -D -u; echo re'ady'"
        )
        os.write(terminal, begin.encode() + b"\n")
        assert "ready" in read_until(terminal, "ready")
        os.write(terminal, typed.encode() + b"\t")
        assert completed in read_until(terminal, completed)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def read_until(terminal: int, wanted: str) -> str:
    """What the terminal says until that stands there, or a minute is over."""
    said = b""
    until = time.monotonic() + 60
    while wanted.encode() not in said and time.monotonic() < until:
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 4096)
    return said.decode(errors="replace")
