"""Which processes are ours, old, or nobody's."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from swiftlite.cli.orphans import orphans, pids_in, signal_number
from swiftlite.cli.processes import Process, listing, own_words


@pytest.mark.parametrize(
    ("command", "own"),
    [
        ("/usr/bin/python3 /usr/bin/swiftlite-init main start", "swiftlite-init main start"),
        ("python3 -u -I /opt/bin/swiftlite-object-server a.conf", "swiftlite-object-server a.conf"),
        ("swiftlite-object-server worker 1 a.conf", "swiftlite-object-server worker 1 a.conf"),
        ("/usr/bin/python3 /usr/bin/swift-init swiftlite-x", ""),
        ("vim swiftlite-object-server.conf", ""),
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
