from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite import __version__
from swiftlite.cli import main as command
from swiftlite.cli.daemon import OBJECT, main_of


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        command.main(["--version"])
    assert leaving.value.code == 0
    assert capsys.readouterr().out == f"swiftlite {__version__}\n"


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert "server" in capsys.readouterr().out


def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter").write_text("dear")
    assert command.main(["server", str(tmp_path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("swiftlite: ")
    assert complaint.count("\n") == 1


def test_wrong_usage_is_exit_code_2() -> None:
    with pytest.raises(SystemExit) as leaving:
        command.main(["server", "--port", "many", "x"])
    assert leaving.value.code == 2


def test_a_daemon_without_its_conf_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_of(OBJECT, [str(tmp_path / "missing.conf")]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("swiftlite-object-server: ")
    assert "missing.conf" in complaint
