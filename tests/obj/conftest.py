from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from tests.obj.servers import Containers, Server


@pytest.fixture(scope="session")
def host() -> Host:
    return green.make_host()


@pytest.fixture(autouse=True)
def _nothing_stays_open(tmp_path: Path) -> Iterator[None]:
    """Whatever a test has asked: no file below its folder is open afterwards."""
    yield
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(entry))
    assert [target for target in found if target.startswith(f"{tmp_path}/")] == []


@pytest.fixture
def server(host: Host, tmp_path: Path) -> Server:
    return Server(host, tmp_path)


@pytest.fixture
def containers(host: Host) -> Iterator[Containers]:
    made = Containers(host)
    yield made
    made.stop()
