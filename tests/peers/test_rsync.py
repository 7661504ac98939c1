"""Pushing by the rsync command; a script in its place where it has to misbehave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.host import plain
from swiftlite.host.bundle import Host
from swiftlite.peers.rsync import Rsync, RsyncSettings, module_of
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
) -> bool:
    rsync = Rsync(host, settings, log, lambda: stop)
    return rsync.push(["/srv/node/sdb/objects/7/abc"], DEVICE, "objects/7", far=far)


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
    script(tmp_path, monkeypatch, 'echo "$@"')
    assert pushed(log, RsyncSettings(bwlimit="1M", compress=True, io_timeout="7"))
    said = log.said[0][1]
    assert said.startswith("--recursive --whole-file --human-readable --xattrs --itemize-changes")
    assert "--ignore-existing --timeout=7 --contimeout=7 --bwlimit=1M" in said
    assert "--exclude=.*." + "[0-9a-zA-Z]" * 6 in said
    tail = "--compress /srv/node/sdb/objects/7/abc 10.9.9.9::object/sda1/objects/7"
    assert said.endswith(tail)
    pushed(log, RsyncSettings(compress=True), far=False)
    assert "--compress" not in log.said[2][1]


def test_a_failure_is_told(log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "echo no such module; exit 5")
    assert not pushed(log, RsyncSettings(line_length=20))
    assert log.said == [("error", "no such module"), ("error", "rsync ended with 5: ")]


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
    assert not pushed(log, RsyncSettings(timeout=0.1))
    assert log.said[-1][1].startswith("Killed an rsync")


def test_one_ends_when_the_daemon_must(
    log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, monkeypatch, "exec sleep 60")
    assert not pushed(log, RsyncSettings(), stop=True)


def test_without_rsync(log: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not pushed(log, RsyncSettings())
    assert "rsync cannot be run" in log.said[0][1]
