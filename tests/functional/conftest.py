"""Clusters of real processes; a failing test shows the ends of their logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cluster import Client, Cluster, Embedded, Separate


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """One cluster, shared by the tests of a module; each test takes containers of its own."""
    cluster = Embedded(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        if cluster.process is not None and cluster.process.poll() is None:
            cluster.kill()


@pytest.fixture
def client(embedded: Embedded) -> Iterator[Client]:
    made = embedded.client()
    yield made
    made.close()


@pytest.fixture
def separate(tmp_path: Path) -> Iterator[Separate]:
    """A cluster of this test alone, whose servers it may stop and start one by one."""
    cluster = Separate(tmp_path)
    try:
        yield cluster.start()
    finally:
        cluster.kill()


@pytest.fixture(autouse=True)
def _logs_of_failures(request: pytest.FixtureRequest) -> Iterator[None]:
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed > failed_before:
        for name in ("embedded", "separate"):
            if name in request.fixturenames:
                cluster = request.getfixturevalue(name)
                assert isinstance(cluster, Cluster)
                print(cluster.logs())
