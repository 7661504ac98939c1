"""swiftlite-reload and a real account server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.cli import reload
from tests.service.test_crew import wait_for
from tests.service.test_wsgi_main import free_ports

BIN = Path(__file__).parents[2] / "bin"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = x\n")
    made = tmp_path / "account-server.conf"
    made.write_text(
        f"[DEFAULT]\nbind_port = {free_ports(1)[0]}\nworkers = 1\nswift_dir = {tmp_path}\n"
        f"devices = {tmp_path}\n"
        "[app:main]\nuse = egg:swiftlite#account\n"
    )
    return made


@pytest.fixture
def server(conf: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(BIN / "swiftlite-account-server"), str(conf)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert any("serving at" in line for line in running.stderr)
        yield running
        running.terminate()
        running.communicate()


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(BIN / "swiftlite-reload")])
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), "/bin")))


@pytest.mark.slow
def test_a_server_is_reloaded(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reload.main([str(server.pid), "-v"]) == 0
    said = capsys.readouterr().out
    assert "swiftlite-account-server is reloading" in said
    assert said.endswith("Reloaded swiftlite-account-server\n")


@pytest.mark.slow
def test_a_bad_conf_reloads_nothing(
    server: subprocess.Popen[str], conf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    conf.write_text(conf.read_text().replace("workers = 1", "workers = x"))
    assert reload.main([str(server.pid)]) == 1
    assert "workers" in capfd.readouterr().err


def test_other_processes_are_refused(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reload.main([str(os.getpid())]) == 2
    assert "is not a swiftlite server" in capsys.readouterr().err
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    wait_for(lambda: children.read_text().split())
    assert reload.main([children.read_text().split()[0]]) == 2
    assert "is a worker" in capsys.readouterr().err
