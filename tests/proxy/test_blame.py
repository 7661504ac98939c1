"""Which failures count against a node, and which against nobody."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swiftlite.web import Request, Response
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import FakeNode, answering, closing
from tests.web.environs import Answer

Make = Callable[..., Cluster]


def test_a_request_that_no_node_can_bear_blames_none(make_cluster: Make) -> None:
    cluster = make_cluster(error_suppression_limit=2)
    cluster.make_container()
    for fault in (answering(500), closing(), answering(400)):
        for node in cluster.nodes:
            node.fault = fault
        for _ in range(5):
            for method in ("GET", "PUT", "POST", "DELETE"):
                answer = cluster.ask(method, "/v1/a/c/o", b"", Content_Type="a/b")
                assert answer.status in (400, 503)
    assert cluster.limited() == []
    for node in cluster.nodes:
        node.fault = None
    cluster.put("/v1/a/c/o", b"x")


def test_a_node_that_alone_fails_is_left_alone(make_cluster: Make) -> None:
    cluster = make_cluster(error_suppression_limit=2)
    cluster.make_container()
    cluster.nodes[1].fault = answering(500, "PUT")
    for number in range(4):
        cluster.put(f"/v1/a/c/{number}", b"x")
    assert cluster.limited() == [1]


def test_a_dead_node_is_left_alone_after_some_errors(make_cluster: Make) -> None:
    cluster = make_cluster(error_suppression_limit=2)
    cluster.make_container()
    cluster.nodes[1].stop()
    for number in range(4):
        cluster.put(f"/v1/a/c/{number}", b"x")
    assert cluster.limited() == [1]


@pytest.mark.parametrize("bad", ["x\r\nX-Evil: 1", "x\ny", "x\0y", "x\x07"])
def test_a_header_with_a_line_break_reaches_no_node(cluster: Cluster, bad: str) -> None:
    environ = cluster.environ("PUT", "/v1/a/c/o", b"x", Content_Type="a/b")
    environ["HTTP_X_OBJECT_META_BAD"] = bad
    assert Answer(cluster.app, environ).status == 400
    assert cluster.holders("a/c/o") == []
    assert cluster.limited() == []


def test_a_node_answering_nonsense_is_passed_over(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")

    def nonsense(node: FakeNode, request: Request) -> Response | None:
        if request.verb == "GET":
            request.environ["swiftlite.stream"].send_all(b"SMTP ready\r\n\r\n")
        return None

    cluster.nodes[0].fault = cluster.nodes[1].fault = nonsense
    for _ in range(3):
        assert cluster.ask("GET", "/v1/a/c/o").body == b"hello"
