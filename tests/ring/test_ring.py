"""Look-ups, handoffs, and what loading refuses."""

from __future__ import annotations

import json
import os
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swiftlite.formats.ring_file import RingImage, decode
from swiftlite.ring import Device, Ring, RingBuilder, RingFileError
from swiftlite.ring.contents import Contents, all_below
from swiftlite.ring.load import save_image
from swiftlite.vocab.hashing import HashPath

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
HASH_PATH = HashPath(b"prefix", b"suffix")
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())


def device(number: int, **more: object) -> dict[str, Any]:
    return {
        "id": number,
        "region": 1,
        "zone": number,
        "ip": f"10.0.0.{number}",
        "port": 6200,
        "device": "sda",
        "weight": 1.0,
        "meta": "",
    } | more


def image(rows: list[list[int]], devices: int = 4, power: int = 1) -> RingImage:
    return RingImage(
        part_shift=32 - power,
        devices=[device(number) for number in range(devices)],
        rows=[array("H", row) for row in rows],
    )


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_primaries_and_handoffs_are_swifts_to_the_last_device(name: str, version: int) -> None:
    ring = Ring.load(str(GOLDEN / f"{name}.v{version}.ring.gz"), HASH_PATH)
    for text, (primaries, handoffs) in EXPECTED[name]["partitions"].items():
        partition = int(text)
        assert [d.id for d in ring.primaries(partition)] == primaries
        assert [[h.device.id, h.handoff_index] for h in ring.handoffs(partition)] == handoffs
    for key, partition in EXPECTED[name]["names"]:
        assert ring.partition(*key) == partition
        assert ring.nodes(*key) == (partition, ring.primaries(partition))


def test_repeats_among_primaries_are_dropped() -> None:
    ring = Ring(HASH_PATH, Contents.of(image([[0, 1], [0, 2], [3, 1]])))
    assert [d.id for d in ring.primaries(0)] == [0, 3]
    assert [d.id for d in ring.primaries(1)] == [1, 2]


def test_partitions_beyond_a_short_last_row_have_one_replica_less() -> None:
    ring = Ring(HASH_PATH, Contents.of(image([[0, 1], [2, 3], [1]])))
    assert ring.replica_count == 2.5
    assert [d.id for d in ring.primaries(0)] == [0, 2, 1]
    assert [d.id for d in ring.primaries(1)] == [1, 3]


def test_part_power_zero_has_one_partition() -> None:
    ring = Ring(HASH_PATH, Contents.of(image([[0], [1]], power=0)))
    assert ring.partition_count == 1
    assert ring.partition("any", "thing") == 0
    assert [h.device.id for h in ring.handoffs(0)] == []


def test_handoffs_are_found_one_at_a_time() -> None:
    ring = Ring.load(str(GOLDEN / "small.v1.ring.gz"), HASH_PATH)
    walk = ring.handoffs(3)
    first = next(walk)
    assert first.handoff_index == 0
    assert first.device not in ring.primaries(3)
    assert next(ring.handoffs(3)) == first


def test_four_byte_ids_and_the_other_byte_order_give_the_same_ring(tmp_path: Path) -> None:
    small = decode((GOLDEN / "small.v1.ring.gz").read_bytes())
    wide = replace(small, rows=[array("I", row) for row in small.rows], id_bytes=4)
    path = str(tmp_path / "wide.ring.gz")
    save_image(wide, path, format_version=2)
    ring = Ring.load(path, HASH_PATH)
    assert ring.table.id_bytes == 4
    same = Ring.load(str(GOLDEN / "small.v1.ring.gz"), HASH_PATH)
    for partition in range(ring.partition_count):
        assert ring.primaries(partition) == same.primaries(partition)
        assert list(ring.handoffs(partition)) == list(same.handoffs(partition))


@pytest.mark.parametrize("version", [1, 2])
def test_a_saved_ring_loads_as_it_was(tmp_path: Path, version: int) -> None:
    ring = Ring.load(str(GOLDEN / "fractional.v1.ring.gz"), HASH_PATH)
    path = str(tmp_path / "a.ring.gz")
    ring.save(path, format_version=version)
    again = Ring.load(path, HASH_PATH)
    assert again.devices == ring.devices
    assert again.table.rows() == ring.table.rows()
    assert os.stat(path).st_mode & 0o777 == 0o644


def test_devices_without_replication_address_use_the_other() -> None:
    made = Device.from_dict(device(3))
    assert made.replication_address == made.address == ("10.0.0.3", 6200)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([[0, 9]], "beyond the device list"),
        ([[0, 65535]], "beyond the device list"),
        ([], "without replicas"),
    ],
)
def test_tables_that_name_no_device_are_refused(rows: list[list[int]], why: str) -> None:
    with pytest.raises(RingFileError, match=why):
        Contents.of(image(rows), "x.ring.gz")


def test_a_removed_device_in_the_table_is_refused() -> None:
    broken = image([[0, 1]])
    broken.devices[1] = None
    with pytest.raises(RingFileError, match="was removed"):
        Contents.of(broken)


@pytest.mark.parametrize(
    "bad",
    [
        {"ip": 5},
        {"port": "x"},
        {"port": 70000},
        {"weight": "heavy"},
        {"weight": float("nan")},
        {"weight": -1},
        {"id": 7},
        {"zone": None},
        {"device": None},
    ],
)
def test_devices_that_are_none_are_refused(bad: dict[str, Any]) -> None:
    broken = image([[0, 1]])
    broken.devices[1] = device(1) | bad
    with pytest.raises(RingFileError):
        Contents.of(broken)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RingFileError, match="No such file"):
        Ring.load(str(tmp_path / "none.ring.gz"), HASH_PATH)


def test_saving_where_it_cannot_be_keeps_the_old_file(tmp_path: Path) -> None:
    ring = Ring.load(str(GOLDEN / "small.v1.ring.gz"), HASH_PATH)
    target = tmp_path / "ring.gz"
    target.mkdir()  # A folder of that name cannot be replaced by a file.
    with pytest.raises(RingFileError, match="cannot be written"):
        ring.save(str(target))
    assert target.is_dir()
    assert sorted(os.listdir(tmp_path)) == ["ring.gz"]


@pytest.mark.parametrize(
    "hash_path", [HashPath(b"pre\xff\xc3", b"\xa4\xfesuf"), HashPath(b"", b""), HASH_PATH]
)
@pytest.mark.parametrize("name", ["o", "ü/ö", "stray \udcff byte"])
def test_both_ways_to_a_partition_agree_whatever_the_bytes(hash_path: HashPath, name: str) -> None:
    builder = RingBuilder.create(8, 1, 0)
    builder.add_device(zone=1, ip="10.0.0.1", port=6200, device="d", weight=1)
    builder.rebalance(0.0)
    ring = builder.ring(hash_path)
    assert ring.nodes("a", "c", name)[0] == ring.partition("a", "c", name)


@pytest.mark.parametrize("typecode", ["H", "I"])
def test_ids_are_compared_with_a_limit_many_at_a_time(typecode: str) -> None:
    size = array(typecode).itemsize
    for limit in (1, 255, 256, 1000, (1 << (8 * size - 1)) - 1, (1 << (8 * size)) - 1):
        for largest in {0, limit - 1, limit, limit + 1, (1 << (8 * size)) - 1}:
            if largest >= 1 << (8 * size):
                continue
            row = array(typecode, [0] * 70_000)
            for at in (0, 1, 65_535, 65_536, 69_999):
                row[at] = largest
                assert all_below(row, limit) == (largest < limit)
                row[at] = 0
