"""Which confs and pid files are whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite.service.servers import GROUPS, Place, places

FILES = (
    "account-server.conf",
    "container-server.conf.d/10.conf",
    "container-reconciler.conf",
    "object-server/1.conf",
    "object-server/2.conf",
    "object-server/3.conf.d/20.conf",
    "proxy-server.conf",
    "swift.conf",
)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[DEFAULT]\n")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "confs"),
    [
        ("account-reaper", ["account-server.conf"]),
        ("container-sync", ["container-server.conf.d"]),
        ("container-reconciler", ["container-reconciler.conf"]),
        ("object", ["object-server/1.conf", "object-server/2.conf", "object-server/3.conf.d"]),
        ("object-auditor.2", ["object-server/2.conf"]),
        ("object.3", ["object-server/3.conf.d"]),
        ("object.4", []),
        ("object-expirer", []),
        ("proxy", ["proxy-server.conf"]),
    ],
)
def test_confs_of_a_server(etc: Path, word: str, confs: list[str]) -> None:
    (server,) = places([word])
    assert [path.relative_to(etc).as_posix() for path in server.conf_files(str(etc))] == confs


def test_the_expirer_reads_the_object_servers_conf_that_has_its_section(etc: Path) -> None:
    (etc / "object-expirer.conf").write_text("[object-expirer]\n")
    expirer = Place("object-expirer")
    assert expirer.conf_files(str(etc)) == [etc / "object-expirer.conf"]
    (etc / "object-server/2.conf").write_text("[object-expirer]\n")
    assert expirer.conf_files(str(etc)) == [etc / "object-server/2.conf"]


@pytest.mark.parametrize(
    ("name", "conf", "pid_file"),
    [
        ("object-server", "object-server.conf", "object-server.pid"),
        ("object-replicator", "object-server/1.conf", "object-replicator/1.pid"),
        ("object-replicator", "object-server/3.conf.d", "object-replicator/3.pid.d"),
        ("container-reconciler", "container-reconciler.conf", "container-reconciler.pid"),
        ("account-reaper", "account-server.conf", "account-reaper.pid"),
    ],
)
def test_pid_files(etc: Path, name: str, conf: str, pid_file: str) -> None:
    server = Place(name)
    found = server.pid_file(etc / conf, str(etc), "/run/x")
    assert found == Path("/run/x", pid_file)
    assert server.conf_of(found, str(etc), "/run/x") == etc / conf


def test_words_for_several() -> None:
    assert {one.name for one in places(["main", "rest"])} == set(GROUPS["all"])
    assert [one.name for one in places(["account-*"])] == [
        "account-server", "account-auditor", "account-reaper", "account-replicator",
    ]  # fmt: skip
    assert places(["object", "OBJECT-server"]) == [Place("object-server")]
