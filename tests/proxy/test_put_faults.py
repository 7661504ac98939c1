"""Writes through the proxy when nodes or clients fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swiftlite.host.net import Bytes
from swiftlite.peers.exchange import Exchange
from swiftlite.vocab.errors import ClientGone, ClientTooSlow
from swiftlite.vocab.limits import Limits
from tests.proxy.clusters import Cluster, found_silent
from tests.proxy.fake_nodes import (
    answering,
    answering_late,
    closing_after,
    closing_once,
    hanging,
    pausing,
    stalling_after,
)
from tests.web.environs import Answer

BIG = bytes(range(256)) * 2000
BODIES = [b"small", BIG]
Make = Callable[..., Cluster]


@pytest.mark.parametrize("body", BODIES)
def test_a_dead_node_is_replaced_by_a_handoff(cluster: Cluster, body: bytes) -> None:
    cluster.nodes[1].stop()
    cluster.put("/v1/a/c/o", body)
    assert cluster.holders("a/c/o") == [0, 2, 3]
    assert cluster.nodes[3].saw("PUT")[0].headers["X-Container-Device"] == "sd1"
    for _ in range(10):
        assert cluster.ask("GET", "/v1/a/c/o").body == body


@pytest.mark.parametrize("body", BODIES)
def test_two_dead_nodes_are_replaced_by_handoffs(cluster: Cluster, body: bytes) -> None:
    cluster.nodes[0].stop()
    cluster.nodes[2].stop()
    cluster.put("/v1/a/c/o", body)
    assert cluster.holders("a/c/o") == [1, 3, 4]
    assert cluster.ask("GET", "/v1/a/c/o").body == body


@pytest.mark.parametrize("body", BODIES)
def test_without_a_quorum_of_nodes_nothing_is_acknowledged(make_cluster: Make, body: bytes) -> None:
    cluster = make_cluster(devices=3)
    cluster.make_container()
    cluster.nodes[0].fault = answering(503, "PUT")
    cluster.nodes[1].fault = answering(507, "PUT")
    answer = cluster.ask("PUT", "/v1/a/c/o", body, Content_Type="a/b")
    assert answer.status == 503


@pytest.mark.parametrize("body", BODIES)
def test_a_full_node_is_replaced_and_left_alone_at_once(cluster: Cluster, body: bytes) -> None:
    cluster.nodes[1].fault = answering(507, "PUT")
    cluster.put("/v1/a/c/o", body)
    assert cluster.holders("a/c/o") == [0, 2, 3]
    assert cluster.limited() == [1]
    cluster.nodes[1].fault = None
    cluster.put("/v1/a/c/p", body)
    assert cluster.holders("a/c/p") == [0, 2, 3]


@pytest.mark.parametrize("body", BODIES)
def test_a_hanging_node_does_not_hold_up_a_put_for_long(impatient: Cluster, body: bytes) -> None:
    cluster = impatient
    cluster.nodes[1].fault = hanging("PUT")
    cluster.put("/v1/a/c/o", body)
    assert {0, 2} <= set(cluster.holders("a/c/o"))


def test_a_node_given_up_again_and_again_is_left_alone(make_cluster: Make) -> None:
    cluster = make_cluster(error_suppression_limit=3, post_quorum_timeout=0.01)
    cluster.make_container()
    cluster.nodes[1].fault = hanging("PUT")
    for number in range(4):
        cluster.put(f"/v1/a/c/{number}", b"x")
    assert cluster.limited() == [1]


def test_a_node_that_breaks_off_in_mid_upload_is_done_without(cluster: Cluster) -> None:
    cluster.nodes[1].fault = closing_after(100_000)
    cluster.put("/v1/a/c/o", BIG * 20)
    assert cluster.holders("a/c/o") == [0, 2]
    assert cluster.ask("GET", "/v1/a/c/o").body == BIG * 20


def test_a_node_that_takes_no_more_does_not_use_up_the_time_of_the_others(
    make_cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = make_cluster(node_timeout=1.0, post_quorum_timeout=0.4)
    cluster.make_container()
    clock, left = cluster.host.clock, []
    send = Exchange.send

    def note(exchange: Exchange, block: Bytes, deadline: float | None) -> None:
        assert deadline is not None
        left.append(deadline - clock.monotonic())
        send(exchange, block, deadline)

    monkeypatch.setattr(Exchange, "send", note)
    cluster.nodes[0].fault = stalling_after(100_000)
    for node in cluster.nodes[1:3]:
        node.fault = answering_late(0.1, "PUT")  # so that the other one has its turn first
    cluster.put("/v1/a/c/o", BIG * 40)
    assert cluster.holders("a/c/o") == [1, 2]
    assert min(left) > 0.0


def test_an_upload_does_not_wait_for_a_node_that_others_have_found_silent(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(node_timeout=600.0, post_quorum_timeout=0.4)
    cluster.make_container()
    cluster.nodes[0].fault = stalling_after(100_000)
    found = cluster.host.tasks.spawn(found_silent, cluster)
    cluster.put("/v1/a/c/o", BIG * 40)
    found.wait()
    assert cluster.holders("a/c/o") == [1, 2]


def test_a_busy_node_is_waited_for_in_mid_upload(make_cluster: Make) -> None:
    cluster = make_cluster(post_quorum_timeout=0.4)
    cluster.make_container()
    cluster.nodes[0].fault = pausing(1.5)
    cluster.put("/v1/a/c/o", BIG * 40, Transfer_Encoding="chunked")
    assert cluster.holders("a/c/o") == [0, 1, 2]


def test_a_deletion_is_decided_by_nodes_with_and_without_the_object(make_cluster: Make) -> None:
    cluster = make_cluster(node_timeout=600.0, post_quorum_timeout=0.1)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"x")
    del cluster.nodes[1].items["a/c/o"]
    cluster.nodes[2].fault = hanging("DELETE")
    assert cluster.ask("DELETE", "/v1/a/c/o").status == 204


def test_a_change_does_not_wait_for_a_node_that_others_have_found_silent(
    make_cluster: Make,
) -> None:
    """Two nodes that do not agree, and one that cannot say."""
    cluster = make_cluster(node_timeout=600.0, post_quorum_timeout=0.1, devices=3)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"x")
    del cluster.nodes[1].items["a/c/o"]
    cluster.nodes[2].fault = hanging("POST")
    found = cluster.host.tasks.spawn(found_silent, cluster, 2)
    assert cluster.ask("POST", "/v1/a/c/o").status == 503
    found.wait()


def test_too_many_that_break_off_fail_the_upload(cluster: Cluster) -> None:
    for node in cluster.primaries[:2]:
        node.fault = closing_after(100_000)
    answer = cluster.ask("PUT", "/v1/a/c/o", BIG * 20, Content_Type="a/b")
    assert answer.status == 503


def test_etags_that_differ_are_an_error(cluster: Cluster) -> None:
    cluster.nodes[1].fault = answering(201, "PUT", ETag="somethingelse")
    answer = cluster.ask("PUT", "/v1/a/c/o", b"x", Content_Type="a/b")
    assert answer.status == 500


class Reader:
    """wsgi.input that gives some blocks and then fails, or ends too early."""

    def __init__(self, blocks: list[bytes], error: Exception | None) -> None:
        self.blocks, self.error = blocks, error

    def read(self, size: int = -1) -> bytes:
        if self.blocks:
            return self.blocks.pop(0)
        if self.error is not None:
            raise self.error
        return b""

    def readinto(self, view: memoryview) -> int:
        block = self.read()
        view[: len(block)] = block
        return len(block)


@pytest.mark.parametrize(
    ("error", "status"), [(ClientGone("gone"), 499), (ClientTooSlow("slow"), 408), (None, 499)]
)
@pytest.mark.parametrize("length", [1000, 300_000])
def test_a_client_that_fails_leaves_nothing_behind(
    cluster: Cluster, error: Exception | None, status: int, length: int
) -> None:
    reader = Reader([b"x" * 500], error)
    environ = cluster.environ("PUT", "/v1/a/c/o", reader, Content_Type="a/b")
    environ["CONTENT_LENGTH"] = str(length)
    answer = Answer(cluster.app, environ).status
    assert answer == status
    cluster.settle()
    assert cluster.holders("a/c/o") == []
    assert cluster.limited() == []


def test_a_chunked_body_that_is_too_long_is_refused(make_cluster: Make) -> None:
    cluster = make_cluster(limits=Limits(max_file_size=200_000))
    cluster.make_container()
    answer = cluster.ask("PUT", "/v1/a/c/o", BIG, Transfer_Encoding="chunked", Content_Type="a/b")
    assert answer.status == 413
    assert cluster.ask("PUT", "/v1/a/c/o", BIG, Content_Type="a/b").status == 413
    cluster.settle()
    assert cluster.holders("a/c/o") == []


@pytest.mark.parametrize("carry_out", [False, True])
@pytest.mark.parametrize("body", BODIES)
def test_dead_kept_connections_to_all_nodes_do_not_fail_a_put(
    make_cluster: Make, body: bytes, carry_out: bool
) -> None:
    """All nodes lost power and came back; nobody told the proxy that its connections are gone."""
    cluster = make_cluster(devices=3)
    cluster.make_container()
    cluster.put("/v1/a/c/first", b"leaves connections to all three")
    for node in cluster.nodes:
        node.fault = closing_once("PUT", carry_out=carry_out and body != BIG)
    answer = cluster.ask("PUT", "/v1/a/c/o", body, Content_Type="a/b")
    assert answer.status == 201
    assert cluster.holders("a/c/o") == [0, 1, 2]
    assert cluster.limited() == []
    assert cluster.ask("GET", "/v1/a/c/o").body == body


def test_one_dead_kept_connection_costs_no_handoff(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/first", b"leaves connections")
    cluster.nodes[1].fault = closing_once("PUT", carry_out=True)
    cluster.put("/v1/a/c/o", b"small")
    assert cluster.holders("a/c/o") == [0, 1, 2]


@pytest.mark.parametrize("carry_out", [False, True])
def test_dead_kept_connections_do_not_fail_a_post_or_delete(
    make_cluster: Make, carry_out: bool
) -> None:
    cluster = make_cluster(devices=3)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"x")
    for verb, good in (("POST", 202), ("DELETE", 204)):
        for node in cluster.nodes:
            node.fault = closing_once(verb, carry_out=carry_out)
        assert cluster.ask(verb, "/v1/a/c/o").status == good
    assert cluster.holders("a/c/o") == []


def test_a_conflict_with_another_change_is_no_success(make_cluster: Make) -> None:
    """Sent twice or not: an object with a moment that is not ours is somebody else's."""
    cluster = make_cluster(devices=3)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"theirs")
    for node in cluster.nodes:
        node.items["a/c/o"].timestamp = "9999999999.00000"
        node.fault = closing_once("PUT", carry_out=False)
    answer = cluster.ask("PUT", "/v1/a/c/o", b"ours", Content_Type="a/b")
    assert answer.status == 202  # stored nowhere, something newer is there
    assert cluster.ask("GET", "/v1/a/c/o").body == b"theirs"
