"""Ring files: Swift's bytes are read, equal rings give Swift's bytes, damage is refused."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.ring_file import RingFileUnwritable, RingImage, decode, encode
from swiftlite.formats.ring_parts import RingFileUnreadable, devices

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
NAMES = ("small", "fractional", "holes", "six")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_what_swift_wrote_is_written_again_byte_for_byte(name: str, version: int) -> None:
    blob = (GOLDEN / f"{name}.v{version}.ring.gz").read_bytes()
    image = decode(blob)
    assert image.format_version == version
    assert encode(image, f"{name}.v{version}.ring", version) == blob


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_devices_can_be_read_without_the_table(name: str, version: int) -> None:
    blob = (GOLDEN / f"{name}.v{version}.ring.gz").read_bytes()
    assert devices(blob) == decode(blob).devices
    for cut in range(0, len(blob), 7):  # never anything but the sentence, or the devices
        try:
            assert devices(blob[:cut]) == decode(blob).devices
        except RingFileUnreadable:
            continue


@pytest.mark.parametrize("name", NAMES)
def test_both_formats_hold_the_same_ring(name: str) -> None:
    one = decode((GOLDEN / f"{name}.v1.ring.gz").read_bytes())
    two = decode((GOLDEN / f"{name}.v2.ring.gz").read_bytes())
    assert (one.rows, one.part_shift, one.version) == (two.rows, two.part_shift, two.version)
    # Format 1 keeps the builder's own fields of a device, so only the shared ones are compared.
    assert [d and d["id"] for d in one.devices] == [d and d["id"] for d in two.devices]


def test_a_short_last_row_makes_a_fractional_replica_count() -> None:
    image = decode((GOLDEN / "fractional.v1.ring.gz").read_bytes())
    assert [len(row) for row in image.rows] == [128, 128, 64]
    assert image.replica_count == 2.5


def images() -> st.SearchStrategy[RingImage]:
    @st.composite
    def build(draw: st.DrawFn) -> RingImage:
        power = draw(st.integers(0, 6))
        parts = 1 << power
        id_bytes = draw(st.sampled_from([2, 4]))
        lengths = [parts] * draw(st.integers(0, 2)) + [draw(st.integers(1, parts))]
        largest = 300 if id_bytes == 2 else 70_000
        ids = st.integers(0, largest)
        rows = [
            array("H" if id_bytes == 2 else "I", draw(st.lists(ids, min_size=n, max_size=n)))
            for n in lengths
        ]
        return RingImage(
            part_shift=32 - power,
            devices=draw(st.lists(st.none() | st.just({"id": 0, "meta": "ü"}), max_size=3)),
            rows=rows,
            version=draw(st.none() | st.integers(0, 2**40)),
            next_part_power=draw(st.none() | st.integers(1, 32)),
            id_bytes=id_bytes,
        )

    return build()


@given(images(), st.sampled_from([1, 2]))
def test_reading_gives_what_was_written(image: RingImage, version: int) -> None:
    if version == 1 and image.id_bytes == 4:
        with pytest.raises(RingFileUnwritable, match="4-byte"):
            encode(image, "object.ring", 1)
        return
    again = decode(encode(image, "object.ring", version))
    image.format_version = version
    assert again == image


@pytest.mark.parametrize("version", [1, 2])
def test_every_truncation_is_refused(version: int) -> None:
    blob = (GOLDEN / f"fractional.v{version}.ring.gz").read_bytes()
    for length in range(len(blob)):
        with pytest.raises(RingFileUnreadable):
            decode(blob[:length])


@pytest.mark.parametrize("version", [1, 2])
def test_no_flipped_bit_changes_the_ring(version: int) -> None:
    """Refused, or without effect on what the ring says (the gzip header's name, time and so on)."""
    blob = (GOLDEN / f"small.v{version}.ring.gz").read_bytes()
    good = decode(blob)
    rng = random.Random(version)
    refused = 0
    for place in range(len(blob)):
        broken = bytearray(blob)
        broken[place] ^= 1 << rng.randrange(8)
        try:
            found = decode(bytes(broken))
        except RingFileUnreadable:
            refused += 1
            continue
        assert found == good
    assert refused > len(blob) * 0.8


def test_format_2_compressed_again_is_refused() -> None:
    plain = gzip.decompress((GOLDEN / "small.v2.ring.gz").read_bytes())
    with pytest.raises(RingFileUnreadable, match="compressed again"):
        decode(gzip.compress(plain))


def test_format_1_compressed_again_is_read() -> None:
    blob = (GOLDEN / "small.v1.ring.gz").read_bytes()
    assert decode(gzip.compress(gzip.decompress(blob))) == decode(blob)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"R1NG\x00\x03rest", "format 3"),
        (b"\x80\x02}q\x00.plain", "format 0"),
        (b"something else", "does not begin"),
        (b"R1NG\x00\x01" + struct.pack(">I", 1 << 31), "claims"),
        (b"R1NG\x00\x01" + struct.pack(">I", 4) + b"nope", "not JSON"),
        (b"R1NG\x00\x01" + struct.pack(">I", 2) + b"[]", "not a JSON object"),
        (b"R1NG\x00\x01" + struct.pack(">I", 2) + b"{}", "part_shift"),
    ],
)
def test_hostile_content_gets_one_clear_sentence(content: bytes, why: str) -> None:
    with pytest.raises(RingFileUnreadable, match=why):
        decode(gzip.compress(content))


def test_a_table_beyond_any_machine_is_refused_before_it_is_inflated() -> None:
    text = b'{"part_shift": 0, "replica_count": 60000, "devs": []}'
    blob = gzip.compress(b"R1NG\x00\x01" + struct.pack(">I", len(text)) + text + bytes(1000))
    with pytest.raises(RingFileUnreadable, match="larger than any machine"):
        decode(blob)


def test_a_bomb_of_zeros_is_not_inflated_beyond_its_row() -> None:
    text = b'{"part_shift": 31, "replica_count": 1, "devs": []}'
    head = b"R1NG\x00\x01" + struct.pack(">I", len(text)) + text
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    blob = deflate.compress(head + bytes(50_000_000)) + deflate.flush()
    with pytest.raises(RingFileUnreadable, match="beyond the end"):
        decode(blob)


def test_not_gzip_is_refused() -> None:
    with pytest.raises(RingFileUnreadable, match="not gzip"):
        decode(b"R1NG")
