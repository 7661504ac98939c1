from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from tests.dbstore.stores import Store
from tests.dbsync.nodes import Make, Nodes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def green_host() -> Host:
    return green.make_host()


@pytest.fixture
def make(tmp_path: Path, green_host: Host) -> Iterator[Make]:
    made: list[Nodes] = []

    def one(**options: Any) -> Nodes:  # noqa: ANN401  # of Nodes
        made.append(Nodes(tmp_path / f"cluster{len(made)}", green_host, **options))
        return made[-1]

    yield one
    for nodes in made:
        nodes.close()
