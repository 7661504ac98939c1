"""Containers: what a PUT, a POST, a DELETE and rows do to one, and what survives."""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite.dbstore import ContainerBroker
from swiftlite.dbstore.broker import SyncPoint
from swiftlite.dbstore.container import Outcome
from swiftlite.dbstore.errors import DatabaseMissing, MetadataRefused
from swiftlite.dbstore.rows import deleted_object_row
from swiftlite.vocab.limits import Limits
from tests.dbstore.stores import LIMITS, Store, at, connect, kept, names, recount, row


@pytest.fixture
def container(store: Store) -> ContainerBroker:
    return store.made_container()


def test_the_first_put_creates_the_second_updates(store: Store) -> None:
    broker = store.container()
    assert store.put(broker, 0, Colour="red").outcome is Outcome.CREATED
    changed = store.put(broker, 1, Colour="blue")
    assert changed.outcome is Outcome.UPDATED
    assert changed.facts.put_timestamp == at(1).internal
    assert changed.facts.metadata["X-Container-Meta-Colour"] == ("blue", at(1).internal)


def test_another_policy_than_the_containers_is_refused(store: Store) -> None:
    broker = store.made_container()
    changed = store.put(broker, 1, policy=1)
    assert changed.outcome is Outcome.WRONG_POLICY
    assert changed.facts.storage_policy_index == 0


def test_a_deleted_container_may_come_back_in_another_policy(
    store: Store, container: ContainerBroker
) -> None:
    assert container.delete(at(1)).outcome is Outcome.DELETED
    changed = store.put(container, 2, policy=1)
    assert changed.outcome is Outcome.CREATED
    assert changed.facts.storage_policy_index == 1
    assert changed.facts.status_changed_at == at(2).internal


def test_a_put_from_before_the_deletion_changes_nothing_that_shows(
    store: Store, container: ContainerBroker
) -> None:
    container.delete(at(5))
    assert store.put(container, 3).outcome is Outcome.NEWER_STATE
    assert container.facts().is_deleted


def test_a_delete_from_before_the_put_is_refused(store: Store, container: ContainerBroker) -> None:
    store.put(container, 5)
    assert container.delete(at(3)).outcome is Outcome.NEWER_STATE
    assert not container.facts().is_deleted


def test_a_container_with_objects_cannot_be_deleted(container: ContainerBroker) -> None:
    container.merge_rows([row("o", 1)])
    assert container.delete(at(2)).outcome is Outcome.NOT_EMPTY
    container.merge_rows([deleted_object_row("o", at(3).internal, 0)])
    assert container.delete(at(4)).outcome is Outcome.DELETED


def test_objects_in_another_policy_keep_a_container_too(container: ContainerBroker) -> None:
    container.merge_rows([row("o", 1, storage_policy_index=1)])
    assert container.facts().object_count == 0
    assert container.delete(at(2)).outcome is Outcome.NOT_EMPTY


def test_a_second_delete_finds_nothing(container: ContainerBroker) -> None:
    container.delete(at(1))
    assert container.delete(at(2)).outcome is Outcome.ABSENT


def test_deleting_takes_metadata_away_but_not_what_makes_a_shard(store: Store) -> None:
    broker = store.made_container()
    shard = {"X-Container-Sysmeta-Shard-Quoted-Root": "a/c", "X-Container-Read": ".r:*"}
    broker.post(at(1), shard, LIMITS, touch=True)
    changed = broker.delete(at(2))
    assert {name: value for name, (value, _) in changed.facts.metadata.items()} == {
        "X-Container-Sysmeta-Shard-Quoted-Root": "a/c",
        "X-Container-Read": "",
    }


def test_a_post_touches_the_timestamp_unless_told_not_to(container: ContainerBroker) -> None:
    container.post(at(1), {"X-Container-Meta-A": "1"}, LIMITS, touch=False)
    assert container.facts().put_timestamp == at(0).internal
    container.post(at(2), {}, LIMITS, touch=True)
    assert container.facts().put_timestamp == at(2).internal


def test_a_post_to_a_deleted_container_finds_nothing(container: ContainerBroker) -> None:
    container.delete(at(1))
    changed = container.post(at(2), {"X-Container-Meta-A": "1"}, LIMITS, touch=True)
    assert changed.outcome is Outcome.ABSENT


def test_refused_metadata_leaves_the_whole_request_undone(container: ContainerBroker) -> None:
    with pytest.raises(MetadataRefused):
        container.post(
            at(1), {"X-Container-Meta-A": "1"}, Limits(max_meta_overall_size=1), touch=True
        )
    facts = container.facts()
    assert (facts.put_timestamp, facts.metadata) == (at(0).internal, {})


