"""REPLICATE at a container server: what it takes, what it refuses, and what it leaves behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.config.units import Reserve
from swiftlite.container.server import ContainerServer
from swiftlite.dbstore import ContainerBroker
from swiftlite.protocols import db_sync
from swiftlite.protocols.db_sync import Ask
from tests.container.servers import make_server
from tests.dbstore.asking import Reply, ask
from tests.dbstore.stores import HASH_PATH, Store, at, names, row

DIGEST = HASH_PATH.hex("a", "c")
PLACE = f"/sda1/7/{DIGEST}"
LANE = {"X_Backend_Swiftlite": "databases"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ContainerServer]:
    made = make_server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ContainerBroker]:
    """The database of the same container on another node."""
    store = Store(tmp_path / "other")
    broker = store.made_container()
    broker.merge_rows([row(f"o{n}", n) for n in range(5)])
    store.close()
    yield broker
    store.close()


def call(server: ContainerServer, *parts: object, place: str = PLACE, **headers: str) -> Reply:
    return ask(server, "REPLICATE", place, None, body=json.dumps(parts), **headers)


def make(server: ContainerServer) -> ContainerBroker:
    assert ask(server, "PUT", "/sda1/7/a/c", 1).status == 201
    return ContainerBroker(server.engine, server.engine.place("sda1", "7", DIGEST))


def on_the_way(tmp_path: Path) -> list[str]:
    folder = tmp_path / "sda1" / "tmp"
    return os.listdir(folder) if folder.exists() else []


def test_sync_tells_how_it_stands_in_swift_s_words(server: ContainerServer) -> None:
    make(server)
    reply = call(server, "sync", 3, "f" * 32, "id", at(1).internal, at(1).internal, "0", "")
    assert reply.status == 200
    assert set(reply.json) == {
        "account", "container", "created_at", "put_timestamp", "delete_timestamp", "hash", "id",
        "status", "status_changed_at", "metadata", "count", "bytes_used", "max_row", "point",
        "reported_put_timestamp", "reported_delete_timestamp", "reported_object_count",
        "reported_bytes_used", "storage_policy_index", "x_container_sync_point1",
        "x_container_sync_point2", "shard_max_row", "db_state",
    }  # fmt: skip
    assert (reply.json["point"], reply.json["max_row"], reply.json["shard_max_row"]) == (-1, -1, -1)
    assert reply.get("x-backend-swiftlite") is None


def test_a_peer_with_equal_rows_is_remembered_to_have_been_heard(server: ContainerServer) -> None:
    broker = make(server)
    own = broker.standing().replica
    facts = (own.created_at, own.put_timestamp, own.delete_timestamp, own.metadata)
    reply = call(server, "sync", 41, own.hash, "peer", *facts)
    assert reply.json["point"] == 41
    assert broker.standing().point_of("peer") == 41


def test_a_database_that_is_not_there_is_asked_for(server: ContainerServer, tmp_path: Path) -> None:
    reply = call(server, "sync", 3, "f" * 32, "id", at(1).internal, at(1).internal, "0", "")
    assert reply.status == 404
    assert (tmp_path / "sda1" / "tmp").is_dir()  # for the peer's rsync


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'["sync"]', b'["drop", 1]', b"[" * 99_999])
def test_what_is_no_call_is_answered_400(server: ContainerServer, body: bytes) -> None:
    make(server)
    assert ask(server, "REPLICATE", PLACE, None, body=body).status == 400


@pytest.mark.parametrize(
    "path", ["/sda1/7/nohash", f"/../7/{DIGEST}", f"/sda1/x/{DIGEST}", "/sda1/7", "/compare"]
)
def test_what_is_no_place_is_answered_400(server: ContainerServer, path: str) -> None:
    assert call(server, "sync", place=path).status == 400


def test_a_row_that_is_none_is_refused_with_its_batch(server: ContainerServer) -> None:
    broker = make(server)
    good = {"ROWID": 1, **row("good")._asdict()}
    assert call(server, "merge_items", [good, {"ROWID": 2, "name": "bad"}], "id").status == 400
    assert names(broker) == []
    assert call(server, "merge_items", [good], "id").status == 202
    assert names(broker) == ["good"]
    assert broker.standing().point_of("id") == 1


def test_a_device_that_is_gone_or_full_is_answered_507(tmp_path: Path) -> None:
    gone = make_server(tmp_path)
    assert call(gone, "merge_syncs", [], place=f"/sdz9/7/{DIGEST}").status == 507
    full = make_server(tmp_path, fallocate_reserve=Reserve(percent=100.0))
    assert call(full, "merge_syncs", []).status == 507


def test_without_replication_server_there_is_no_such_verb(tmp_path: Path) -> None:
    server = make_server(tmp_path, replication_server=False)
    assert call(server, "merge_syncs", []).status == 405


def test_shard_ranges_are_none_and_not_taken(server: ContainerServer) -> None:
    make(server)
    assert call(server, "get_shard_ranges").json == []
    assert call(server, "merge_shard_ranges", [{"name": "x"}], "id").status == 501


def test_rsync_may_bring_a_database_once(
    server: ContainerServer, other: ContainerBroker, tmp_path: Path
) -> None:
    assert call(server, "complete_rsync", "its-id").status == 404
    arrived = tmp_path / "sda1" / "tmp" / "its-id"
    arrived.write_bytes(Path(other.place.path).read_bytes())
    assert call(server, "complete_rsync", "its-id", f"{DIGEST}.db").status == 204
    broker = ContainerBroker(server.engine, server.engine.place("sda1", "7", DIGEST))
    assert len(names(broker)) == 5
    assert broker.standing().point_of("its-id") == 5
    assert broker.facts().id not in ("its-id", other.facts().id)
    arrived.write_bytes(Path(other.place.path).read_bytes())
    assert call(server, "complete_rsync", "its-id").status == 404
    assert call(server, "rsync_then_merge", "its-id").status == 204
    assert on_the_way(tmp_path) == []


def test_a_file_of_another_database_is_refused_and_removed(
    server: ContainerServer, other: ContainerBroker, tmp_path: Path
) -> None:
    call(server, "merge_syncs", [])
    (tmp_path / "sda1" / "tmp" / "id").write_bytes(Path(other.place.path).read_bytes())
    wrong = f"/sda1/7/{HASH_PATH.hex('a', 'another')}"
    assert call(server, "complete_rsync", "id", place=wrong).status == 404
    assert on_the_way(tmp_path) == []


def test_a_file_in_the_body_becomes_the_database(
    server: ContainerServer, other: ContainerBroker, tmp_path: Path
) -> None:
    file = Path(other.place.path).read_bytes()
    headers = {**LANE, "X_Backend_Swiftlite_Replica": "its-id"}
    reply = ask(server, "REPLICATE", PLACE, None, body=file, **headers)
    assert (reply.status, reply["x-backend-swiftlite"]) == (204, "databases")
    assert ask(server, "REPLICATE", PLACE, None, body=file, **headers).status == 204  # merged
    broker = ContainerBroker(server.engine, server.engine.place("sda1", "7", DIGEST))
    assert len(names(broker)) == 5
    assert on_the_way(tmp_path) == []


def test_a_file_keeps_its_epoch_and_takes_no_other_name(
    server: ContainerServer, other: ContainerBroker, tmp_path: Path
) -> None:
    file = Path(other.place.path).read_bytes()
    headers = {**LANE, "X_Backend_Swiftlite_Replica": "its-id"}
    for name in ("../x.db", f"{'0' * 32}.db", "x"):
        named = {**headers, "X_Backend_Swiftlite_File": name}
        assert ask(server, "REPLICATE", PLACE, None, body=file, **named).status == 404
    named = {**headers, "X_Backend_Swiftlite_File": f"{DIGEST}_{at(1).normal}.db"}
    assert ask(server, "REPLICATE", PLACE, None, body=file, **named).status == 204
    found = list((tmp_path / "sda1" / "containers").rglob("*.db"))
    assert [path.name for path in found] == [f"{DIGEST}_{at(1).normal}.db"]
    assert on_the_way(tmp_path) == []


@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_file_that_was_cut_short_leaves_nothing(
    server: ContainerServer, other: ContainerBroker, tmp_path: Path, share: float
) -> None:
    file = Path(other.place.path).read_bytes()
    cut = file[: int(len(file) * share)]
    headers = {**LANE, "X_Backend_Swiftlite_Replica": "its-id"}
    assert ask(server, "REPLICATE", PLACE, None, body=cut, **headers).status == 404
    assert on_the_way(tmp_path) == []
    assert ask(server, "HEAD", "/sda1/7/a/c").status == 404


def test_a_comparison_says_yes_only_when_it_is_sure(server: ContainerServer) -> None:
    broker = make(server)
    broker.merge_rows([row("o")])
    own = broker.standing().replica
    broker.merge_from_peer([], "peer", 7)
    sure = Ask("sda1", "7", DIGEST, "peer", 7, own.token())
    asks = [
        sure,
        Ask("sda1", "7", DIGEST, "peer", 8, own.token()),  # a row that we have not heard of
        Ask("sda1", "7", DIGEST, "stranger", 7, own.token()),
        Ask("sda1", "7", DIGEST, "peer", 7, "0" * 16),
        Ask("sda1", "8", DIGEST, "peer", 7, own.token()),
        Ask("sdz9", "7", DIGEST, "peer", 7, own.token()),
        Ask("..", "7", DIGEST, "peer", 7, own.token()),
        sure,
    ]
    reply = ask(server, "REPLICATE", "/compare", None, body=db_sync.encode_asks(asks), **LANE)
    assert (reply.status, reply.body) == (200, b"10000001")
    broker.merge_rows([row("another")])
    reply = ask(server, "REPLICATE", "/compare", None, body=db_sync.encode_asks([sure]), **LANE)
    assert reply.body == b"0"
    assert ask(server, "REPLICATE", "/compare", None, body=b"x y", **LANE).status == 400
