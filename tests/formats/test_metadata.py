"""Metadata: both forms, the bytes of Swift in both directions, chunks and checksums."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.metadata import (
    ATTRIBUTE,
    CHECKSUM_ATTRIBUTE,
    CHUNK_BYTES,
    FORMATS,
    MetadataUnreadable,
    attributes_of,
    checksum_of,
    decode_metadata,
    encode_metadata,
    gather_blob,
    is_whole,
)

OBJECTS = Path(__file__).parents[1] / "golden" / "objects"
CASES = json.loads((OBJECTS / "cases.json").read_text())["metadata"]
NAMES: dict[str, str] = CASES["names"]["metadata"]


@pytest.mark.parametrize("title", CASES)
def test_swift_bytes_are_read(title: str) -> None:
    blob = (OBJECTS / f"metadata-{title}.pickle").read_bytes()
    assert decode_metadata(blob) == CASES[title]["metadata"]
    assert checksum_of(blob).decode() == CASES[title]["checksum"]


@pytest.mark.parametrize("title", CASES)
def test_swift_bytes_are_written(title: str) -> None:
    blob = encode_metadata(CASES[title]["metadata"], "swift")
    assert blob == (OBJECTS / f"metadata-{title}.pickle").read_bytes()
    attributes = dict(attributes_of(blob, chunk_bytes=100))
    chunks = [attributes[ATTRIBUTE].hex(), attributes[ATTRIBUTE + "1"].hex()]
    assert chunks == CASES[title]["first_chunks_of_100"]
    assert attributes[CHECKSUM_ATTRIBUTE].decode() == CASES[title]["checksum"]


def test_raw_bytes_of_python_2_are_read() -> None:
    blob = (OBJECTS / "metadata-names-python2.pickle").read_bytes()
    assert decode_metadata(blob) == NAMES


text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udcff\udc80"))


@given(st.dictionaries(text.filter(bool), text), text, st.sampled_from(FORMATS))
def test_any_text_round_trips(metadata: dict[str, str], name: str, form: str) -> None:
    metadata = {**metadata, "name": name}
    assert decode_metadata(encode_metadata(metadata, form)) == metadata


@given(st.integers(0, 5000), st.integers(1, 400), st.sampled_from(FORMATS))
def test_chunks_are_gathered(size: int, chunk_bytes: int, form: str) -> None:
    blob = encode_metadata({"name": "x" * size}, form)
    chunk_bytes = max(chunk_bytes, len(blob) // 10)
    attributes = dict(attributes_of(blob, chunk_bytes))
    assert gather_blob(attributes.get, chunk_bytes) == blob


def test_one_attribute_is_enough_for_our_form() -> None:
    blob = encode_metadata(NAMES)
    assert attributes_of(blob) == [(ATTRIBUTE, blob)]
    asked: list[str] = []

    def read(name: str) -> bytes | None:
        asked.append(name)
        return blob

    assert gather_blob(read) == blob
    assert asked == [ATTRIBUTE]
    assert is_whole(blob)


def test_more_attributes_may_belong_to_swifts_form_and_to_long_metadata() -> None:
    assert not is_whole(encode_metadata(NAMES, "swift"))
    first = attributes_of(encode_metadata({"name": "x" * 2 * CHUNK_BYTES}))[0][1]
    assert not is_whole(first)


def test_swift_objects_without_a_checksum_are_read() -> None:
    blob = encode_metadata(NAMES, "swift")
    assert gather_blob({ATTRIBUTE: blob}.get) == blob
    assert gather_blob(lambda name: None) is None


@pytest.mark.parametrize("form", FORMATS)
def test_a_flipped_bit_is_noticed(form: str) -> None:
    attributes = dict(attributes_of(encode_metadata(NAMES, form)))
    good = attributes[ATTRIBUTE]
    for at in range(len(good)):
        attributes[ATTRIBUTE] = good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :]
        with pytest.raises(MetadataUnreadable):
            decode_metadata(gather_blob(attributes.get) or b"")


@pytest.mark.parametrize(
    "blob", [b"", b"SLM\x02abc", b"SLM\x01", b"\x80\x02N.", b"\x80\x02}K\x01K\x02s.", b"\x81\xa1aN"]
)
def test_other_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(MetadataUnreadable):
        decode_metadata(blob)
