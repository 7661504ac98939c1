"""Databases that OpenStack Swift made, each with rows left in a pending file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from swiftlite.dbstore import AccountBroker, ContainerBroker, Window
from swiftlite.dbstore.broker import Broker
from tests.dbstore.stores import Store

GOLDEN = Path(__file__).parents[1] / "golden" / "databases"
SAID = json.loads((GOLDEN / "said.json").read_text(encoding="utf-8"))


def place_file(broker: Broker[Any], name: str) -> None:
    place = broker.place
    Path(place.directory).mkdir(parents=True)
    for suffix in ("", ".pending"):
        blob = gzip.decompress((GOLDEN / f"{name}.db{suffix}.gz").read_bytes())
        Path(place.path + suffix).write_bytes(blob)


@pytest.fixture
def container(store: Store) -> ContainerBroker:
    broker = store.container("pfad ü", "AUTH_test")
    place_file(broker, "container")
    return broker


@pytest.fixture
def account(store: Store) -> AccountBroker:
    broker = store.account("AUTH_test")
    place_file(broker, "account")
    return broker


def without_rowids(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[key] for key in sorted(row) if key != "ROWID") for row in rows)


def as_dicts(broker: Broker[Any]) -> list[dict[str, Any]]:
    return [row._asdict() for _, row in broker.rows_since(-1, 1000)]


def test_pending_object_rows_become_what_swift_makes_of_them(container: ContainerBroker) -> None:
    container.facts()
    said = SAID["container"]
    assert without_rowids(as_dicts(container)) == without_rowids(said["rows"])


def test_counts_and_hash_of_a_container_equal_swifts(container: ContainerBroker) -> None:
    facts = container.facts()
    info = SAID["container"]["info"]
    assert {name: getattr(facts, name) for name in info if name != "db_state"} == {
        name: value for name, value in info.items() if name != "db_state"
    }


def test_container_metadata_equals_swifts(container: ContainerBroker) -> None:
    said = {name: tuple(pair) for name, pair in SAID["container"]["metadata"].items()}
    assert container.facts().metadata == said


def test_listing_of_a_swift_container_equals_swifts(container: ContainerBroker) -> None:
    _, entries = container.listing(Window(100), None)
    said = [[name, str(size), kind, etag] for name, _, size, kind, etag in said_listing()]
    assert [[e[0], e[2], e[3], e[4]] for e in entries] == said  # type: ignore[index]  # no folders


def said_listing() -> list[list[Any]]:
    listing: list[list[Any]] = SAID["container"]["listing"]
    return listing


def test_the_pending_file_is_emptied_once_merged(container: ContainerBroker) -> None:
    container.facts()
    assert Path(container.place.pending_path).stat().st_size == 0


def test_pending_container_rows_become_what_swift_makes_of_them(account: AccountBroker) -> None:
    account.state()
    assert without_rowids(as_dicts(account)) == without_rowids(SAID["account"]["rows"])


def test_counts_and_hash_of_an_account_equal_swifts(account: AccountBroker) -> None:
    state = account.state()
    info = SAID["account"]["info"]
    assert {name: getattr(state.facts, name) for name in info} == info
    assert {
        str(index): {
            "container_count": counts.containers,
            "object_count": counts.objects,
            "bytes_used": counts.bytes_used,
        }
        for index, counts in state.policies.items()
    } == SAID["account"]["policies"]


def test_listing_of_a_swift_account_equals_swifts(account: AccountBroker) -> None:
    _, entries = account.listing(Window(100))
    said = [[name, str(n), str(size)] for name, n, size, *_ in SAID["account"]["listing"]]
    assert [list(entry[:3]) for entry in entries] == said  # type: ignore[index]  # no folders


def test_an_entry_that_is_no_row_is_passed_over_and_told(
    store: Store, container: ContainerBroker
) -> None:
    with Path(container.place.pending_path).open("ab") as pending:
        pending.write(b":not base64!:gAJYAQAAAHhxAC4=")
    assert container.facts().object_count == SAID["container"]["info"]["object_count"]
    assert len([line for line in store.log.lines if "passed over" in line]) == 2
