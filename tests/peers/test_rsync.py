"""Pushing by the rsync command; a script in its place where it has to misbehave."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.host import plain
from swiftlite.host.bundle import Host
from swiftlite.peers.rsync import Pushed, Rsync, RsyncSettings, module_of
from swiftlite.ring import Device

DEVICE = Device(1, 2, 3, "10.0.0.1", 6200, "10.9.9.9", 6300, "sda1", 1.0, "tag")
HOST = plain.make_host()


class Lines:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def debug(self, message: str) -> None:
        self.said.append(("debug", message))

    def info(self, message: str) -> None:
        self.said.append(("info", message))

    def error(self, message: str) -> None:
        self.said.append(("error", message))


@pytest.fixture
def log() -> Lines:
    return Lines()


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What runs as rsync."""
    path = tmp_path / "bin" / "rsync"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")


def pushed(
    log: Lines, settings: RsyncSettings, *, host: Host = HOST, stop: bool = False, far: bool = True
) -> Pushed:
    rsync = Rsync(host, settings, log, lambda: stop)
    return rsync.push("/srv/node/sdb/objects", ["7/abc", "8/def"], DEVICE, "objects", far=far)


@pytest.mark.parametrize(
    ("template", "module"),
    [
        ("{replication_ip}::object", "10.9.9.9::object"),
        ("{ip}::object_{device}/", "10.0.0.1::object_sda1"),
        ("rsync://{replication_ip}:{replication_port}/r{region}z{zone}{meta}",
         "rsync://10.9.9.9:6300/r2z3tag"),
    ],
)  # fmt: skip
def test_modules(template: str, module: str) -> None:
    assert module_of(template, DEVICE) == module


def test_addresses_of_ipv6_are_put_in_brackets() -> None:
    device = Device(1, 1, 1, "fe80::1", 6200, "fe80::2", 6200, "sda1", 1.0)
    assert module_of("{replication_ip}::object", device) == "[fe80::2]::object"


def test_the_words_of_the_command(
    log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, 'echo "$@"; tr "\\0" ,')
    settings = RsyncSettings(bwlimit="1M", compress=True, io_timeout="7")
    assert pushed(log, settings) is Pushed.ALL
    said = log.said[0][1]
    assert said.startswith("--recursive --whole-file --human-readable --xattrs --itemize-changes")
    assert "--ignore-existing --relative --no-implied-dirs --ignore-missing-args" in said
    assert "--from0 --files-from=- --timeout=7 --contimeout=7 --bwlimit=1M" in said
    assert "--exclude=.*." + "[0-9a-zA-Z]" * 6 in said
    tail = "--compress /srv/node/sdb/objects 10.9.9.9::object/sda1/objects/./"
    assert said.endswith(tail)
    assert log.said[1] == ("debug", "7/abc,8/def,")
    pushed(log, RsyncSettings(compress=True), far=False)
    assert "--compress" not in log.said[3][1]


def test_a_failure_is_told(log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "echo no such module; exit 5")
    assert pushed(log, RsyncSettings(line_length=20)) is Pushed.NOTHING
    assert log.said == [("error", "no such module"), ("error", "rsync ended with 5: ")]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (23, Pushed.PART), (24, Pushed.PART), (11, Pushed.PART), (12, Pushed.PART),
        (10, Pushed.NOTHING), (30, Pushed.NOTHING), (35, Pushed.NOTHING), (1, Pushed.NOTHING),
    ],
)  # fmt: skip
def test_a_failure_of_some_is_told_from_that_of_all(
    status: int, found: Pushed, log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, f"exit {status}")
    assert pushed(log, RsyncSettings()) is found


def test_a_long_list_goes_to_one_that_is_slow_to_read(
    log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "sleep 0.7; tr '\\0' '\\n' | wc -l")
    names = [f"{number}/abc" for number in range(40_000)]  # more than a pipe holds
    rsync = Rsync(HOST, RsyncSettings(), log, lambda: False)
    assert rsync.push("/srv", names, DEVICE, "objects", far=False) is Pushed.ALL
    assert log.said[0] == ("debug", "40000")


def test_transfers_are_told_if_wanted(
    log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "echo 'cd+++ abc/'; echo '<f+++ abc/x'; echo other")
    pushed(log, RsyncSettings(log_transfers=False))
    assert [text for kind, text in log.said if kind == "debug"] == ["other"]
    pushed(log, RsyncSettings())
    assert "<f+++ abc/x" in [text for _, text in log.said]


