"""get-nodes, account-info, container-info and object-info."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from pathlib import Path

import pytest

from swiftlite.cli import account_info, container_info, db_info, get_nodes, object_info
from swiftlite.host.os_disk import OsDisk
from swiftlite.objectstore.attributes import write_metadata
from tests.cli.nodes import make_swift_dir

GOLDEN = Path(__file__).parents[1] / "golden" / "databases"
Out = pytest.CaptureFixture[str]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return make_swift_dir(tmp_path / "etc")


def database(folder: Path, kind: str) -> Path:
    path = folder / f"{'0' * 31}a.db"
    path.write_bytes(gzip.decompress((GOLDEN / f"{kind}.db.gz").read_bytes()))
    return path


def test_nodes_of_an_object(etc: Path, capsys: Out) -> None:
    assert get_nodes.main(["-d", str(etc), f"{etc}/object.ring.gz", "a", "c", "o x"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == ["", "Account  \ta", "Container\tc", "Object   \to%20x", "", ""]
    assert lines[6].startswith("Partition\t")
    nodes = [line for line in lines if line.startswith("Server:Port Device")]
    assert len(nodes) == 4  # of four devices, three hold it
    assert [line.endswith("[Handoff]") for line in nodes] == [False] * 3 + [True]
    curl = next(line for line in lines if line.startswith("curl"))
    assert curl.startswith('curl -g -I -XHEAD "http://127.0.0.')
    assert curl.endswith('/a/c/o%20x" --path-as-is')


def test_nodes_of_a_policy_tell_its_index(etc: Path, capsys: Out) -> None:
    assert get_nodes.main(["-d", str(etc), "-P", "silver", "a/c/o", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["policy_index"] == 1
    assert found["folder"].startswith("objects-1/")
    assert 'X-Backend-Storage-Policy-Index: 1"' in found["nodes"][0]["curl"]


def test_nodes_of_a_partition(etc: Path, capsys: Out) -> None:
    assert get_nodes.main(["-d", str(etc), f"{etc}/container.ring.gz", "-p", "5", "-a"]) == 0
    text = capsys.readouterr().out
    assert "Partition\t5\nHash     \tNone\n" in text
    assert "/containers/5" in text


def test_quoted_names_are_the_same_as_plain_ones(etc: Path, capsys: Out) -> None:
    ring = f"{etc}/object.ring.gz"
    assert get_nodes.main(["-d", str(etc), "-Q", ring, "a", "c", "o%20x", "--json"]) == 0
    quoted = json.loads(capsys.readouterr().out)
    assert get_nodes.main(["-d", str(etc), ring, "a", "c", "o x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == quoted


def test_a_ring_of_another_kind_is_warned_about(etc: Path, capsys: Out) -> None:
    assert get_nodes.main(["-d", str(etc), f"{etc}/account.ring.gz", "a", "c"]) == 0
    assert "WARNING" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["a", "c", "o"],
        ["-P", "bronze", "a"],
        ["-P", "gold"],
        ["nowhere.ring.gz", "a"],
        ["-P", "gold", "-p", "64"],
        ["-P", "gold", "a", "b", "c", "d"],
    ],
)
def test_what_cannot_be_told_is_said(etc: Path, capsys: Out, words: list[str]) -> None:
    assert get_nodes.main(["-d", str(etc), *words]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("swiftlite-get-nodes: ")


def test_an_account_tells_of_itself(etc: Path, tmp_path: Path, capsys: Out) -> None:
    path = database(tmp_path, "account")
    assert db_info.main_of("account", ["-d", str(etc), "-s", str(path)]) == 0
    text = capsys.readouterr().out
    for line in ("  Deleted: False", "  Container Count: ", "Incoming Syncs:", "Partition\t"):
        assert line in text
    assert db_info.main_of("account", ["-d", str(etc), "--json", str(path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["container_count"] > 0
    assert len(facts["nodes"]) == 4


def test_a_container_tells_of_itself(etc: Path, tmp_path: Path, capsys: Out) -> None:
    path = database(tmp_path, "container")
    assert db_info.main_of("container", ["-d", str(etc), str(path)]) == 0
    text = capsys.readouterr().out
    for line in ("  Container: ", "  Storage Policy: ", "  State: unsharded", "  Type: root"):
        assert line in text


def test_a_file_that_is_locked_is_read_as_it_is(
    etc: Path, tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swiftlite.dbstore.inspect._WAIT_S", 0.01)
    path = database(tmp_path, "account")
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert db_info.main_of("account", ["-d", str(etc), str(path)]) == 2
    assert capsys.readouterr().out.startswith("WARNING: Possibly Stale Data\n")


def test_other_files_are_refused(etc: Path, tmp_path: Path, capsys: Out) -> None:
    path = database(tmp_path, "account")
    assert db_info.main_of("container", ["-d", str(etc), str(path)]) == 1
    assert "Does not appear to be a DB" in capsys.readouterr().out
    (tmp_path / "x.db").write_text("no database at all, but long enough to be read as one" * 9)
    assert db_info.main_of("container", ["-d", str(etc), str(tmp_path / "x.db")]) == 1
    assert db_info.main_of("container", ["-d", str(etc), str(tmp_path / "none.db")]) == 1


METADATA = {
    "name": "/a/c/o x",
    "Content-Type": "text/plain",
    "ETag": "5d41402abc4b2a76b9719d911017c592",
    "Content-Length": "5",
    "X-Timestamp": "1700000000.00000",
    "X-Object-Meta-Colour": "blue",
    "X-Object-Sysmeta-Kind": "s",
    "X-Object-Transient-Sysmeta-Kind": "t",
    "Content-Encoding": "gzip",
}


def data_file(root: Path, form: str = "msgpack", content: bytes = b"hello") -> Path:
    folder = root / "sda1" / "objects-1" / "5" / "abc" / "0abc"
    folder.mkdir(parents=True)
    path = folder / "1700000000.00000.data"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDWR)
    write_metadata(OsDisk(), descriptor, METADATA, form)
    os.close(descriptor)
    return path


@pytest.mark.parametrize("form", ["msgpack", "swift"])
def test_an_object_tells_of_itself(etc: Path, tmp_path: Path, capfd: Out, form: str) -> None:
    path = data_file(tmp_path, form)
    assert object_info.main(["-d", str(etc), str(path), "--drop-prefixes"]) == 0
    text = capfd.readouterr().out
    for line in (
        "Path: /a/c/o x",
        "Timestamp: 2023-11-14T22:13:20.000000 (1700000000.00000)",
        "System Metadata:\n  Kind: s",
        "Transient System Metadata:\n  Kind: t",
        "User Metadata:\n  Colour: blue",
        "Other Metadata:\n  Content-Encoding: gzip",
        "ETag: 5d41402abc4b2a76b9719d911017c592 (valid)",
        "Content-Length: 5 (valid)",
        "X-Backend-Storage-Policy-Index: 1",
    ):
        assert line in text


def test_an_object_whose_bytes_have_changed(etc: Path, tmp_path: Path, capfd: Out) -> None:
    path = data_file(tmp_path, content=b"hellooo")
    assert object_info.main(["-d", str(etc), str(path)]) == 0
    text = capfd.readouterr().out
    assert "doesn't match file hash of" in text
    assert "doesn't match file length of 7" in text
    assert object_info.main(["-d", str(etc), "--json", str(path)]) == 0
    assert json.loads(capfd.readouterr().out)["etag_valid"] is False
    assert object_info.main(["-d", str(etc), "-n", "-P", "gold", str(path)]) == 0
    text = capfd.readouterr().out
    assert "(not checked)" in text
    assert "WARNING: Ring does not match policy!" in text


def test_files_that_are_no_objects(etc: Path, tmp_path: Path, capfd: Out) -> None:
    (tmp_path / "plain").write_text("x")
    assert object_info.main(["-d", str(etc), str(tmp_path / "plain")]) == 1
    assert object_info.main(["-d", str(etc), str(tmp_path / "none")]) == 1
    assert capfd.readouterr().out == "Invalid metadata\nData file doesn't exist\n"


def test_both_commands_have_their_options() -> None:
    assert "--verbose" in container_info.parser().format_help()
    assert "--verbose" not in account_info.parser().format_help()
