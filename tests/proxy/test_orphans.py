"""Rows of listings whose messenger died."""

from __future__ import annotations

import hashlib

from swiftlite.proxy.obj.orphans import ContainerTarget, put_row, targets_of
from swiftlite.proxy.plan import Plan
from swiftlite.web import Request, Response
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import FakeNode, closing, closing_after

BIG = bytes(range(256)) * 2000


def test_the_proxy_tells_what_a_node_that_died_would_have_told(cluster: Cluster) -> None:
    # Here every node is object and container server at once, and node 1 was to tell itself.
    dies = closing_after(100_000)
    rows: list[Request] = []

    def fault(node: FakeNode, request: Request) -> Response | None:
        if request.get_header("X-Size") is not None:
            rows.append(request)
            return Response(201)
        return dies(node, request)

    cluster.nodes[1].fault = fault
    cluster.put("/v1/a/c/o", BIG)
    (row,) = rows
    assert row.path_text.endswith("/a/c/o")
    assert row.get_header("X-Size") == str(len(BIG))
    assert row.get_header("X-Etag") == hashlib.md5(BIG).hexdigest()
    assert row.get_header("X-Content-Type")
    assert row.get_header("X-Timestamp") == cluster.nodes[0].saw("PUT")[0].headers["X-Timestamp"]
    for node in (cluster.nodes[0], cluster.nodes[2]):
        assert [seen for seen in node.saw("PUT") if "X-Size" in seen.headers] == []


def test_nothing_is_told_when_every_lane_found_a_node(cluster: Cluster) -> None:
    cluster.nodes[1].stop()
    cluster.put("/v1/a/c/o", b"small")
    assert cluster.holders("a/c/o") == [0, 2, 3]
    for node in cluster.nodes:
        assert [seen for seen in node.saw("PUT") if "X-Size" in seen.headers] == []


def test_a_container_server_that_is_down_too_is_left_to_replication(cluster: Cluster) -> None:
    cluster.nodes[1].fault = closing_after(100_000)
    cluster.put("/v1/a/c/o", BIG)
    assert any("missing in one replica of its listing" in line for line in cluster.lines.lines)


def test_deletes_are_told_as_well(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"x")
    dies = closing("DELETE")
    told: list[str] = []

    def fault(node: FakeNode, request: Request) -> Response | None:
        if request.verb == "DELETE" and request.get_header("X-Container-Host") is None:
            told.append(request.path_text)
            return Response(204)
        return dies(node, request)

    for node in cluster.nodes[1:2]:
        node.fault = fault
    for node in cluster.handoffs:
        node.stop()
    assert cluster.ask("DELETE", "/v1/a/c/o").status == 204
    assert len(told) == 1


def test_targets_are_read_back_from_a_lane() -> None:
    block = (
        b"X-Container-Partition: 7\r\nX-Container-Host: 10.0.0.1:6201,::1:6211\r\n"
        b"X-Container-Device: sda,sdb 1\r\nX-Other: 1\r\n"
    )
    assert list(targets_of(block)) == [
        ContainerTarget("10.0.0.1", 6201, "sda", "7"),
        ContainerTarget("::1", 6211, "sdb 1", "7"),
    ]
    assert list(targets_of(b"")) == []
    assert list(targets_of(block + b"X-Backend-Quoted-Container-Path: .s/c-1\r\n")) == []


def test_a_row_lists_what_middleware_wants_listed() -> None:
    plan = Plan(
        "PUT",
        "/a/c/o",
        7,
        iter(()),
        [
            ("Content-Type", "text/plain"),
            ("X-Backend-Container-Update-Override-Etag", "old form"),
            ("X-Object-Sysmeta-Container-Update-Override-Etag", "new form"),
            ("X-Backend-Container-Update-Override-Size", "99"),
        ],
        (),
        2,
    )
    assert dict(put_row(plan, 5, [])) == {
        "X-Size": "99",
        "X-Etag": "new form",
        "X-Content-Type": "text/plain",
    }
