"""Disks that lose what they held are full again, with the same files, while clients go on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE as BLOCKS
from swiftlite.formats.metadata import ATTRIBUTE as METADATA
from swiftlite.formats.metadata import decode_metadata, gather_blob
from tests.functional.cluster import Embedded, wait_for

pytestmark = pytest.mark.slow

Files = dict[str, tuple[bytes, dict[str, str], bytes]]
"""By path below the policy's directory: content, metadata, block checksums."""


def held(cluster: Embedded, node: int) -> Files:
    root = cluster.layout.device(node) / "objects"
    found: Files = {}
    for ending in ("data", "meta", "ts"):
        for path in root.glob(f"*/*/*/*.{ending}"):
            found[str(path.relative_to(root))] = _content(path)
    return found


def _content(path: Path) -> tuple[bytes, dict[str, str], bytes]:
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    assert METADATA in attributes
    blob = gather_blob(attributes.get)
    assert blob is not None
    return path.read_bytes(), decode_metadata(blob), attributes.get(BLOCKS, b"")


def test_a_disk_that_was_replaced_is_full_again_with_the_same_files(embedded: Embedded) -> None:
    client = embedded.client()
    client.put("/r")
    bodies = {f"o{number}": os.urandom(1 + number * 1999) for number in range(40)}
    for name, body in bodies.items():
        assert client.put(f"/r/{name}", body, X_Object_Meta_Name=name).status == 201
    for number in range(0, 40, 7):
        client.post(f"/r/o{number}", X_Object_Meta_Posted="yes")
    for number in range(3, 40, 9):
        assert client.delete(f"/r/o{number}").status == 204
        del bodies[f"o{number}"]
    wait_for(lambda: _are_settled(embedded), "all replicas are there")
    before = held(embedded, 2)
    assert before
    device = embedded.layout.device(2)
    (device / "objects").rename(device / "worn out")
    shutil.rmtree(device / "worn out")
    for name, body in bodies.items():
        assert client.get(f"/r/{name}").body == body
    wait_for(lambda: held(embedded, 2) == before, "the disk is full again")
    client.close()


def _are_settled(cluster: Embedded) -> bool:
    """Every file is on three devices."""
    copies: dict[str, list[tuple[bytes, dict[str, str], bytes]]] = {}
    try:
        for node in range(1, 5):
            for path, content in held(cluster, node).items():
                copies.setdefault(path, []).append(content)
    except FileNotFoundError:  # replaced while we looked
        return False
    return all(len(found) == 3 and found[0] == found[1] == found[2] for found in copies.values())
