"""Which processes are ours, old, or nobody's."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from swiftlite.cli.orphans import orphans, pids_in, signal_number
from swiftlite.cli.processes import Process, is_running, listing, own_words


@pytest.mark.parametrize(
    ("command", "own"),
    [
        ("/usr/bin/python3 /usr/bin/swiftlite-init main start", "swiftlite-init main start"),
        ("python3 -u -I /opt/bin/swiftlite-object-server a.conf", "swiftlite-object-server a.conf"),
        ("swiftlite-object-server worker 1 a.conf", "swiftlite-object-server worker 1 a.conf"),
        ("/usr/bin/python3 /usr/bin/swift-init swiftlite-x", ""),
        ("vim swiftlite-object-server.conf", ""),
        ("python3 -m swiftlite.cli.main server DIR", "swiftlite server DIR"),
        ("", ""),
    ],
)
def test_the_command_of_a_process(command: str, own: str) -> None:
    assert " ".join(own_words(command.split())) == own


def process(pid: int, parent: int, command: str, unit: str | None = None) -> Process:
    return Process(pid, parent, 100 * 3600.0, tuple(command.split()), unit)


def test_orphans_are_daemons_that_nobody_answers_for() -> None:
    found = [
        process(10, 1, "swiftlite-object-server o.conf"),
        process(11, 10, "swiftlite-object-server worker 1 o.conf"),
        process(20, 1, "swiftlite-object-server o.conf"),
        process(21, 20, "swiftlite-object-server worker 1 o.conf"),
        process(30, 1, "swiftlite server DIR"),
        process(31, 30, "swiftlite-account-server DIR/etc"),
        process(40, 1, "swiftlite-object-auditor o.conf --once"),
        process(50, 1, "swiftlite-account-server a.conf", "swiftlite-account-server.service"),
        process(60, 1, "swiftlite-recon --all"),
    ]
    assert [one.pid for one in orphans(found, known={10})] == [20, 21]


def test_pid_files_of_all_depths_count(tmp_path: Path) -> None:
    (tmp_path / "object-server").mkdir()
    (tmp_path / "object-server" / "1.pid").write_text("12")
    (tmp_path / "proxy-server.pid.d").write_text("13\n")
    (tmp_path / "broken.pid").write_text("x")
    (tmp_path / "notes").write_text("14")
    assert pids_in(tmp_path) == {12, 13}


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "term", "15"])
def test_signals_by_any_name(text: str) -> None:
    assert signal_number(text) == signal.SIGTERM


@pytest.mark.parametrize("text", ["", "NONE", "0", "999"])
def test_no_signal(text: str) -> None:
    assert signal_number(text) is None


def test_a_listing_has_the_columns_of_swift() -> None:
    text = listing([process(7, 1, "swiftlite-object-server " + "x" * 100)])
    assert text.splitlines()[0] == "Hours PID Command"
    assert text.splitlines()[1].startswith("  100   7 object-server xxx")
    assert len(text.splitlines()[1]) <= 80


def test_a_process_that_execs_is_still_the_one_it_was(tmp_path: Path) -> None:
    """Its command line is empty for a moment; swiftlite-init lost a reloading server by that."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text("7 (python3) S 1 7 7")
    (tmp_path / "7/cmdline").write_text("")

    def pause(_seconds: float) -> None:
        (tmp_path / "7/cmdline").write_text("python3\0/usr/bin/swiftlite-proxy-server\0a.conf\0")

    proc = str(tmp_path)
    assert is_running(7, "swiftlite-proxy-server", proc=proc, pause=pause)
    assert not is_running(7, "swiftlite-object-server", proc=proc, pause=pause)
    assert not is_running(8, "swiftlite-proxy-server", proc=proc, pause=pause)


def test_a_process_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text("7 (swiftlite) Z 1 7 7")
    (tmp_path / "7/cmdline").write_text("")

    def pause(_seconds: float) -> None:
        raise AssertionError("a zombie has no command line, and gets none")

    assert not is_running(7, "swiftlite-proxy-server", proc=str(tmp_path), pause=pause)
