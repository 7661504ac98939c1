"""swiftlite-init from its command line, over servers that only stand for real ones."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.cli.init import main as command
from swiftlite.cli.processes import Process
from swiftlite.service.servers import MAIN
from tests.service.test_crew import is_gone, wait_for

STUB = Path(__file__).with_name("stub_server.py")
INSTALLED = (*MAIN, "object-replicator", "object-auditor")


class Node:
    def __init__(self, root: Path) -> None:
        self.etc, self.run, self.bin = root / "etc", root / "run", root / "bin"
        self.bin.mkdir()
        for name in INSTALLED:
            script = self.bin / f"swiftlite-{name}"
            script.write_text(f"#!{sys.executable} -S\n{STUB.read_text()}")
            script.chmod(0o755)

    def conf(self, path: str, fault: str = "") -> Path:
        conf = self.etc / path
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text(fault)
        return conf

    def init(self, *words: str) -> int:
        return command.main([*words, "--swift-dir", str(self.etc), "-r", str(self.run)])

    def heard(self, path: str) -> list[str]:
        return (self.etc / f"{path}.heard").read_text().splitlines()

    def pid(self, path: str) -> int:
        return int((self.run / path).read_text())


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    made = Node(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(made.bin / "swiftlite-init")])
    monkeypatch.setenv("PATH", str(made.bin))
    yield made
    for pid_file in made.run.rglob("*.pid*"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_a_server_is_started_shown_and_stopped(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = node.conf("object-server.conf")
    assert node.init("object", "start") == 0
    pid = node.pid("object-server.pid")
    assert node.init("object-server", "status") == 0
    assert node.init("object", "stop") == 0
    assert node.init("object", "status") == 1
    assert is_gone(pid)
    assert not (node.run / "object-server.pid").exists()
    assert capsys.readouterr().out.splitlines() == [
        f"Starting object-server...({conf})",
        f"object-server running ({pid} - {conf})",
        f"Signal object-server  pid: {pid}  signal: 15",
        f"object-server ({pid}) appears to have stopped",
        "No object-server running",
    ]


def test_numbered_confs_each_have_a_server_and_a_pid_file(node: Node) -> None:
    for number in (1, 2):
        node.conf(f"object-server/{number}.conf")
    (node.etc / "object-server/3.conf.d").mkdir()
    assert node.init("object.1", "object-replicator.2", "start") == 0
    assert {path.relative_to(node.run).as_posix() for path in node.run.rglob("*.pid*")} == {
        "object-server/1.pid",
        "object-replicator/2.pid",
    }
    assert node.init("object", "status", "-c", "1") == 0
    assert node.init("object", "status", "-c", "2") == 1
    assert node.init("object", "stop", "-c", "2") == 1
    assert node.init("object-*", "stop") == 0


@pytest.mark.parametrize(
    ("words", "server", "replicator"),
    [
        (["stop"], "SIGTERM", "SIGTERM"),
        (["shutdown"], "SIGHUP", "SIGTERM"),
        (["stop", "-g"], "SIGHUP", "SIGTERM"),
    ],
)
def test_which_signal_a_command_sends(
    node: Node, words: list[str], server: str, replicator: str
) -> None:
    node.conf("object-server.conf")
    assert node.init("object", "start") == 0
    assert node.init("object", *words) == 0
    assert node.heard("object-server.conf") == ["started", server]
    assert node.init("object-replicator", "start") == 0
    assert node.init("object-replicator", *words) == 0
    assert node.heard("object-server.conf")[2:] == ["started", replicator]


def test_a_seamless_reload_sends_usr1_and_leaves_the_process(node: Node) -> None:
    node.conf("object-server.conf")
    node.init("object", "start")
    pid = node.pid("object-server.pid")
    assert node.init("object", "reload-seamless") == 0
    wait_for(lambda: node.heard("object-server.conf") == ["started", "SIGUSR1"])
    assert node.pid("object-server.pid") == pid
    assert node.init("object", "reload") == 0
    assert node.pid("object-server.pid") != pid
    assert node.init("object", "restart") == 0
    assert node.heard("object-server.conf")[2:] == ["SIGHUP", "started", "SIGTERM", "started"]


def test_what_cannot_start_says_why(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.conf("object-server.conf", "fail")
    assert node.init("object", "start") == 1
    assert "cannot start: no luck" in capsys.readouterr().out
    assert list(node.run.rglob("*.pid")) == []


def test_a_server_that_will_not_end_is_given_up_or_killed(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.conf("object-server.conf", "deaf")
    node.init("object", "start")
    pid = node.pid("object-server.pid")
    assert node.init("object", "stop", "-k", "0") == 1
    assert "giving up" in capsys.readouterr().out
    assert not is_gone(pid)
    assert node.init("object", "stop", "-k", "0", "--kill-after-timeout") == 1
    assert f"Signal object-server  pid: {pid}  signal: 9" in capsys.readouterr().out
    wait_for(lambda: is_gone(pid))


def test_a_second_start_changes_nothing(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.conf("object-server.conf")
    node.init("object", "start")
    pid = node.pid("object-server.pid")
    assert node.init("object", "start") == 1
    assert "object-server already started..." in capsys.readouterr().out
    assert node.pid("object-server.pid") == pid


UNIT = "swiftlite-object-server.service"


@pytest.fixture
def in_a_unit(node: Node, monkeypatch: pytest.MonkeyPatch) -> Path:
    """systemd runs an object server with two workers; its conf."""
    conf = node.conf("object-server.conf")
    words = ("swiftlite-object-server", str(conf))
    found = [
        Process(812, 1, 60.0, words, UNIT),
        Process(813, 812, 60.0, ("swiftlite-object-server", "worker", "1", str(conf)), UNIT),
        Process(901, 1, 60.0, ("swiftlite-object-server", "/elsewhere/object-server.conf"), None),
    ]
    monkeypatch.setattr("swiftlite.cli.init.units.running", lambda: found)
    return conf


def test_what_systemd_runs_is_told(
    node: Node, in_a_unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.init("object", "status") == 0
    assert capsys.readouterr().out == f"object-server running (812 - {in_a_unit}) by {UNIT}\n"
    assert node.init("object", "status", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["event"], told["pid"], told["unit"]) == ("running", 812, UNIT)


def test_what_systemd_runs_is_not_started_twice(
    node: Node, in_a_unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.init("object", "start") == 1
    assert "object-server already started..." in capsys.readouterr().out
    assert not (node.run / "object-server.pid").exists()


@pytest.mark.parametrize("act", ["stop", "reload-seamless", "shutdown"])
def test_what_systemd_runs_is_left_to_systemctl(
    node: Node, in_a_unit: Path, act: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node.init("object", act) == 1
    assert capsys.readouterr().out == f"object-server is run by {UNIT}: use systemctl\n"


def test_daemons_run_once_and_servers_do_not(node: Node) -> None:
    node.conf("object-server.conf")
    assert node.init("object-replicator", "once") == 0
    assert node.heard("object-server.conf") == ["started --once"]
    assert node.init("object", "start", "--once") == 0
    assert node.heard("object-server.conf")[1:] == ["started"]


def test_without_waiting_a_server_may_still_be_starting(node: Node) -> None:
    node.conf("object-server.conf", "slow")
    assert node.init("object", "no-wait") == 0
    assert node.init("object", "status") == 0


def test_in_the_foreground_the_command_stays_until_the_server_ends(node: Node) -> None:
    conf = node.conf("object-server.conf")
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", f"until test -s {conf}.heard; do sleep 0.01; done; "
         f"kill $(cat {node.run}/object-server.pid)"],
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert node.init("object", "start", "-n") == 0
    assert watcher.wait() == 0
    assert node.heard("object-server.conf") == ["started -v", "SIGTERM"]


def test_the_pid_of_another_program_is_not_touched(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.conf("object-server.conf")
    for text in (str(os.getpid()), "0", "x", ""):
        (node.run / "x").parent.mkdir(exist_ok=True)
        (node.run / "object-server.pid").write_text(text)
        assert node.init("object", "stop", "-v") == 1
        assert "Signal" not in capsys.readouterr().out
        assert not (node.run / "object-server.pid").exists()


def test_a_group_forgives_what_a_node_does_not_have(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.conf("object-server.conf")
    assert node.init("main", "start") == 0
    assert "Unable to locate config for proxy-server" in capsys.readouterr().out
    assert node.init("main", "stop", "-k", "5") == 0
    assert node.init("main", "start", "--strict") == 1
    assert node.init("proxy", "start") == 1
    assert node.init("proxy", "start", "--non-strict") == 0


def test_a_number_that_no_conf_has_is_told_with_those_there_are(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = node.conf("object-server.conf")
    assert node.init("object", "status", "-c", "5") == 1
    missing = "Unable to locate config number 5 for object-server"
    assert capsys.readouterr().out.splitlines() == [missing]
    assert node.init("object", "start", "-c", "5", "-v") == 1
    assert capsys.readouterr().out.splitlines() == [missing, "Found configs:", f"  1) {conf}"]


def test_what_is_not_installed_is_said(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert node.init("container-sharder", "start") == 1
    assert "swiftlite-container-sharder is not installed" in capsys.readouterr().err
    assert node.init("objekt-server", "start") == 1
    assert "is not a server of swiftlite" in capsys.readouterr().err


def test_events_as_json(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    conf = node.conf("object-server.conf")
    node.init("object", "start", "--json")
    assert json.loads(capsys.readouterr().out) == [
        {"event": "starting", "server": "object-server", "conf": str(conf)}
    ]
    node.init("object", "account", "status", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [(one["event"], one["server"]) for one in found] == [
        ("running", "object-server"),
        ("not running", "account-server"),
    ]


@pytest.mark.parametrize("words", [[], ["object"], ["object", "dance"]])
def test_wrong_words_are_explained(
    node: Node, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert node.init(*words) == 1
    assert "swiftlite-init: " in capsys.readouterr().err
