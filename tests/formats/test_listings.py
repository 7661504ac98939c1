"""Listings in three forms, equal to what Swift's servers render for the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats import listings, recon_cache
from swiftlite.formats.listings import ContainerRow, LastModified, ObjectRow

CASES = json.loads((Path(__file__).parents[1] / "golden" / "objects" / "cases.json").read_text())
SWIFT = CASES["listings"]
TYPE = "text/plain; charset=utf-8;swift_bytes=5"
ETAG = "5d41402abc4b2a76b9719d911017c592"
OBJECTS: list[ObjectRow] = [
    ('a "b" <c> & \\ \x7f ü 😀', "1700000000.12345", 77, TYPE, ETAG),
    ("x/<y>/", "0", 0, None, ""),
]
CONTAINERS: list[ContainerRow] = [
    ("c <1> & ü", 2, 10, "1700000000.00000", 3, False),
    ('x"&/', 0, 0, "0", 0, True),
]
POLICIES = {0: "default", 3: "gold & silver"}


def test_object_listings_are_swifts() -> None:
    entries = listings.object_entries(OBJECTS)
    assert listings.render_object_rows(OBJECTS).decode() == SWIFT["object_json"]
    assert listings.render_json(entries).decode() == SWIFT["object_json"]
    assert listings.render_text(entries).decode() == SWIFT["object_text"]
    assert listings.render_object_xml('c "1"', entries).decode() == SWIFT["object_xml"]


def test_account_listings_are_swifts() -> None:
    entries = listings.container_entries(CONTAINERS, POLICIES)
    assert listings.render_container_rows(CONTAINERS, POLICIES).decode() == SWIFT["container_json"]
    assert listings.render_text(entries).decode() == SWIFT["container_text"]
    assert listings.render_container_xml("AUTH_<t>", entries).decode() == SWIFT["container_xml"]


def test_empty_listings() -> None:
    assert listings.render_object_rows([]) == b"[]"
    assert listings.render_text([]) == b""
    assert listings.render_object_xml("c", []).endswith(b'?>\n<container name="c"></container>')
    assert listings.render_container_xml("a", []).endswith(b'<account name="a">\n</account>')


def test_an_unknown_policy_has_no_name() -> None:
    entries = listings.container_entries(CONTAINERS, {})
    assert "storage_policy" not in entries[0]
    assert b"storage_policy" not in listings.render_container_xml("a", entries)


rows = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.sampled_from(("1700000000.12345", "1700000000.12345_a", "1700000000.12345+0+186a0")),
        st.integers(0, 2**60),
        st.none() | st.sampled_from(("a/b", "a/b;c=d", "a/b;swift_bytes=7", "", 'x"\\\n')),
        st.text(max_size=5),
    )
)


@given(rows)
def test_the_fast_way_equals_the_plain_one(rows: list[ObjectRow]) -> None:
    entries = listings.object_entries(rows)
    assert json.loads(listings.render_object_rows(rows)) == entries
    assert listings.render_object_rows(rows) == listings.render_json(entries)


@given(rows)
def test_xml_is_always_well_formed(rows: list[ObjectRow]) -> None:
    entries = listings.object_entries(rows)
    root = ElementTree.fromstring(listings.render_object_xml("c\x00\n", entries))
    assert len(root) == len(rows)
    for row, element in zip(rows, root, strict=True):
        if all(character.isprintable() or character in "\r\n\t" for character in row[0]):
            assert (element.findtext("name") or "") == row[0]


@pytest.mark.parametrize(
    ("created_at", "shown"),
    [
        ("1700000000.12345", "2023-11-14T22:13:20.123450"),
        ("1700000000.99999_a", "2023-11-14T22:13:20.999990"),
        ("1700000000.00000+0+186a0", "2023-11-14T22:13:21.000000"),
        ("0000000000.00000", "1970-01-01T00:00:00.000000"),
    ],
)
def test_last_modified_is_the_metadata_time(created_at: str, shown: str) -> None:
    clock = LastModified()
    assert clock.of(created_at) == shown
    assert clock.of(created_at) == shown


def test_recon_caches_merge() -> None:
    blob = recon_cache.merge_recon(b"", {"a": 1, "d": {"x": 1, "y": 2}, "gone": 3})
    assert blob == b'{"a": 1, "d": {"x": 1, "y": 2}, "gone": 3}\n'
    blob = recon_cache.merge_recon(blob, {"a": None, "d": {"x": {}, "z": 3}, "gone": {}})
    assert recon_cache.parse_recon(blob) == {"a": None, "d": {"y": 2, "z": 3}}
    for broken in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
        assert recon_cache.parse_recon(broken) == {}
