"""Suffix hashes: values, cache, invalidations, REPLICATE bodies, all as Swift has them."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from swiftlite.formats import suffix_hashes
from swiftlite.formats.async_pending import (
    AsyncPending,
    PendingUnreadable,
    async_pending_name,
    decode_async_pending,
    encode_async_pending,
    parse_async_pending_name,
)
from swiftlite.formats.suffix_hashes import (
    HashedFiles,
    HashesUnreadable,
    SuffixHash,
    SuffixHashes,
    decode_hashes,
    decode_invalidations,
    decode_replicate_answer,
    encode_hashes,
    encode_replicate_answer,
    replicated_suffix_hash,
)
from swiftlite.vocab.timestamp import Timestamp

OBJECTS = Path(__file__).parents[1] / "golden" / "objects"
CASES = json.loads((OBJECTS / "cases.json").read_text())


def _at(text: str) -> Timestamp:
    return Timestamp.from_text(text)


IN_USE = {
    "data": HashedFiles(data=_at("1700000000.00000")),
    "newest data": HashedFiles(data=_at("1700000001.00000_1")),
    "tombstone": HashedFiles(tombstone=_at("1700000002.00000")),
    "meta": HashedFiles(data=_at("1700000000.00000"), meta=_at("1700000005.00000")),
    "content type": HashedFiles(
        data=_at("1700000000"), meta=_at("1700000005"), content_type=_at("1700000004")
    ),
    "two metas": HashedFiles(
        data=_at("1700000000"), meta=_at("1700000006"), content_type=_at("1700000004")
    ),
}


@pytest.mark.parametrize("title", CASES["suffixes"])
def test_values_are_swifts(title: str) -> None:
    assert replicated_suffix_hash([IN_USE[title]]) == CASES["suffixes"][title]["hash"]


def test_a_suffix_of_several_hash_dirs_is_one_digest() -> None:
    both = replicated_suffix_hash([IN_USE["data"], IN_USE["tombstone"]])
    plain = b"1700000000.00000.data1700000002.00000.ts"
    assert both == hashlib.md5(plain).hexdigest()
    assert both != replicated_suffix_hash([IN_USE["tombstone"], IN_USE["data"]])


def test_erasure_values_are_by_fragment() -> None:
    moment = _at("1700000000")
    files = HashedFiles(fragments=((1, moment), (4, moment)), durable=moment)
    found = suffix_hashes.erasure_suffix_hash([files])
    assert set(found) == {1, 4, None}
    assert found[1] == found[4]


def test_the_cache_of_swift_is_read_and_written() -> None:
    blob = (OBJECTS / "hashes.pkl").read_bytes()
    cache = decode_hashes(blob)
    assert cache.valid
    assert cache.updated > 1.7e9
    assert set(cache.hashes.values()) == {case["hash"] for case in CASES["suffixes"].values()}
    assert pickle.loads(encode_hashes(cache)) == pickle.loads(blob)
    assert decode_hashes(encode_hashes(cache)) == cache


def test_replicate_answers() -> None:
    blob = (OBJECTS / "replicate-answer.pickle").read_bytes()
    found = decode_replicate_answer(blob)
    assert set(found) == {f"a{index:02x}" for index in range(6)}
    assert encode_replicate_answer(found) == blob
    assert pickle.loads(encode_replicate_answer(None)) is None
    mixed: dict[str, suffix_hashes.SuffixHash] = {"abc": {0: "d" * 32, None: "e" * 32}, "abd": None}
    assert decode_replicate_answer(encode_replicate_answer(mixed)) == mixed


def test_a_cache_without_its_marks_is_valid_and_old() -> None:
    assert decode_hashes(pickle.dumps({"abc": "d" * 32}, 2)) == SuffixHashes({"abc": "d" * 32})


@pytest.mark.parametrize(
    "value",
    [
        {"abc": "d", "valid": False},
        {"abc": "d", "updated": "now"},
        {"abc": 5},
        {"abc": {"x": "d"}},
        {"abc": {0: 5}},
        {"xyz": "d"},
        {"abcd": None},
        {5: None},
        [],
        None,
    ],
)
def test_strange_caches_are_refused(value: object) -> None:
    with pytest.raises(HashesUnreadable):
        decode_hashes(pickle.dumps(value, 2))
    with pytest.raises(HashesUnreadable):
        decode_hashes(b"rubbish")


def test_invalidations() -> None:
    assert (OBJECTS / "hashes.invalid").read_bytes() == suffix_hashes.encode_invalidation("a01")
    assert decode_invalidations(b"a01\nfff\na01\n\nzz\n12") == ["a01", "fff"]


def test_an_async_pending_of_swift_is_read() -> None:
    found = decode_async_pending((OBJECTS / "async-pending.pickle").read_bytes())
    assert found == AsyncPending(
        op="PUT",
        account="AUTH_test",
        container="c",
        obj="pfad/Ü 😀",
        headers={
            "X-Size": "5",
            "X-Content-Type": "text/plain; name=Ü",
            "X-Timestamp": "1700000000.12345",
            "X-Etag": "5d41402abc4b2a76b9719d911017c592",
            "Referer": "PUT http://127.0.0.1/sda/1/a",
        },
        db_state="unsharded",
        container_path=".shards_a/c-1",
    )
    plain = pickle.loads(encode_async_pending(found))
    assert plain["obj"] == "pfad/Ü 😀"
    assert plain["headers"]["X-Content-Type"] == "text/plain; name=\xc3\x9c"
    assert decode_async_pending(encode_async_pending(found)) == found


def test_what_happened_to_a_pending_is_kept() -> None:
    history = (".shards_a/c-1", ".shards_a/c-2")
    pending = AsyncPending("DELETE", "a", "c", "o", {}, successes=(3, 5), redirect_history=history)
    assert decode_async_pending(encode_async_pending(pending)) == pending


def test_names_of_pendings_are_swifts() -> None:
    name = CASES["async_pending"]["name"]
    suffix, _, file = name.partition("/")
    name_hash, moment = parse_async_pending_name(file)
    assert suffix == name_hash[-3:]
    assert async_pending_name(name_hash, moment) == name
    for other in (
        "x",
        name_hash,
        f"{name_hash}-x",
        f"{name_hash[:-1]}-1.0",
        f"{name_hash[:-1]}G-1",
    ):
        with pytest.raises(ValueError, match=r"."):
            parse_async_pending_name(other)


@pytest.mark.parametrize(
    "value", [None, {}, {"op": "POST"}, {"op": "PUT", "account": 5, "container": "c", "obj": "o"}]
)
def test_damaged_pendings_are_refused(value: object) -> None:
    with pytest.raises(PendingUnreadable):
        decode_async_pending(pickle.dumps(value, 0))
    with pytest.raises(PendingUnreadable):
        decode_async_pending(b"(dp0\nVop\n")


@pytest.mark.parametrize("count", [0, 1, 98, 1000, 1001, 4096])
def test_plain_pickles_are_read_the_short_way_to_the_same_end(count: int) -> None:
    hashes: dict[str, SuffixHash] = {
        f"{number:03x}": None if number % 7 == 1 else hashlib.md5(str(number).encode()).hexdigest()
        for number in range(count)
    }
    content = {"valid": True, **hashes, "updated": 1_234.5}
    blob = pickle.dumps(content, 2)
    assert decode_hashes(blob) == SuffixHashes(hashes, 1_234.5)
    assert decode_replicate_answer(pickle.dumps(hashes, 2)) == hashes
    for damaged in (blob[:-3], blob.replace(b"\x88", b"\x89"), blob.replace(b"X\x03", b"X\x04")):
        if damaged != blob:
            with pytest.raises(HashesUnreadable):
                decode_hashes(damaged)
