"""`swiftlite plan` over rings in a folder and servers that answer, or do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from swiftlite.cli.main import main
from swiftlite.cli.plan.limits import bwlimit, connections, parse_rate
from swiftlite.cli.plan.measure import measured
from swiftlite.cli.plan.told import read
from swiftlite.cli.recon.ask import SERVER_TYPE, Reply
from swiftlite.formats.recon_cache import parse_recon
from swiftlite.host.os_clock import wall
from swiftlite.host.os_disk import OsDisk
from swiftlite.ring import RingBuilder
from tests.cli.doctor.patients import healthy_answers, serving

KINDS = ("account", "container", "object")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Path]:
    """Four devices of one node, zones 1 to 4; a server of each kind; all is well."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = secret\n")
    with ExitStack() as servers:
        for kind in KINDS:
            told = healthy_answers(kind, etc)
            for one in KINDS:
                told[f"/recon/replication/{one}"] = {
                    "replication_last": wall() + 60,
                    "replication_time": 0.1,
                    "replication_stats": {"failure": 0, "failure_nodes": {}},
                }
            port = servers.enter_context(serving(told)).server_address[1]
            builder = RingBuilder.create(5, 3, 0)
            for number in range(1, 5):
                builder.add_device(
                    zone=number, ip="127.0.0.1", port=port, device=f"d{number}", weight=1
                )
            builder.rebalance(1, seed="1")
            builder.save(str(etc / f"{kind}.builder"), new_id="0" * 32)
            builder.write_ring(str(etc / f"{kind}.ring.gz"))
        yield etc


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["plan", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_zone_may_be_stopped(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "stop", "z2", "-d", str(cluster))
    assert code == 0
    assert out.startswith("stop z2 (127.0.0.1/d2)? yes: ")


def test_two_zones_may_not(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "stop", "z2", "z3", "-d", str(cluster), "--json")
    assert code == 1
    told = json.loads(out)
    assert told["answer"] == "unsafe"
    assert {one["ring"] for one in told["rings"]} == set(KINDS)


def test_a_disk_is_the_same_in_all_rings(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "pull", "127.0.0.1/d3", "-d", str(cluster), "--json")
    assert code == 0
    assert len(json.loads(out)["rings"]) == 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["stop", "10.9.9.9"], "no device of any ring is at 10.9.9.9"),
        (["stop", "127.0.0.1/d1"], "names a disk"),
        (["pull", "127.0.0.1"], "names no disk"),
        (["pull", "d3"], "another disk in each ring"),
        (["stop", "%"], "not a search value"),
        (["ring", "nothing.ring.gz"], "replaces none of"),
        (["ring", "object.builder", "--link", "fast"], "not a rate"),
    ],
)
def test_what_cannot_be_asked(
    cluster: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    if words[-1:] == ["fast"]:
        words = ["ring", str(cluster / "object.builder"), *words[2:]]
    code, out, err = ask(capsys, *words, "-d", str(cluster))
    assert code == 2
    assert out == ""
    assert why in err


def test_a_builder_is_looked_at_and_left_alone(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builder = RingBuilder.load(str(cluster / "object.builder"))
    builder.set_weight(3, 0.5)
    path = tmp_path / "object.builder"
    builder.save(str(path), new_id="0" * 32)
    before = path.read_bytes()
    picture = tmp_path / "picture.svg"
    code, out, _ = ask(capsys, "ring", str(path), "-d", str(cluster), "--svg", str(picture))
    assert code == 0
    assert "replicas of" in out
    assert "is not known" in out  # these disks are small, and were not measured
    assert path.read_bytes() == before
    assert picture.read_text().startswith("<svg")


def test_the_ring_in_force_moves_nothing(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "ring", str(cluster / "object.ring.gz"), "-d", str(cluster))
    assert code == 0
    assert "it moves nothing" in out


def test_partitions_are_weighed(tmp_path: Path) -> None:
    name_hash = "0" * 29 + "abc"
    folder = tmp_path / "objects-1" / "12" / "abc" / name_hash
    folder.mkdir(parents=True)
    (folder / "1600000000.00000.data").write_bytes(b"x" * 100)
    (tmp_path / "objects-1" / "12" / "hashes.pkl").write_bytes(b"not counted")
    (tmp_path / "tmp").mkdir()
    found = measured(OsDisk(), str(tmp_path))
    assert found == {"objects-1": {"count": 1, "bytes": 100, "files": 1, "each": {"12": (100, 1)}}}


def test_measuring_leaves_it_for_recon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "node" / "sda" / "objects").mkdir(parents=True)
    conf = tmp_path / "object-server.conf"
    conf.write_text(f"[filter:recon]\ndevices = {tmp_path}/node\nrecon_cache_path = {tmp_path}\n")
    code, _, err = ask(capsys, "measure", str(conf))
    assert (code, err) == (0, "")
    left = parse_recon((tmp_path / "partitions.recon").read_bytes())
    assert left["partitions"] == {
        "sda": {"objects": {"bytes": 0, "count": 0, "each": {}, "files": 0}}
    }


@pytest.mark.parametrize(
    ("text", "rate"), [("1Gbit", 125e6), ("100M", 12.5e6), ("20MB/s", 20e6), ("800k", 1e5)]
)
def test_rates(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


def test_limits_of_rsync(tmp_path: Path) -> None:
    path = tmp_path / "rsyncd.conf"
    path.write_text(
        "max connections = 2\n[object]\nmax connections = 8\n[object_sdb]\nmax connections = 4\n"
    )
    assert connections(str(path), "object") == 8
    assert connections(str(path), "object_{device}") == 4
    assert connections(str(path), "container") == 2
    assert connections(str(tmp_path / "none"), "object") is None
    assert bwlimit("1000") == 1000 * 1024
    assert bwlimit("1.5m") == 1.5 * (1 << 20)
    assert bwlimit("0") == 0


def test_strange_answers_count_as_not_told() -> None:
    server = ("10.0.0.1", 6200)
    each = {"count": 1, "bytes": 1, "files": 1, "each": {"x": 1}}
    strange: tuple[object, ...] = (
        None, [], {}, {"partitions": 3}, [{"device": "sda"}], [3], "text",
        {"partitions": {"sda": 3}}, {"partitions": {"sda": {"objects": {"each": {}}}}},
        {"partitions": {"sda": {"objects": each}}}, {"replication_stats": {"failure_nodes": [3]}},
    )  # fmt: skip
    for content in strange:
        replies = {
            path: [Reply(server, path, 200, content, 0, 0)]
            for path in (
                SERVER_TYPE, "unmounted", "diskusage", "async", "quarantined", "partitions",
                "replication/account", "replication/container", "replication/object",
            )
        }  # fmt: skip
        told = read({server: "object"}, replies, lambda *_: False)
        assert told.passes == {}
        assert told.rooms == {}
        assert not told.partitions.get(server)
