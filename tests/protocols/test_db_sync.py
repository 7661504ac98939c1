"""Bodies of REPLICATE: what one side writes the other reads, and what is neither is refused."""

from __future__ import annotations

import dataclasses
import json

import pytest

from swiftlite.protocols import db_sync
from swiftlite.protocols.db_sync import Ask, Replica

DIGEST = "0123456789abcdef" * 2
OWN = Replica(
    12,
    "f" * 32,
    "some-id-sda1",
    "1700000000.00000",
    "1700000001.00000",
    "0",
    json.dumps({"X-Container-Meta-Colour": ["blü", "1700000002.00000"]}),
    "1700000003.00000",
    7,
    1,
)


def test_sync_is_read_as_it_was_written() -> None:
    assert db_sync.decode_call(db_sync.encode_sync(OWN)) == db_sync.Sync(OWN)


def test_an_account_s_sync_has_seven_arguments() -> None:
    account = dataclasses.replace(OWN, storage_policy_index=None, status_changed_at="0", count=0)
    body = db_sync.encode_sync(account)
    assert len(json.loads(body)) == 8
    assert db_sync.decode_call(body) == db_sync.Sync(account)


def test_a_reply_is_read_as_it_was_written() -> None:
    body = db_sync.encode_reply(OWN, 9, {"bytes_used": 3, "db_state": "unsharded"})
    assert db_sync.decode_reply(body) == db_sync.Reply(OWN, 9)
    assert json.loads(body)["db_state"] == "unsharded"


def test_rows_carry_the_last_rowid() -> None:
    call = db_sync.decode_call(db_sync.encode_merge_items([{"ROWID": 3}, {"ROWID": 5}], "an-id"))
    assert isinstance(call, db_sync.MergeItems)
    assert (call.last_rowid, call.source) == (5, "an-id")


@pytest.mark.parametrize("merge", [True, False])
def test_a_file_that_came_is_told_by_its_sender_s_id(merge: bool) -> None:
    call = db_sync.decode_call(db_sync.encode_file_came("an-id", f"{DIGEST}.db", merge=merge))
    assert call == db_sync.FileCame("an-id", merge, None if merge else f"{DIGEST}.db")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b'["sync"]',
        b'["sync", 1, "h", "i", "0", "0", "0", "{]"]',
        b'["sync", "1", "h", "i", "0", "0", "0", ""]',
        b'["sync", 1, "h", "i", "soon", "0", "0", ""]',
        b'["sync", 1, "h", "i", "0", "0", "0", "{\\"a\\": \\"b\\"}"]',
        b'["merge_items", [1], "id"]',
        b'["merge_items", [{}], "../../etc/passwd"]',
        b'["merge_syncs", [{"remote_id": 1, "sync_point": 2}]]',
        b'["complete_rsync", ".."]',
        b'["complete_rsync", "id", "a/b"]',
        b'["complete_rsync", ""]',
        b'["rsync_then_merge"]',
        b'["quarantine", "id"]',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_call_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w{3}"):
        db_sync.decode_call(body)


def test_a_comparison_is_read_as_it_was_written() -> None:
    asks = [Ask("sda1", "17", DIGEST, "id-1", -1, "00ff"), Ask("sdb", "3", DIGEST, "id-2", 5, "aa")]
    assert db_sync.decode_asks(db_sync.encode_asks(asks)) == asks
    assert db_sync.decode_verdicts(db_sync.encode_verdicts([True, False]), 2) == [True, False]


@pytest.mark.parametrize(
    "body",
    [
        b"sda1 1 2 3\n",
        f"sda1 ../x {DIGEST} id 5 aa\n".encode(),
        f"sda1 1 {DIGEST[:-1]}/ id 5 aa\n".encode(),
        f"sda1 1 {DIGEST} id five aa\n".encode(),
        b"\xff 1 2 3 4 5\n",
    ],
)
def test_what_is_no_comparison_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w{3}"):
        db_sync.decode_asks(body)


@pytest.mark.parametrize("body", [b"", b"1", b"111", b"1x"])
def test_verdicts_are_as_many_as_were_asked_for(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w{3}"):
        db_sync.decode_verdicts(body, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "0" * 32},
        {"created_at": "1600000000.00000"},
        {"put_timestamp": "1700000009.00000"},
        {"delete_timestamp": "1700000009.00000"},
        {"metadata": ""},
        {"storage_policy_index": 0},
    ],
)
def test_replicas_that_differ_have_different_tokens(change: dict[str, object]) -> None:
    assert dataclasses.replace(OWN, **change).token() != OWN.token()  # type: ignore[arg-type]  # names of fields


def test_a_token_is_blind_to_what_is_each_replica_s_own() -> None:
    other = dataclasses.replace(
        OWN, id="another", max_row=99, status_changed_at="5", delete_timestamp="0000000000.00000"
    )
    assert other.token() == OWN.token()


def test_a_token_is_blind_to_the_order_of_metadata() -> None:
    items = {"A": ["1", "1700000000.00000"], "B": ["2", "1700000000.00000"]}
    turned = dict(reversed(items.items()))
    first, second = (
        dataclasses.replace(OWN, metadata=json.dumps(each)) for each in (items, turned)
    )
    assert first.token() == second.token()
