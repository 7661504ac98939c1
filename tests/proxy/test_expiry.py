"""A delete of what has expired, as the expirer asks for it: only if it is the newest there is."""

from __future__ import annotations

import pytest

from swiftlite.vocab.timestamp import Timestamp
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import FakeNode, Item

PATH = "/v1/a/c/o"
THEN = 1_700_000_000
DUE = Timestamp.from_seconds(THEN + 1000).normal


def holds(node: FakeNode, seconds: float, delete_at: str = "") -> None:
    """seconds: after THEN, when it was written."""
    headers = {"ETag": "e", "X-Delete-At": delete_at} if delete_at else {"ETag": "e"}
    node.items["a/c/o"] = Item(Timestamp.from_seconds(THEN + seconds).internal, headers)


def expire(cluster: Cluster) -> int:
    headers = {"X_Timestamp": DUE, "X_If_Delete_At": DUE}
    return cluster.ask("DELETE", PATH, **headers).status


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    cluster.make_container()
    return cluster


def deletes(cluster: Cluster) -> int:
    return sum(len(node.saw("DELETE")) for node in cluster.nodes)


def test_what_has_expired_everywhere_is_deleted(cluster: Cluster) -> None:
    for node in cluster.primaries:
        holds(node, 0, str(THEN + 1000))
    assert expire(cluster) == 204
    assert [len(node.saw("DELETE")) for node in cluster.primaries] == [1, 1, 1]
    (looked,) = cluster.primaries[0].saw("HEAD")
    assert looked.headers["X-Backend-Open-Expired"] == "true"


@pytest.mark.parametrize("delete_at", ["", str(THEN + 5000)])
def test_an_old_copy_of_what_was_written_anew_is_left_alone(
    cluster: Cluster, delete_at: str
) -> None:
    """A tombstone there would bear the time of the expiry, and undo what was written before it."""
    stale, *others = cluster.primaries
    holds(stale, 0, str(THEN + 1000))
    for node in others:
        holds(node, 700, delete_at)
    assert expire(cluster) == 412
    assert not deletes(cluster)


def test_what_was_written_anew_is_found_on_a_handoff_too(cluster: Cluster) -> None:
    for node in cluster.primaries:
        holds(node, 0, str(THEN + 1000))
    holds(cluster.handoffs[0], 700)
    assert expire(cluster) == 412
    assert not deletes(cluster)


def test_nothing_is_deleted_before_most_primaries_were_heard(cluster: Cluster) -> None:
    for node in cluster.primaries:
        holds(node, 0, str(THEN + 1000))
    for node in cluster.primaries[1:]:
        node.stop()
    assert expire(cluster) == 503
    assert not deletes(cluster)


def test_what_is_not_there_is_for_the_servers_to_say(cluster: Cluster) -> None:
    assert expire(cluster) == 404
    assert deletes(cluster)


def test_a_time_that_is_none_is_refused(cluster: Cluster) -> None:
    for node in cluster.primaries:
        holds(node, 0, str(THEN + 1000))
    answer = cluster.ask("DELETE", PATH, X_If_Delete_At="soon")
    assert answer.status == 400
    assert b"X-If-Delete-At" in answer.body
    assert not deletes(cluster)
