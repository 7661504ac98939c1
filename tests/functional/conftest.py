"""Clusters of real processes; a failing test shows the ends of their logs."""

from __future__ import annotations

from collections.abc import Generator, Iterator
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
        cluster.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Cluster):
                report.sections.append(("logs of the cluster", value.logs()))
    return report