def test_one_that_takes_too_long_is_ended(
    log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "exec sleep 60")
    assert pushed(log, RsyncSettings(timeout=0.1)) is Pushed.PART
    assert log.said[-1][1].startswith("Killed an rsync")


def test_one_ends_when_the_daemon_must(
    log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "exec sleep 60")
    assert pushed(log, RsyncSettings(), stop=True) is Pushed.NOTHING


def test_without_rsync(log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pushed(log, RsyncSettings()) is Pushed.NOTHING
    assert "rsync cannot be run" in log.said[0][1]


class Daemon:
    """A real one, that serves root/there as module `object`."""

    def __init__(self, root: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.here, self.there = root / "here" / "sdb", root / "there"
        self.there.mkdir()
        conf = root / "rsyncd.conf"
        conf.write_text(
            f"port = {self.port}\naddress = 127.0.0.1\nuse chroot = no\nuid = {os.getuid()}\n"
            f"gid = {os.getgid()}\n[object]\npath = {self.there}\nread only = no\n"
        )
        self.running = subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={conf}"])
        end = time.monotonic() + 20
        while not self._answers() and time.monotonic() < end:
            time.sleep(0.02)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def object(self, path: str, content: str) -> None:
        file = self.here / "objects" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        os.setxattr(file, "user.swift.metadata", content.encode())

    def push(self, log: Lines, *names: str) -> Pushed:
        settings = RsyncSettings(module=f"rsync://127.0.0.1:{self.port}/object")
        rsync = Rsync(HOST, settings, log, lambda: False)
        return rsync.push(f"{self.here}/objects", names, DEVICE, "objects", far=False)

    def files(self) -> dict[str, str]:
        root = self.there / "sda1" / "objects"
        return {
            str(path.relative_to(root)): path.read_text()
            for path in root.rglob("*") if path.is_file()
        }  # fmt: skip


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    if shutil.which("rsync") is None:
        pytest.skip("there is no rsync here")
    made = Daemon(tmp_path)
    yield made
    made.running.terminate()
    made.running.wait()


def test_many_partitions_arrive_by_one_rsync(daemon: Daemon, log: Lines) -> None:
    for path in ("7/abc/h1/1.data", "7/def/h2/2.data", "8/abc/h3/3.data", "9/abc/h4/4.data"):
        daemon.object(path, path)
    daemon.object("7/abc/h1/.1.data.abcDEF", "what another rsync has begun")
    (daemon.there / "sda1" / "objects" / "8" / "abc" / "h3").mkdir(parents=True)
    old = daemon.there / "sda1" / "objects" / "8" / "abc" / "h3" / "3.data"
    old.write_text("there already")
    assert daemon.push(log, "7/abc", "8/abc", "9/gone") is Pushed.ALL
    assert daemon.files() == {
        "7/abc/h1/1.data": "7/abc/h1/1.data",
        "8/abc/h3/3.data": "there already",
    }
    arrived = daemon.there / "sda1" / "objects" / "7" / "abc" / "h1" / "1.data"
    assert os.getxattr(arrived, "user.swift.metadata") == b"7/abc/h1/1.data"


def test_one_that_cannot_arrive_does_not_keep_the_others(daemon: Daemon, log: Lines) -> None:
    for path in ("7/abc/h1/1.data", "8/abc/h3/3.data"):
        daemon.object(path, path)
    (daemon.there / "sda1" / "objects").mkdir(parents=True)
    (daemon.there / "sda1" / "objects" / "7").write_text("a file in the place of a partition")
    assert daemon.push(log, "7/abc", "8/abc") is Pushed.PART
    assert daemon.files()["8/abc/h3/3.data"] == "8/abc/h3/3.data"
    assert daemon.push(log, "8/abc") is Pushed.ALL
    assert daemon.push(log, "7/abc") is Pushed.PART


def test_nothing_is_written_where_a_device_was_mounted(daemon: Daemon, log: Lines) -> None:
    daemon.object("7/abc/h1/1.data", "x")
    (daemon.there / "sda1").mkdir()
    assert daemon.push(log, "7/abc") is not Pushed.ALL
    assert not list((daemon.there / "sda1").iterdir())


def test_without_a_daemon_over_there(daemon: Daemon, log: Lines) -> None:
    daemon.object("7/abc/h1/1.data", "x")
    daemon.running.terminate()
    daemon.running.wait()
    assert daemon.push(log, "7/abc") is Pushed.NOTHING
