"""A bit flips on a disk, and no client ever reads it: the others have the right bytes.

Real processes and files; each object loses one bit in one copy or in two of three. However it is
read, the answer is right and whole, the bad copies are in quarantine after that, and the good ones
are where they were.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE as BLOCKS
from swiftlite.formats.metadata import ATTRIBUTE as METADATA
from tests.functional.cluster import Client, Separate, wait_for

pytestmark = pytest.mark.slow

ACCOUNT = "AUTH_test"
SIZES = {
    "one byte": 1,
    "small": 1_000,
    "one block exactly": 65_536,
    "several blocks": 300_000,
    "several runs": 3 << 20,
}
PLACES = {"first": 0.0, "middle": 0.5, "last": 1.0}
ROUNDS = 200
"""Reads that may pass before chance has led one to each copy: (2/3)^200 is never."""


@dataclass(frozen=True)
class Stored:
    """An object, and its file on each node that holds it."""

    path: str
    body: bytes
    files: dict[int, Path]


Read = Callable[[Client, Stored, int], None]
"""Reads an object once and checks what came; the flipped byte's place is given."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Separate]:
    """Servers alone: no background pass may find or mend the damage before a reader does."""
    made = Separate(tmp_path_factory.mktemp("rot"))
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def client(cluster: Separate) -> Iterator[Client]:
    made = cluster.client()
    assert made.put("/rot").status in (201, 202)
    yield made
    made.close()


def stored(cluster: Separate, client: Client, name: str, body: bytes) -> Stored:
    assert client.put(f"/rot/{name}", body).status == 201
    partition, devices = cluster.ring("object").nodes(ACCOUNT, "rot", name)
    name_hash = cluster.ring("object").hash_path.hex(ACCOUNT, "rot", name)
    below = f"objects/{partition}/{name_hash[-3:]}/{name_hash}/*.data"
    nodes = [device.zone for device in devices]
    wait_for(lambda: all(cluster.files(node, below) for node in nodes), "three copies are there")
    return Stored(f"/rot/{name}", body, {node: cluster.files(node, below)[0] for node in nodes})


def flip_body(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << place % 8]))


def flip_attribute(path: Path, attribute: str, place: float) -> None:
    value = bytearray(os.getxattr(path, attribute))
    value[round((len(value) - 1) * place)] ^= 4
    os.setxattr(path, attribute, bytes(value))


def whole(client: Client, obj: Stored, place: int) -> None:
    answer = client.get(obj.path)
    assert answer.status == 200
    assert answer.body == obj.body


def one_range(client: Client, obj: Stored, place: int) -> None:
    """From some bytes before the flipped one to some behind it."""
    start, stop = max(0, place - 1000), min(len(obj.body), place + 70_000)
    answer = client.get(obj.path, Range=f"bytes={start}-{stop - 1}")
    assert answer.status == 206
    assert answer.body == obj.body[start:stop]


def many_ranges(client: Client, obj: Stored, place: int) -> None:
    spans = [(0, 0), (place, min(place + 9, len(obj.body) - 1)), (len(obj.body) - 1,) * 2]
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in spans)
    answer = client.get(obj.path, Range=header)
    assert answer.status == 206
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    parts = answer.body.split(b"--" + boundary)[1:-1]
    assert len(parts) == len(spans)
    for part, (first, last) in zip(parts, spans, strict=True):
        head, _, content = part.partition(b"\r\n\r\n")
        found = re.search(rb"content-range: bytes (\d+)-(\d+)/(\d+)", head, re.IGNORECASE)
        assert found is not None
        assert tuple(map(int, found.groups())) == (first, last, len(obj.body))
        assert content == obj.body[first : last + 1] + b"\r\n"


READS: dict[str, Read] = {"whole": whole, "one range": one_range, "many ranges": many_ranges}


def read_until_set_aside(
    cluster: Separate, client: Client, read: Read, obj: Stored, place: int, bad: list[int]
) -> None:
    """A client that notices anything fails the test: a wrong byte, a refusal, a broken answer."""
    for _ in range(ROUNDS):
        read(client, obj, place)
        if not any(obj.files[node].exists() for node in bad):
            break
    for node, path in obj.files.items():
        aside = cluster.layout.device(node) / "quarantined/objects" / path.parent.name / path.name
        assert path.exists() == (node not in bad)
        assert aside.exists() == (node in bad)
    read(client, obj, place)


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("size", SIZES)
def test_a_flipped_bit_of_a_body_is_never_served(
    cluster: Separate, client: Client, size: str, read: str, copies: int
) -> None:
    for where, share in PLACES.items():
        body = random.Random(size).randbytes(SIZES[size])
        obj = stored(cluster, client, f"body {size} {read} {copies} {where}", body)
        place = round((len(body) - 1) * share)
        bad = random.Random(obj.path).sample(list(obj.files), copies)
        for node in bad:
            flip_body(obj.files[node], place)
        read_until_set_aside(cluster, client, READS[read], obj, place, bad)


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("read", READS)
def test_a_flipped_bit_of_the_metadata_is_never_served(
    cluster: Separate, client: Client, read: str, copies: int
) -> None:
    for size, share in product((1_000, 300_000), PLACES.values()):
        body = random.Random(size).randbytes(size)
        obj = stored(cluster, client, f"metadata {size} {read} {copies} {share}", body)
        bad = random.Random(obj.path).sample(list(obj.files), copies)
        for node in bad:
            flip_attribute(obj.files[node], METADATA, share)
        read_until_set_aside(cluster, client, READS[read], obj, size // 2, bad)


def test_a_body_cut_short_is_never_served(cluster: Separate, client: Client) -> None:
    for size, left in ((1_000, 0), (1_000, 999), (3 << 20, 1 << 20)):
        obj = stored(cluster, client, f"short {size} {left}", bytes(range(250)) * (size // 250))
        bad = random.Random(obj.path).sample(list(obj.files), 2)
        for node in bad:
            os.truncate(obj.files[node], left)
        read_until_set_aside(cluster, client, whole, obj, 0, bad)


def test_damaged_checksums_beside_a_sound_body_cost_no_copy(
    cluster: Separate, client: Client
) -> None:
    for size in (1_000, 3 << 20):
        obj = stored(cluster, client, f"checksums {size}", random.Random(1).randbytes(size))
        for path in obj.files.values():
            flip_attribute(path, BLOCKS, 0.5)
        for read in READS.values():
            for _ in range(10):
                read(client, obj, size // 2)
        assert all(path.exists() for path in obj.files.values())


@pytest.mark.parametrize("size", SIZES)
def test_rot_in_every_copy_is_a_refusal_or_a_broken_answer_never_wrong_bytes(
    cluster: Separate, client: Client, size: str
) -> None:
    body = random.Random(size).randbytes(SIZES[size])
    obj = stored(cluster, client, f"all {size}", body)
    for path in obj.files.values():
        flip_body(path, len(body) - 1)
    connection = client.open("GET", obj.path)
    try:
        answer = connection.getresponse()
        got = b""
        if answer.status == 200:
            while piece := answer.read1(65_536):
                got += piece
            assert len(got) < len(body), "all of it would be a promise kept with wrong bytes"
            assert got == body[: len(got)]
    except OSError:
        pass  # broken off, as it must be where a part has been sent already
    finally:
        connection.close()
    assert client.get(obj.path).status == 404
