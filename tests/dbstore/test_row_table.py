"""Rows in the file, and statistics that stay exact without the triggers that kept them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftlite.dbstore.connection import Connection, triggers_can_be_passed_by
from swiftlite.dbstore.row_table import CONTAINERS, OBJECTS
from swiftlite.dbstore.rows import ContainerRow, ObjectRow, container_row, deleted_object_row
from swiftlite.formats.db_schema import account, container
from swiftlite.host.plain import make_host
from tests.dbstore.stores import at, row

DISK = make_host().disk


def container_file(path: Path) -> str:
    sql = sqlite3.connect(path, isolation_level=None)
    for statement in container.schema(wide_index=True):
        sql.execute(statement)
    sql.execute("INSERT INTO container_info (account, container) VALUES ('a', 'c')")
    sql.close()
    return str(path)


def account_file(path: Path) -> str:
    sql = sqlite3.connect(path, isolation_level=None)
    for statement in account.schema(wide_index=True):
        sql.execute(statement)
    sql.execute("INSERT INTO account_stat (account, container_count) VALUES ('a', 0)")
    sql.close()
    return str(path)


def contents(connection: Connection, table: str, stat: str) -> tuple[object, ...]:
    sql = connection.sql
    rows = sql.execute(f"SELECT * FROM {table} ORDER BY name, storage_policy_index").fetchall()
    policies = sql.execute("SELECT * FROM policy_stat ORDER BY 1").fetchall()
    return (
        sorted(row[1:] for row in rows),
        policies,
        sql.execute(f"SELECT * FROM {stat}").fetchone(),
    )


object_rows = st.builds(
    lambda name, when, size, policy, dead: (
        deleted_object_row(name, at(when).internal, policy)
        if dead
        else row(name, when, size, storage_policy_index=policy)
    ),
    st.sampled_from("abcdefü😀"),
    st.integers(0, 9),
    st.integers(0, 1 << 40),
    st.integers(0, 2),
    st.booleans(),
)
container_rows = st.builds(
    lambda name, put, delete, count, policy: container_row(
        name, at(put).internal, at(delete).internal, count, count * 7, policy
    ),
    st.sampled_from("abcdefü😀"),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 3),
    st.integers(0, 2),
)


def test_this_sqlite_lets_triggers_be_passed_by() -> None:
    assert triggers_can_be_passed_by()


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(object_rows, max_size=9), max_size=5))
def test_object_sums_kept_by_batch_equal_those_of_the_triggers(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[ObjectRow]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    by_batch = Connection(
        DISK, container_file(folder / "a.db"), "wal", bypass=container.STAT_TRIGGERS
    )
    by_trigger = Connection(DISK, container_file(folder / "b.db"), "wal")
    assert by_batch.counts_rows
    assert not by_trigger.counts_rows
    for batch in batches:
        for connection in (by_batch, by_trigger):
            connection.sql.execute("BEGIN IMMEDIATE")
            OBJECTS.merge_rows(connection, batch)
            connection.sql.execute("COMMIT")
        one = contents(by_batch, "object", "container_info")
        assert one == contents(by_trigger, "object", "container_info")
    by_batch.close()
    by_trigger.close()


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(container_rows, max_size=9), max_size=5))
def test_container_sums_kept_by_batch_equal_those_of_the_triggers(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[ContainerRow]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    by_batch = Connection(DISK, account_file(folder / "a.db"), "wal", bypass=account.STAT_TRIGGERS)
    by_trigger = Connection(DISK, account_file(folder / "b.db"), "wal")
    for batch in batches:
        for connection in (by_batch, by_trigger):
            connection.sql.execute("BEGIN IMMEDIATE")
            CONTAINERS.merge_rows(connection, batch)
            connection.sql.execute("COMMIT")
        one = contents(by_batch, "container", "account_stat")
        assert one == contents(by_trigger, "container", "account_stat")
    by_batch.close()
    by_trigger.close()


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65, 127, 128, 129, 700])
def test_batches_of_any_size_are_stored_whole(tmp_path: Path, count: int) -> None:
    connection = Connection(
        DISK, container_file(tmp_path / "x.db"), "wal", bypass=container.STAT_TRIGGERS
    )
    for seconds in (0, 1):  # new ones, then all of them again
        connection.sql.execute("BEGIN IMMEDIATE")
        OBJECTS.merge_rows(connection, [row(f"o{n}", seconds) for n in range(count)])
        connection.sql.execute("COMMIT")
    found = connection.sql.execute(
        "SELECT count(*), count(DISTINCT name), min(created_at) FROM object"
    )
    assert found.fetchone() == (count, count, at(1).internal)
    connection.close()
