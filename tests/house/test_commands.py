"""What is generated from the table of commands is fresh: launchers, manuals, completion, units."""

from __future__ import annotations

import importlib
import os

import pytest

from tests.house.source import REPOSITORY
from tools import render_commands, render_units

FILES = {**render_commands.rendered(), **render_units.rendered()}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_is_generated_is_fresh(path: os.PathLike[str]) -> None:
    target = REPOSITORY / path
    assert target.exists(), "run tools/render_commands.py and tools/render_units.py"
    stale = target.read_text(encoding="utf-8") != FILES[path]  # type: ignore[index]  # a Path
    assert not stale, "run tools/render_commands.py and tools/render_units.py"


def test_nothing_is_left_of_commands_that_have_gone() -> None:
    for folder in ("bin", "etc/systemd", "doc/man"):
        present = {path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).glob("*")}
        assert present == {path for path in FILES if str(path.parent) == folder}, folder


@pytest.mark.parametrize(("name", "module"), render_commands.commands().items())
def test_every_command_can_be_imported_and_run_from_a_checkout(name: str, module: str) -> None:
    assert callable(importlib.import_module(module).main)
    assert os.access(REPOSITORY / "bin" / name, os.X_OK)
