"""A device that is really full: a small file system of its own under one object server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.cli.embedded.layout import ServerName
from tests.functional.cluster import Separate

pytestmark = [pytest.mark.slow, pytest.mark.root]

SIZE_MIB = 24
BLOCK = bytes(range(256)) * 4096  # 1 MiB


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def small_device(tmp_path: Path) -> Iterator[Separate]:
    """A cluster whose second node has a device of a few MiB, without a reserve."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4")
    cluster = Separate(tmp_path / "cluster")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(SIZE_MIB << 20)
    device = cluster.layout.device(2)
    run("mkfs.ext4", "-q", "-I", "512", str(image))
    try:
        run("mount", "-o", "loop", str(image), str(device))
    except subprocess.CalledProcessError as error:
        cluster.close()
        pytest.skip(f"cannot mount a loop device: {error.stderr.decode().strip()}")
    try:
        conf = cluster.layout.conf(ServerName("object", 2))
        text = conf.read_text().replace("[DEFAULT]\n", "[DEFAULT]\nfallocate_reserve = 0\n")
        conf.write_text(text)
        yield cluster.start()
    finally:
        cluster.close()
        run("umount", str(device))


def container_elsewhere(cluster: Separate) -> str:
    """A container of which the second node keeps no replica.

    One on a full device cannot take rows, so that its listing is older than that of the others.
    """
    ring = cluster.ring("container")
    full = cluster.layout.device_name(2)
    for number in range(1000):
        _, primaries = ring.nodes("AUTH_test", f"c{number}")
        if full not in {device.device for device in primaries}:
            return f"c{number}"
    raise AssertionError("every container has a replica there")


def test_a_full_device_takes_what_fits_and_others_take_the_rest(small_device: Separate) -> None:
    cluster = small_device
    client = cluster.client()
    container = f"/{container_elsewhere(cluster)}"
    assert client.put(container).status == 201
    names = [f"{number:02}" for number in range(2 * SIZE_MIB)]
    for name in names:
        assert client.put(f"{container}/{name}", BLOCK).status == 201, name
    free = os.statvfs(cluster.layout.device(2))
    assert free.f_bavail * free.f_frsize < 2 << 20, "the device is full"
    for name in names:
        assert client.get(f"{container}/{name}").body == BLOCK
    assert client.get(container).lines == names
    for path in cluster.files(2, "objects/*/*/*/*.data"):
        assert path.stat().st_size == len(BLOCK), "no half object is there"
    assert cluster.files(2, "tmp*/**/*") == []
    for node in (1, 3, 4):
        assert cluster.files(node, "objects/*/*/*/*.data")


def test_objects_on_a_full_device_can_be_deleted(small_device: Separate) -> None:
    cluster = small_device
    client = cluster.client()
    client.put("/c")
    names = [f"{number:02}" for number in range(2 * SIZE_MIB)]
    for name in names:
        client.put(f"/c/{name}", BLOCK)
    for name in names:
        assert client.delete(f"/c/{name}").status == 204
        assert client.get(f"/c/{name}").status == 404
    assert client.put("/c/new", BLOCK).status == 201
    assert client.get("/c/new").body == BLOCK
