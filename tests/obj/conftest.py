from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from tests.obj.servers import Containers, Server


@pytest.fixture(scope="session")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def server(host: Host, tmp_path: Path) -> Server:
    return Server(host, tmp_path)


@pytest.fixture
def containers(host: Host) -> Iterator[Containers]:
    made = Containers(host)
    yield made
    made.stop()
