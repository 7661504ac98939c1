from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from swiftlite.host import green
from swiftlite.host.bundle import Host
from tests.proxy.clusters import IMPATIENT, Cluster


@pytest.fixture(scope="session")
def host() -> Host:
    return green.make_host()


@pytest.fixture
def make_cluster(host: Host) -> Iterator[Callable[..., Cluster]]:
    made: list[Cluster] = []

    def make(**settings: Any) -> Cluster:  # noqa: ANN401  # as Cluster takes them
        made.append(Cluster(host, **settings))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    """Three replicas, with account a and container c."""
    found = make_cluster()
    found.make_container()
    return found


@pytest.fixture
def impatient(make_cluster: Callable[..., Cluster]) -> Cluster:
    """The same with short timeouts, for nodes that hang."""
    found = make_cluster(**IMPATIENT)
    found.make_container()
    return found
