"""Name hashes against digests that Swift computed, and partitions."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.vocab.hashing import HashPath, partition_of, short_md5, suffix_of

HASHER = HashPath(b"changeme", b"endcap\xff")


@pytest.mark.parametrize(
    ("names", "plain"),
    [
        (("a",), b"changeme/aendcap\xff"),
        (("a", "c"), b"changeme/a/cendcap\xff"),
        (("a", "c", "o/p"), b"changeme/a/c/o/pendcap\xff"),
        (("a", "c", "Ü😀"), "changeme/a/c/Ü😀endcap".encode() + b"\xff"),
        (("a", "c", "\udcff"), b"changeme/a/c/\xffendcap\xff"),
    ],
)
def test_digest_of_names(names: tuple[str, ...], plain: bytes) -> None:
    expected = hashlib.md5(plain)
    assert HASHER.digest(*names) == expected.digest()
    assert HASHER.hex(*names) == expected.hexdigest()
    assert HASHER.hex_of_path("/" + "/".join(names)) == expected.hexdigest()


def test_an_object_needs_a_container() -> None:
    with pytest.raises(ValueError, match="container"):
        HASHER.digest("a", None, "o")


def test_the_secret_is_not_printed() -> None:
    assert "changeme" not in repr(HASHER)
    assert HashPath(b"a", b"b") == HashPath(b"a", b"b") != HashPath(b"ab", b"")


@given(st.binary(min_size=16, max_size=16), st.integers(0, 32))
def test_partition_is_the_top_bits(digest: bytes, part_power: int) -> None:
    expected = int.from_bytes(digest, "big") >> (128 - part_power)
    assert partition_of(digest, 32 - part_power) == expected


@given(st.binary(max_size=500))
def test_short_md5_is_md5(data: bytes) -> None:
    assert short_md5(data).digest() == hashlib.md5(data).digest()


def test_suffix_is_the_tail() -> None:
    assert suffix_of("0123456789abcdef0123456789abcdef") == "def"
