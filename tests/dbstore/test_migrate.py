"""Files from before metadata, syncing, policies or the present sharding, brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite.dbstore import AccountBroker, ContainerBroker
from swiftlite.dbstore.facts import PolicyCounts
from swiftlite.formats.db_schema import container as schema
from tests.dbstore.stores import LIMITS, Store, at, connect, kept, names, recount, row

OLD_SYNC = "CREATE TABLE {0}_sync (remote_id TEXT UNIQUE, sync_point INTEGER)"
OLD_CONTAINER = (
    OLD_SYNC.format("incoming"),
    OLD_SYNC.format("outgoing"),
    "CREATE TABLE object (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, created_at TEXT, "
    "size INTEGER, content_type TEXT, etag TEXT, deleted INTEGER DEFAULT 0)",
    "CREATE INDEX ix_object_deleted_name ON object (deleted, name)",
    "CREATE TRIGGER object_insert AFTER INSERT ON object BEGIN "
    "UPDATE container_stat SET object_count = object_count + (1 - new.deleted), "
    "bytes_used = bytes_used + new.size, hash = chexor(hash, new.name, new.created_at); END",
    "CREATE TRIGGER object_update BEFORE UPDATE ON object "
    "BEGIN SELECT RAISE(FAIL, 'UPDATE not allowed; DELETE and INSERT'); END",
    "CREATE TRIGGER object_delete AFTER DELETE ON object BEGIN "
    "UPDATE container_stat SET object_count = object_count - (1 - old.deleted), "
    "bytes_used = bytes_used - old.size, hash = chexor(hash, old.name, old.created_at); END",
    "CREATE TABLE container_stat (account TEXT, container TEXT, created_at TEXT, "
    "put_timestamp TEXT DEFAULT '0', delete_timestamp TEXT DEFAULT '0', "
    "object_count INTEGER, bytes_used INTEGER, "
    "reported_put_timestamp TEXT DEFAULT '0', reported_delete_timestamp TEXT DEFAULT '0', "
    "reported_object_count INTEGER DEFAULT 0, reported_bytes_used INTEGER DEFAULT 0, "
    "hash TEXT default '00000000000000000000000000000000', id TEXT, "
    "status TEXT DEFAULT '', status_changed_at TEXT DEFAULT '0')",
    "INSERT INTO container_stat (account, container, created_at, put_timestamp, object_count, "
    "bytes_used, id) VALUES ('a', 'c', '1600000000.00000', '1600000000.00000', 0, 0, 'old-id')",
    "INSERT INTO object (name, created_at, size, content_type, etag) "
    "VALUES ('first', '1600000000.00000', 5, 'text/plain', 'e')",
)
OLD_ACCOUNT = (
    OLD_SYNC.format("incoming"),
    OLD_SYNC.format("outgoing"),
    "CREATE TABLE container (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, "
    "put_timestamp TEXT, delete_timestamp TEXT, object_count INTEGER, bytes_used INTEGER, "
    "deleted INTEGER DEFAULT 0)",
    "CREATE TRIGGER container_insert AFTER INSERT ON container BEGIN "
    "UPDATE account_stat SET container_count = container_count + (1 - new.deleted), "
    "object_count = object_count + new.object_count, bytes_used = bytes_used + new.bytes_used, "
    "hash = chexor(hash, new.name, new.put_timestamp || '-' || new.delete_timestamp || '-' || "
    "new.object_count || '-' || new.bytes_used); END",
    "CREATE TABLE account_stat (account TEXT, created_at TEXT, put_timestamp TEXT DEFAULT '0', "
    "delete_timestamp TEXT DEFAULT '0', container_count INTEGER, object_count INTEGER DEFAULT 0, "
    "bytes_used INTEGER DEFAULT 0, hash TEXT default '00000000000000000000000000000000', id TEXT, "
    "status TEXT DEFAULT '', status_changed_at TEXT DEFAULT '0')",
    "INSERT INTO account_stat (account, created_at, put_timestamp, container_count, id) "
    "VALUES ('a', '1600000000.00000', '1600000000.00000', 0, 'old-id')",
    "INSERT INTO container (name, put_timestamp, delete_timestamp, object_count, bytes_used) "
    "VALUES ('c', '1600000000.00000', '0', 3, 30)",
)


def write_file(path: str, statements: tuple[str, ...]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sql = connect(path)
    for statement in statements:
        sql.execute(statement)
    sql.close()


@pytest.fixture
def container(store: Store) -> ContainerBroker:
    broker = store.container()
    write_file(broker.place.path, OLD_CONTAINER)
    return broker


@pytest.fixture
def account(store: Store) -> AccountBroker:
    broker = store.account()
    write_file(broker.place.path, OLD_ACCOUNT)
    return broker


def test_a_container_from_before_policies_keeps_its_rows_and_facts(
    container: ContainerBroker,
) -> None:
    facts = container.facts()
    assert (facts.object_count, facts.bytes_used, facts.id) == (1, 5, "old-id")
    assert (facts.storage_policy_index, facts.metadata, facts.reconciler_sync_point) == (0, {}, -1)
    assert names(container) == ["first"]


def test_a_migrated_container_takes_everything_new(container: ContainerBroker) -> None:
    container.merge_rows([row("o", 1, size=7), row("p", 1, storage_policy_index=1)])
    container.post(at(1), {"X-Container-Sync-To": "//r/c/a/x"}, LIMITS, touch=True)
    container.set_container_sync_points(4, 2)
    assert kept(container.place.path) == recount(container.place.path)
    facts = container.facts()
    assert (facts.object_count, facts.bytes_used, facts.x_container_sync_point1) == (2, 12, 4)


def test_a_migrated_container_has_the_tables_of_a_new_one(
    store: Store, container: ContainerBroker
) -> None:
    container.facts()
    fresh = store.made_container("fresh")
    tables = []
    for broker in (container, fresh):
        sql = connect(broker.place.path)
        query = "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
        columns = {
            name: {row[1] for row in sql.execute(f"PRAGMA table_info({name})")}
            for kind, name in sql.execute(query).fetchall()
            if kind in ("table", "view")
        }
        triggers = {n for k, n in sql.execute(query) if k == "trigger" and "_sync_" not in n}
        tables.append((columns, triggers))
        sql.close()
    assert tables[0] == tables[1]


def test_shard_ranges_from_before_tombstones_gain_the_columns(store: Store) -> None:
    broker = store.made_container()
    store.close()
    sql = connect(broker.place.path)
    sql.execute("DROP TABLE shard_range")
    old = schema.SHARD_RANGE[0].partition(", reported")[0] + ")"
    sql.execute(old)
    sql.execute("INSERT INTO shard_range (name, state) VALUES ('x', 40)")
    sql.close()
    broker.facts()
    sql = connect(broker.place.path)
    assert sql.execute("SELECT name, reported, tombstones FROM shard_range").fetchall() == [
        ("x", 0, -1)
    ]
    sql.close()


def test_an_account_from_before_policies_is_counted_by_policy(account: AccountBroker) -> None:
    state = account.state()
    assert state.policies == {0: PolicyCounts(1, 3, 30)}
    assert (state.facts.container_count, state.facts.metadata) == (1, {})


def test_policy_counts_from_before_container_counts_are_completed(store: Store) -> None:
    broker = store.account()
    write_file(
        broker.place.path,
        (
            *OLD_ACCOUNT,
            "ALTER TABLE container ADD COLUMN storage_policy_index INTEGER DEFAULT 0",
            "CREATE TABLE policy_stat (storage_policy_index INTEGER PRIMARY KEY, "
            "object_count INTEGER DEFAULT 0, bytes_used INTEGER DEFAULT 0)",
            "INSERT INTO policy_stat VALUES (0, 3, 30)",
            "CREATE TRIGGER container_insert_ps AFTER INSERT ON container BEGIN SELECT 1; END",
        ),
    )
    assert broker.state().policies == {0: PolicyCounts(1, 3, 30)}
    broker.merge_rows([])
    sql = connect(broker.place.path)
    trigger = "SELECT sql FROM sqlite_master WHERE name = 'container_insert_ps'"
    assert "container_count" in sql.execute(trigger).fetchone()[0]
    sql.close()


def test_a_migration_that_cannot_write_leaves_the_file_as_it_was(
    store: Store, container: ContainerBroker
) -> None:
    sql = connect(container.place.path)
    sql.execute("DROP TABLE container_stat")  # nothing to migrate from
    before = sql.execute("SELECT group_concat(name) FROM sqlite_master").fetchone()
    with pytest.raises(Exception, match="container_stat"):
        container.facts()
    assert sql.execute("SELECT group_concat(name) FROM sqlite_master").fetchone() == before
    sql.close()
