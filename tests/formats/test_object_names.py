"""File names on a device, async pendings' names, expirer tasks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats import expirer_task, ondisk_names
from swiftlite.formats.ondisk_names import NameUnreadable, parse_object_file
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp

CASES = json.loads((Path(__file__).parents[1] / "golden" / "objects" / "cases.json").read_text())
T = Timestamp.from_text("1700000000.12345")
OFFSET = Timestamp.from_text("1700000000.12345_000000000000000a")
HASHES = HashPath(b"changeme", b"endcap\xff")


@pytest.mark.parametrize(
    ("name", "fragments", "expected"),
    [
        ("1700000000.12345.data", False, (".data", T, None, None, False)),
        ("1700000000.12345_000000000000000a.data", False, (".data", OFFSET, None, None, False)),
        ("1700000000.12345.ts", False, (".ts", T, None, None, False)),
        ("1700000000.12345.meta", False, (".meta", T, None, None, False)),
        ("1700000000.12345+0.meta", False, (".meta", T, T, None, False)),
        ("1700000000.12345-1.meta", False, (".meta", T, Timestamp(T.raw - 1), None, False)),
        ("1700000000.12345#3.data", True, (".data", T, None, 3, False)),
        ("1700000000.12345#13#d.data", True, (".data", T, None, 13, True)),
        ("1700000000.12345.durable", True, (".durable", T, None, None, False)),
        ("1700000000.12345.ts", True, (".ts", T, None, None, False)),
    ],
)
def test_names_are_read(name: str, fragments: bool, expected: tuple[object, ...]) -> None:
    found = parse_object_file(name, fragments=fragments)
    assert found.name == name
    assert expected == (
        found.extension,
        found.timestamp,
        found.content_type_timestamp,
        found.frag_index,
        found.durable,
    )


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("1700000000.12345#3.data", False),
        ("1700000000.12345.data", True),
        ("1700000000.12345.durable", False),
        ("1700000000.12345#x.data", True),
        ("1700000000.12345#3#e.data", True),
        ("1700000000.12345#3#d#d.data", True),
        ("1700000000.12345#-3.data", True),
        (".1700000000.12345.data.x8Yz3a", False),
        ("tmpabc", False),
        (".data", False),
        ("x.meta", False),
        ("1700000000.12345.txt", False),
        ("", False),
    ],
)
def test_strangers_are_refused(name: str, fragments: bool) -> None:
    with pytest.raises(NameUnreadable):
        parse_object_file(name, fragments=fragments)


moments = st.builds(Timestamp, st.integers(10**9, 10**14), st.integers(0, 5))


@given(moments, st.none() | st.integers(0, 200), st.booleans())
def test_names_round_trip(moment: Timestamp, frag_index: int | None, durable: bool) -> None:
    fragments = frag_index is not None
    name = ondisk_names.data_name(moment, frag_index, durable)
    found = parse_object_file(name, fragments=fragments)
    assert (found.timestamp, found.frag_index) == (moment, frag_index)
    assert found.durable == (durable and fragments)
    assert parse_object_file(ondisk_names.tombstone_name(moment)).timestamp == moment


@given(moments, st.integers(10**9, 10**14))
def test_meta_names_round_trip(moment: Timestamp, content_type: int) -> None:
    found = parse_object_file(ondisk_names.meta_name(moment, Timestamp(content_type)))
    assert found.timestamp == moment
    assert found.content_type_timestamp is not None
    assert found.content_type_timestamp.raw == content_type
    assert parse_object_file(ondisk_names.meta_name(moment)).content_type_timestamp is None


def test_directories_of_policies() -> None:
    assert ondisk_names.policy_dir("objects", 0) == "objects"
    assert ondisk_names.policy_dir("tmp", 12) == "tmp-12"
    assert ondisk_names.parse_policy_dir("async_pending-2") == ("async_pending", 2)
    assert ondisk_names.parse_policy_dir("objects") == ("objects", 0)
    for other in ("objects-0", "objects-01", "accounts", "objects-x", "objects-1\n"):
        assert ondisk_names.parse_policy_dir(other) is None


def test_hash_dirs_and_temporaries() -> None:
    name_hash = "d41d8cd98f00b204e9800998ecf8427e"
    assert ondisk_names.hash_dir(17, name_hash) == f"17/27e/{name_hash}"
    assert ondisk_names.is_hash(name_hash)
    assert not ondisk_names.is_hash(name_hash.upper())
    assert ondisk_names.is_suffix("27e")
    assert not ondisk_names.is_suffix("27")
    assert ondisk_names.is_partition("17")
    assert not ondisk_names.is_partition("x")
    assert ondisk_names.is_rsync_temporary(".1700000000.12345.data.a1B2c3")
    assert not ondisk_names.is_rsync_temporary("1700000000.12345.data")


@pytest.mark.parametrize("case", CASES["hashes"])
def test_hashes_and_expirer_tasks_are_swifts(case: dict[str, Any]) -> None:
    names = case["names"]
    assert HASHES.hex(*names) == case["hash"]
    if len(names) == 3:
        account, container, obj = names
        found = expirer_task.task_container(HASHES, 1700000000, account, container, obj)
        assert found == case["task_container"]
        name = expirer_task.task_name(1700000000, account, container, obj)
        assert name == case["task_name"]
        task = expirer_task.parse_task_name(name)
        assert task == expirer_task.ExpirerTask(
            Timestamp.from_seconds(1700000000), account, container, obj
        )


@pytest.mark.parametrize("name", ["", "1700000000", "x-a/c/o", "1700000000-a/c", "1700000000-/c/o"])
def test_other_task_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        expirer_task.parse_task_name(name)


def test_task_times_keep_to_ten_digits() -> None:
    assert expirer_task.task_name(10**11, "a", "c", "o") == "9999999999-a/c/o"
    assert expirer_task.task_container(HASHES, 3, "a", "c", "o") == "0000000000"
    assert expirer_task.task_type(5) == "text/plain;swift_expirer_bytes=5"
