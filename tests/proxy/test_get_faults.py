"""Reads through the proxy when nodes are dead, hang, break off or are out of date."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.proxy.clusters import Cluster, found_silent
from tests.proxy.fake_nodes import (
    Item,
    answering,
    answering_late,
    breaking,
    closing,
    hanging,
)

BIG = bytes(range(256)) * 2000
Make = Callable[..., Cluster]


def test_a_read_goes_on_to_the_next_node(impatient: Cluster) -> None:
    cluster = impatient
    cluster.put("/v1/a/c/o", b"hello")
    for fault in (answering(503, "GET"), closing("GET"), hanging("GET"), answering(507, "GET")):
        cluster.nodes[0].fault = fault
        cluster.nodes[1].fault = fault
        assert cluster.ask("GET", "/v1/a/c/o").body == b"hello"


def test_a_copy_on_a_handoff_is_found(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    item = cluster.nodes[0].items["a/c/o"]
    for node in cluster.primaries:
        del node.items["a/c/o"]
    cluster.nodes[5].items["a/c/o"] = item
    assert cluster.ask("GET", "/v1/a/c/o").body == b"hello"


def test_what_no_primary_can_say_is_not_a_404(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    for node in cluster.primaries:
        node.fault = answering(503, "GET")
    assert cluster.ask("GET", "/v1/a/c/o").status == 503
    cluster.nodes[0].fault = answering(404, "GET")
    cluster.nodes[1].fault = answering(404, "GET")
    assert cluster.ask("GET", "/v1/a/c/o").status == 404
    for node in cluster.primaries:
        node.stop()
    assert cluster.ask("GET", "/v1/a/c/o").status == 503


def test_a_stale_copy_is_not_served_when_its_deletion_was_seen_first(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    assert cluster.ask("DELETE", "/v1/a/c/o").status == 204
    old = Item("1600000000.00000", {"ETag": "x", "Content-Type": "a/b"}, b"old")
    cluster.nodes[5].items["a/c/o"] = old
    for _ in range(5):
        assert cluster.ask("GET", "/v1/a/c/o").status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_x_newest_finds_the_newest(cluster: Cluster, method: str) -> None:
    cluster.put("/v1/a/c/o", b"old")
    old = cluster.nodes[0].items["a/c/o"]
    cluster.put("/v1/a/c/o", b"newer")
    cluster.nodes[0].items["a/c/o"] = cluster.nodes[1].items["a/c/o"] = old
    for _ in range(5):
        answer = cluster.ask(method, "/v1/a/c/o", X_Newest="true")
        assert answer.headers["content-length"] == "5"
        assert answer.body == (b"newer" if method == "GET" else b"")


def test_x_newest_with_a_newer_deletion_on_one_node_is_404(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    cluster.nodes[1].items["a/c/o"] = Item("9000000000.00000", deleted=True)
    for _ in range(5):
        answer = cluster.ask("GET", "/v1/a/c/o", X_Newest="true")
        assert answer.status == 404
        assert answer.body != b"hello"
        assert "etag" not in answer.headers


def test_x_newest_does_with_the_nodes_there_are(impatient: Cluster) -> None:
    cluster = impatient
    cluster.put("/v1/a/c/o", b"hello")
    cluster.nodes[0].stop()
    cluster.nodes[1].fault = hanging("GET")
    assert cluster.ask("GET", "/v1/a/c/o", X_Newest="true").body == b"hello"


@pytest.mark.parametrize("newest", ["true", "false"])
def test_what_most_primaries_lack_is_not_looked_for_on_a_node_found_silent(
    make_cluster: Make, newest: str
) -> None:
    cluster = make_cluster(node_timeout=600.0, post_quorum_timeout=0.1)
    cluster.make_container()
    cluster.nodes[1].fault = hanging("GET")
    cluster.context.limiter.limit_now(cluster.nodes[1].device)
    for _ in range(3):
        assert cluster.ask("GET", "/v1/a/c/o", X_Newest=newest).status == 404


@pytest.mark.parametrize("newest", ["true", "false"])
def test_a_read_stops_waiting_once_others_find_a_node_silent(
    make_cluster: Make, newest: str
) -> None:
    cluster = make_cluster(node_timeout=600.0, post_quorum_timeout=0.1, devices=3)
    cluster.make_container()
    cluster.nodes[1].fault = hanging("GET")
    found = cluster.host.tasks.spawn(found_silent, cluster, 1)
    assert cluster.ask("GET", "/v1/a/c/o", X_Newest=newest).status == 404
    found.wait()


def test_readers_who_all_wait_for_one_node_find_out_together(make_cluster: Make) -> None:
    cluster = make_cluster(node_timeout=600.0, post_quorum_timeout=0.1, error_suppression_limit=3)
    cluster.make_container()
    cluster.nodes[1].fault = hanging("GET")
    tasks = [cluster.host.tasks.spawn(cluster.ask, "GET", f"/v1/a/c/{n}") for n in range(4)]
    assert [task.wait().status for task in tasks] == [404] * 4
    assert cluster.limited() == [1]


def test_where_all_nodes_are_slow_they_are_waited_for_though_left_alone(
    make_cluster: Make,
) -> None:
    cluster = make_cluster(devices=3, post_quorum_timeout=0.1)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"hello")
    for node in cluster.nodes:
        node.fault = answering_late(0.4, "GET", "PUT")
        cluster.context.limiter.limit_now(node.device)
    assert cluster.ask("GET", "/v1/a/c/o").body == b"hello"
    assert cluster.ask("GET", "/v1/a/c/o", X_Newest="true").body == b"hello"
    cluster.put("/v1/a/c/q", b"x")


def test_what_only_a_node_left_alone_has_is_found_when_others_cannot_say(
    cluster: Cluster,
) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    for node in cluster.nodes[:2]:
        node.fault = answering(503, "GET")
    cluster.context.limiter.limit_now(cluster.nodes[2].device)
    assert cluster.ask("GET", "/v1/a/c/o").body == b"hello"


@pytest.mark.parametrize("count", [0, 1, 70_000, 300_000])
@pytest.mark.parametrize("hang", [False, True])
def test_a_body_that_breaks_off_is_continued_elsewhere(
    impatient: Cluster, count: int, hang: bool
) -> None:
    cluster = impatient
    cluster.put("/v1/a/c/o", BIG)
    for node in cluster.primaries[:2]:
        node.fault = breaking(count, hang=hang)
    for _ in range(2 if hang else 6):
        answer = cluster.ask("GET", "/v1/a/c/o")
        assert answer.status == 200
        assert answer.body == BIG


def test_a_range_that_breaks_off_is_continued_elsewhere(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    for node in cluster.primaries[:2]:
        node.fault = breaking(100_000)
    for _ in range(6):
        answer = cluster.ask("GET", "/v1/a/c/o", Range="bytes=1000-400999")
        assert answer.status == 206
        assert answer.body == BIG[1000:401000]
        several = cluster.ask("GET", "/v1/a/c/o", Range="bytes=5-300004,10-9,-200000")
        assert several.status in (200, 206)


def test_several_ranges_survive_nodes_that_break_off(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    whole = cluster.ask("GET", "/v1/a/c/o", Range="bytes=0-299999,300000-511999")
    cluster.nodes[0].fault = breaking(100_000)
    cluster.nodes[1].fault = breaking(0)
    for _ in range(6):
        answer = cluster.ask("GET", "/v1/a/c/o", Range="bytes=0-299999,300000-511999")
        assert answer.status == 206
        assert len(answer.body) == len(whole.body)
        assert BIG[:300_000] in answer.body
        assert BIG[300_000:] in answer.body


def test_a_body_is_not_continued_from_another_version(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    cluster.nodes[0].fault = breaking(100_000)
    for node in cluster.nodes[1:3]:
        node.items["a/c/o"].headers["ETag"] = "another"
        node.items["a/c/o"].body = b"z" * len(BIG)
    bodies = set()
    for _ in range(10):
        try:
            bodies.add(cluster.ask("GET", "/v1/a/c/o").body)
        except Exception as error:
            bodies.add(type(error).__name__.encode())
    assert bodies <= {b"z" * len(BIG), b"PeerBroke"}
    assert b"PeerBroke" in bodies


def test_small_bodies_that_break_off_are_read_again_elsewhere(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    for node in cluster.primaries[:2]:
        node.fault = breaking(2)
    for _ in range(6):
        answer = cluster.ask("GET", "/v1/a/c/o")
        assert (answer.status, answer.body) == (200, b"hello")


def test_concurrent_gets_do_not_wait_for_a_slow_node(make_cluster: Make) -> None:
    cluster = make_cluster(concurrent_gets=True, concurrency_timeout=0.05, node_timeout=60.0)
    cluster.make_container()
    cluster.put("/v1/a/c/o", b"hello")
    cluster.nodes[0].fault = cluster.nodes[1].fault = hanging("GET")
    for _ in range(4):
        assert cluster.ask("GET", "/v1/a/c/o").body == b"hello"


def test_x_newest_goes_on_elsewhere_too(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    cluster.put("/v1/a/c/small", b"hello")
    cluster.nodes[0].fault = breaking(100_000)
    cluster.nodes[1].fault = breaking(3)
    for _ in range(5):
        assert cluster.ask("GET", "/v1/a/c/o", X_Newest="true").body == BIG
    cluster.nodes[1].fault = None
    statuses = {cluster.ask("GET", "/v1/a/c/small", X_Newest="true").status for _ in range(5)}
    assert statuses == {200}
