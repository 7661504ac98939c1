"""What is remembered of databases is what they would say if asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from swiftlite.dbstore import ContainerBroker
from swiftlite.dbsync.memory import Look, Memory
from tests.dbstore.stores import Store, at, row
from tests.dbsync.nodes import Later


@pytest.fixture
def rested(tmp_path: Path) -> list[ContainerBroker]:
    """Brokers of closed databases."""
    store = Store(tmp_path)
    for number in range(8):
        store.made_container(f"c{number}").merge_rows([row("o")])
    store.close()
    return [store.container(f"c{number}") for number in range(8)]


def later(broker: ContainerBroker) -> Later:
    """So much later that all files are at rest."""
    clock = Store(Path(broker.place.device_path).parent).host.clock
    return Later(clock, 60.0)


def remembered(memory: Memory, brokers: list[ContainerBroker]) -> int:  # type: ignore[type-arg]  # of any rows
    """How many are told about without being read."""
    places = [broker.place for broker in brokers]
    before = memory.look(places)
    return sum(look.glimpse is not None and look.glimpse.read_at < 0 for look in before)


def keep_marked(memory: Memory, brokers: list[ContainerBroker]) -> None:  # type: ignore[type-arg]  # as above
    """Remember them as read at a time that no clock gives."""
    for look in memory.look([broker.place for broker in brokers]):
        assert look.glimpse is not None
        glimpse = look.glimpse._replace(read_at=-1.0)
        memory.keep([dataclasses.replace(look, glimpse=glimpse)])


def test_a_database_at_rest_is_read_once(rested: list[ContainerBroker]) -> None:
    memory = Memory(rested[0].engine, later(rested[0]))
    keep_marked(memory, rested)
    assert remembered(memory, rested) == 8


def test_one_that_has_changed_is_read_again(rested: list[ContainerBroker]) -> None:
    memory = Memory(rested[0].engine, later(rested[0]))
    keep_marked(memory, rested)
    rested[3].merge_rows([row("another")])
    assert remembered(memory, rested) == 7
    (look,) = memory.look([rested[3].place])
    assert look.glimpse is None  # its rows are in a WAL: only the engine may tell
    opened = memory.open(look)
    assert opened.glimpse is not None
    assert opened.glimpse.max_row == 2


def test_what_changed_a_moment_ago_is_not_remembered(rested: list[ContainerBroker]) -> None:
    now = Later(Store(Path(rested[0].place.device_path).parent).host.clock, 0.0)
    memory = Memory(rested[0].engine, now)
    looks = memory.look([rested[0].place])
    assert looks[0].glimpse is None
    memory.keep([memory.open(looks[0])])
    assert memory.look([rested[0].place])[0].glimpse is None


def test_beyond_the_limit_old_entries_mostly_stay(rested: list[ContainerBroker]) -> None:
    memory = Memory(rested[0].engine, later(rested[0]), limit=5)
    for _ in range(3):
        keep_marked(memory, rested)
        assert remembered(memory, rested) == 5


def test_tombstones_are_looked_for_though_nothing_changes(rested: list[ContainerBroker]) -> None:
    clock = later(rested[0])
    memory = Memory(rested[0].engine, clock, reclaim_age=700.0)
    places = [rested[0].place]
    memory.keep(memory.look(places))
    first = memory.look(places)[0].glimpse
    clock.ahead += 50
    assert memory.look(places)[0].glimpse == first
    clock.ahead += 100
    again = memory.look(places)[0].glimpse
    assert first is not None
    assert again is not None
    assert again.read_at > first.read_at


def test_a_database_that_is_gone_is_forgotten(rested: list[ContainerBroker]) -> None:
    memory = Memory(rested[0].engine, later(rested[0]))
    keep_marked(memory, rested)
    Path(rested[0].place.path).unlink()
    looks = memory.look([rested[0].place])
    assert looks == [Look(rested[0].place, None, None)]


def test_only_peers_are_told_incoming_points(rested: list[ContainerBroker]) -> None:
    rested[0].merge_from_peer([row("p", 1)], "peer", 9)
    rested[0].engine.close()
    place, clock = rested[0].place, later(rested[0])
    for for_peers, points in ((True, {"peer": 9}), (False, {})):
        (look,) = Memory(rested[0].engine, clock, for_peers=for_peers).look([place])
        assert look.glimpse is not None
        assert dict(look.glimpse.incoming) == points


def test_a_deleted_container_says_since_when(rested: list[ContainerBroker]) -> None:
    rested[0].merge_rows([row("o", 1, deleted=1)])
    rested[0].delete(at(5))
    rested[0].engine.close()
    (look,) = Memory(rested[0].engine, later(rested[0])).look([rested[0].place])
    assert look.glimpse is not None
    assert look.glimpse.deleted_at == at(5)
