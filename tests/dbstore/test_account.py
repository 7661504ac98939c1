"""Accounts: what a PUT, a POST, a DELETE and a report do to one, and what survives."""

from __future__ import annotations

import pytest

from swiftlite.dbstore import AccountBroker, Window
from swiftlite.dbstore.account import AccountPut
from swiftlite.dbstore.errors import DatabaseMissing, MetadataRefused
from swiftlite.dbstore.facts import PolicyCounts
from swiftlite.dbstore.rows import ContainerRow, container_row
from swiftlite.vocab.limits import Limits
from tests.dbstore.stores import LIMITS, NOW, Store, at


@pytest.fixture
def account(store: Store) -> AccountBroker:
    return store.made_account()


def report(
    name: str, put: float, deleted: float = 0, count: int = 0, policy: int = 0
) -> ContainerRow:
    delete = at(deleted).internal if deleted else "0"
    return container_row(name, at(put).internal, delete, count, count * 10, policy)


def put(account: AccountBroker, seconds: float, **metadata: str) -> AccountPut:
    items = {f"X-Account-Meta-{name}": value for name, value in metadata.items()}
    return account.put("a", at(seconds), items, LIMITS, at(seconds))


def test_the_first_put_creates_the_second_updates(store: Store) -> None:
    account = store.account()
    assert put(account, 0) is AccountPut.CREATED
    assert put(account, 1) is AccountPut.UPDATED
    assert account.state().facts.put_timestamp == at(1).internal


def test_an_older_put_does_not_turn_the_timestamp_back(account: AccountBroker) -> None:
    put(account, 5)
    put(account, 3)
    assert account.state().facts.put_timestamp == at(5).internal


def test_an_account_that_was_deleted_stays_so_until_reclaimed(account: AccountBroker) -> None:
    assert account.delete(at(1)) is None
    assert put(account, 2) is AccountPut.RECENTLY_DELETED
    assert account.state().facts.is_deleted


def test_a_second_delete_says_that_it_is_gone(account: AccountBroker) -> None:
    account.delete(at(1))
    facts = account.delete(at(2))
    assert facts is not None
    assert facts.is_status_deleted


def test_deleting_takes_the_metadata_away(account: AccountBroker) -> None:
    put(account, 1, Colour="red")
    account.delete(at(2))
    assert account.state().facts.metadata == {"X-Account-Meta-Colour": ("", at(2).internal)}


def test_an_account_that_never_was_is_missing(store: Store) -> None:
    with pytest.raises(DatabaseMissing):
        store.account().state()
    with pytest.raises(DatabaseMissing):
        store.account().delete(at(1))


def test_metadata_beyond_the_limits_is_refused_however_it_came(account: AccountBroker) -> None:
    few = Limits(max_meta_count=2)
    for name in ("A", "B"):
        assert account.post(at(1), {f"X-Account-Meta-{name}": "1"}, few) is None
    with pytest.raises(MetadataRefused):
        account.post(at(1), {"X-Account-Meta-C": "1"}, few)
    assert "X-Account-Meta-C" not in account.state().facts.metadata


def test_metadata_of_the_cluster_does_not_count(account: AccountBroker) -> None:
    none = Limits(max_meta_count=0)
    assert account.post(at(1), {"X-Account-Sysmeta-X": "1" * 9000}, none) is None


def test_reports_are_counted_in_all_and_by_policy(account: AccountBroker) -> None:
    account.merge_rows([report("x", 1, count=5), report("y", 1, count=7, policy=1)])
    account.merge_rows([report("x", 2, count=6)])
    state = account.state()
    facts = state.facts
    assert (facts.container_count, facts.object_count, facts.bytes_used) == (2, 13, 130)
    assert state.policies == {0: PolicyCounts(1, 6, 60), 1: PolicyCounts(1, 7, 70)}


def test_a_deleted_container_is_not_listed_or_counted(account: AccountBroker) -> None:
    account.merge_rows([report("x", 1), report("y", 1)])
    account.merge_rows([report("x", 1, deleted=2)])
    state, entries = account.listing(Window(10))
    assert [entry[0] for entry in entries] == ["y"]  # type: ignore[index]  # no folders
    assert state.facts.container_count == 1


def test_a_report_for_a_deleted_account_needs_an_override(account: AccountBroker) -> None:
    account.delete(at(1))
    assert not account.put_container(report("x", 2), even_if_deleted=False)
    assert account.put_container(report("x", 2), even_if_deleted=True)


def test_a_report_makes_the_account_only_when_told_how(store: Store) -> None:
    account = store.account()
    assert not account.put_container(report("x", 1), even_if_deleted=False)
    made = account.put_container(report("x", 1), even_if_deleted=False, create_as=("a", at(1), NOW))
    assert made
    assert account.state().facts.container_count == 1


def test_reclaim_drops_old_tombstones_and_emptied_metadata(account: AccountBroker) -> None:
    put(account, 1, Old="x", Kept="y")
    put(account, 2, Old="")
    account.merge_rows([report("old", 1, deleted=3), report("young", 1, deleted=50)])
    assert account.reclaim(at(10), at(10)) == 1
    assert [row.name for _, row in account.rows_since(-1, 10)] == ["young"]
    assert list(account.state().facts.metadata) == ["X-Account-Meta-Kept"]