def test_another_sync_target_starts_from_the_first_row(container: ContainerBroker) -> None:
    container.post(at(1), {"X-Container-Sync-To": "//r/c/a/one"}, LIMITS, touch=True)
    container.set_container_sync_points(5, 4)
    container.post(at(2), {"X-Container-Sync-To": "//r/c/a/one"}, LIMITS, touch=True)
    assert container.facts().x_container_sync_point1 == 5
    container.post(at(3), {"X-Container-Sync-To": "//r/c/a/two"}, LIMITS, touch=True)
    facts = container.facts()
    assert (facts.x_container_sync_point1, facts.x_container_sync_point2) == (-1, -1)


def test_rows_are_counted_and_hashed_exactly(container: ContainerBroker) -> None:
    container.merge_rows([row(f"o{n}", n, size=n) for n in range(50)])
    container.merge_rows([row(f"o{n}", n + 100, size=1) for n in range(0, 50, 3)])
    container.merge_rows([deleted_object_row(f"o{n}", at(200).internal, 0) for n in range(5)])
    container.merge_rows([row("other", 1, size=9, storage_policy_index=2)])
    assert kept(container.place.path) == recount(container.place.path)
    assert container.facts().object_count == 45


def test_what_was_reported_is_remembered(container: ContainerBroker) -> None:
    container.merge_rows([row("o", 1)])
    facts = container.facts()
    assert not facts.is_reported
    container.reported(facts)
    assert container.facts().is_reported
    container.merge_rows([row("o", 2, size=5)])
    assert not container.facts().is_reported


def test_rows_since_a_point_are_what_a_replica_lacks(container: ContainerBroker) -> None:
    container.merge_rows([row("a", 1), row("b", 1)])
    point = container.last_rowid()
    container.merge_rows([row("a", 2), row("c", 1)])
    assert [found.name for _, found in container.rows_since(point, 10)] == ["a", "c"]


def test_rows_of_a_peer_raise_its_sync_point_at_once(container: ContainerBroker) -> None:
    container.merge_from_peer([row("a", 1)], "peer-id", 7)
    container.merge_from_peer([row("b", 1)], "peer-id", 3)
    assert container.sync_points(incoming=True) == [SyncPoint("peer-id", 7)]
    assert names(container) == ["a", "b"]


def test_sync_points_are_stamped_with_the_time(container: ContainerBroker) -> None:
    container.merge_sync_points([SyncPoint("x", 1)], incoming=False)
    sql = connect(container.place.path)
    (stamp,) = sql.execute("SELECT updated_at FROM outgoing_sync").fetchone()
    sql.close()
    assert int(stamp) > 1_600_000_000


@pytest.mark.parametrize("count", [1, 2000, 2001, 4100])
def test_reclaim_goes_through_tombstones_page_by_page(
    container: ContainerBroker, count: int
) -> None:
    container.merge_rows([deleted_object_row(f"o{n}", at(1).internal, 0) for n in range(count)])
    container.merge_rows([row("live", 1), deleted_object_row("young", at(90).internal, 0)])
    assert container.reclaim(at(50), at(50)) == count
    assert sorted(found.name for _, found in container.rows_since(-1, 10)) == ["live", "young"]
    assert kept(container.place.path) == recount(container.place.path)


def test_a_container_never_made_is_missing(store: Store) -> None:
    with pytest.raises(DatabaseMissing):
        store.container().merge_rows([row("o")])
    assert not store.container().exists()


def test_an_id_ends_with_the_devices_name(container: ContainerBroker) -> None:
    assert container.facts().id.endswith("-sda1")
    assert len(container.facts().id) == 36 + len("-sda1")


def test_names_and_types_of_any_script_come_back(container: ContainerBroker) -> None:
    odd = ["grüße 😀", "tab\there", "line\nend", "per%cent", "\x1fsep", "q\"'`;--", "\x00res\x00x"]
    container.merge_rows([row(name, 1, content_type=f"x/{name}") for name in odd])
    assert names(container) == sorted(odd)


def test_everything_is_there_after_closing_and_opening(tmp_path: Path) -> None:
    first = Store(tmp_path)
    broker = first.made_container()
    broker.merge_rows([row("o", 1)])
    facts = broker.facts()
    first.close()
    second = Store(tmp_path)
    assert second.container().facts() == facts
    second.close()


def test_closing_leaves_no_wal_beside_the_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    broker = store.made_container()
    broker.merge_rows([row("o", 1)])
    store.close()
    left = {path.suffix for path in Path(broker.place.directory).iterdir()}
    assert left <= {".db", ""}  # the database, and the lock
