"""Requests that take the replication network, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.proxy.clusters import Cluster, free_ports
from tests.proxy.fake_nodes import FakeNode

Make = Callable[..., Cluster]
HEADER = "X_Backend_Use_Replication_Network"


@pytest.fixture
def cluster(make_cluster: Make) -> Cluster:
    """Six devices; those who ask at a replication address find a node of its own there."""
    found = make_cluster()
    ports = free_ports(len(found.nodes))
    found.ring.devices = tuple(
        replace(device, replication_port=port)
        for device, port in zip(found.ring.devices, ports, strict=True)
    )
    for device in found.ring.devices:
        at = replace(device, port=device.replication_port)
        node = FakeNode(found.host, at, lambda: found.ring)
        node.start()
        found.nodes.append(node)
    found.make_container()
    for node in replication_side(found)[:3]:
        node.items = {name: replace(item) for name, item in found.nodes[0].items.items()}
    return found


def replication_side(cluster: Cluster) -> list[FakeNode]:
    return cluster.nodes[6:]


def asked(cluster: Cluster, method: str, kind: str = "object") -> list[int]:
    """Which nodes saw such a request; from 6 on: at replication addresses."""
    return [number for number, node in enumerate(cluster.nodes) if node.saw(method, kind)]


def test_a_daemons_requests_go_to_replication_addresses(cluster: Cluster) -> None:
    told = {HEADER: "true"}
    cluster.put("/v1/a/c/o", b"hello", **told)
    assert asked(cluster, "PUT") == [6, 7, 8]
    assert cluster.ask("GET", "/v1/a/c/o", **told).body == b"hello"
    assert cluster.ask("POST", "/v1/a/c/o", **told).status == 202
    assert cluster.ask("DELETE", "/v1/a/c/o", **told).status == 204
    for method in ("GET", "POST", "DELETE"):
        assert min(asked(cluster, method)) >= 6
    (put,) = cluster.nodes[6].saw("PUT")
    assert put.headers["X-Container-Host"] == f"127.0.0.1:{cluster.nodes[6].device.port}"
    assert put.headers["Host"] == f"127.0.0.1:{cluster.nodes[6].device.port}"


def test_those_for_accounts_and_containers_too(cluster: Cluster) -> None:
    told = {HEADER: "yes"}
    assert cluster.ask("GET", "/v1/a", **told).status == 200
    assert cluster.ask("GET", "/v1/a/c", **told).status == 200
    assert cluster.ask("POST", "/v1/a", **told).status == 204
    assert cluster.ask("PUT", "/v1/a/d", **told).status == 201
    assert min(asked(cluster, "GET", "account")) >= 6
    assert min(asked(cluster, "GET", "container")) >= 6
    assert asked(cluster, "POST", "account") == [6, 7, 8]
    assert asked(cluster, "PUT", "container") == [6, 7, 8]


def test_tasks_of_the_expirer_are_told_there_too(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello", X_Delete_At="9999999999", **{HEADER: "true"})
    told = {put.headers["X-Delete-At-Host"] for node in cluster.nodes for put in node.saw("PUT")}
    assert told == {f"127.0.0.1:{node.device.port}" for node in replication_side(cluster)[:3]}


def test_the_network_is_chosen_request_by_request(cluster: Cluster) -> None:
    for told, node in (({HEADER: "true"}, 6), ({}, 0), ({HEADER: "true"}, 6)):
        cluster.put("/v1/a/c/o", b"hello", **told)
        put = cluster.nodes[node].saw("PUT")[-1]
        assert put.headers["X-Container-Host"] == f"127.0.0.1:{cluster.nodes[node].device.port}"


def test_handoffs_as_well(cluster: Cluster) -> None:
    for node in replication_side(cluster)[:2]:
        node.stop()
    cluster.put("/v1/a/c/o", b"hello", **{HEADER: "true"})
    assert asked(cluster, "PUT") == [8, 9, 10]


@pytest.mark.parametrize("told", [{}, {HEADER: "false"}, {HEADER: "0"}])
def test_others_do_not(cluster: Cluster, told: dict[str, str]) -> None:
    cluster.put("/v1/a/c/o", b"hello", **told)
    assert asked(cluster, "PUT") == [0, 1, 2]
    (put,) = cluster.nodes[0].saw("PUT")
    assert put.headers["X-Container-Host"] == f"127.0.0.1:{cluster.nodes[0].device.port}"
    cluster.ask("GET", "/v1/a/c/o", **told)
    assert max(asked(cluster, "GET")) < 6


def test_a_network_that_is_down_leaves_the_other_alone(make_cluster: Make) -> None:
    cluster = make_cluster(error_suppression_limit=0)
    cluster.ring.devices = tuple(
        replace(device, replication_port=1) for device in cluster.ring.devices
    )
    cluster.make_container()
    assert cluster.ask("PUT", "/v1/a/c/o", b"x", Content_Type="a/b", **{HEADER: "1"}).status == 503
    assert cluster.limited() == []
    cluster.put("/v1/a/c/o", b"x")
    assert cluster.holders("a/c/o") == [0, 1, 2]
