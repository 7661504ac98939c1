"""Checksums behind large bodies, for nodes that want them; the same outcome without."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import BlockSummer
from swiftlite.proxy.obj.borrowing import Borrowing
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_TRAILER as TRAILER
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import answering, closing_after, closing_after_lending

BIG = os.urandom(3_000_007)
Make = Callable[..., Cluster]


def taking(cluster: Cluster, *nodes: int) -> Cluster:
    for number in nodes:
        cluster.nodes[number].takes_trailers = True
    return cluster


@pytest.mark.parametrize("takers", [(0, 1, 2), (1,), ()])
def test_each_node_gets_what_it_wants(cluster: Cluster, takers: tuple[int, ...]) -> None:
    taking(cluster, *takers)
    answer = cluster.put("/v1/a/c/o", BIG)
    assert answer.headers["etag"] == md5(BIG).hexdigest()
    summer = BlockSummer(len(BIG))
    summer.update(BIG)
    expected = (summer.finish(), md5(BIG).hexdigest())
    for number, node in enumerate(cluster.primaries):
        assert node.items["a/c/o"].body == BIG
        assert node.trailers == ([expected] if number in takers else [])
    cluster.settle()
    for node in cluster.primaries:  # all of them on connections that may be used again
        assert cluster.context.pool.idle_count(node.device.address) == 1


def test_nothing_is_offered_with_the_option_off(make_cluster: Make) -> None:
    cluster = taking(make_cluster(hash_once=False), 0, 1, 2)
    cluster.make_container()
    cluster.put("/v1/a/c/o", BIG)
    assert [node.trailers for node in cluster.primaries] == [[], [], []]
    assert TRAILER not in cluster.nodes[0].saw("PUT")[0].headers


def test_nothing_is_offered_for_a_body_of_unknown_length(cluster: Cluster) -> None:
    taking(cluster, 0, 1, 2)
    cluster.put("/v1/a/c/o", BIG, Transfer_Encoding="chunked")
    assert [node.trailers for node in cluster.primaries] == [[], [], []]
    assert cluster.nodes[0].items["a/c/o"].body == BIG


@pytest.mark.parametrize("count", [0, 1_000_000, len(BIG)])
def test_a_node_that_dies_on_the_way_is_done_without(cluster: Cluster, count: int) -> None:
    taking(cluster, 0, 1, 2)
    cluster.nodes[1].fault = closing_after(count)
    cluster.put("/v1/a/c/o", BIG)
    assert set(cluster.holders("a/c/o")) >= {0, 2}
    for _ in range(5):
        assert cluster.ask("GET", "/v1/a/c/o").body == BIG


def test_a_handoff_is_asked_anew(cluster: Cluster) -> None:
    taking(cluster, 0, 1, 3)
    cluster.nodes[2].fault = answering(507, "PUT")
    cluster.put("/v1/a/c/o", BIG)
    assert cluster.holders("a/c/o") == [0, 1, 3]
    assert len(cluster.nodes[3].trailers) == 1


def test_a_client_that_goes_leaves_nothing(cluster: Cluster) -> None:
    taking(cluster, 0, 1, 2)
    answer = cluster.ask("PUT", "/v1/a/c/o", io.BytesIO(BIG), Content_Length="9999999")
    assert answer.status == 499
    cluster.settle()
    assert cluster.holders("a/c/o") == []


# Files lent


def lending(cluster: Cluster, root: Path, *nodes: int) -> Cluster:
    for number in nodes:
        path = root / f"lent-{number}"
        path.touch()
        cluster.nodes[number].lends = str(path)
    return taking(cluster, *nodes)


@pytest.mark.parametrize("lenders", [(0, 1, 2), (2,)])
def test_bodies_are_written_into_lent_files(
    cluster: Cluster, tmp_path: Path, lenders: tuple[int, ...]
) -> None:
    lending(cluster, tmp_path, *lenders)
    cluster.put("/v1/a/c/o", BIG)
    for number, node in enumerate(cluster.primaries):
        assert node.items["a/c/o"].body == BIG
        assert len(node.trailers) == (number in lenders)
    cluster.settle()
    for node in cluster.primaries:
        assert cluster.context.pool.idle_count(node.device.address) == 1


def test_what_cannot_be_opened_is_asked_for_plainly_from_then_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    lending(cluster, tmp_path, 0, 1, 2)
    cluster.nodes[1].lends = str(tmp_path)  # a directory
    cluster.put("/v1/a/c/o", BIG)
    assert cluster.holders("a/c/o") == [0, 1, 2]
    assert cluster.nodes[1].items["a/c/o"].body == BIG
    cluster.put("/v1/a/c/p", BIG)
    assert "X-Backend-Swiftlite-Lend" not in cluster.nodes[0].saw("PUT")[1].headers
    assert [len(node.trailers) for node in cluster.primaries] == [2, 2, 2]


def test_a_node_whose_files_are_not_opened_is_asked_once_more(
    cluster: Cluster, tmp_path: Path
) -> None:
    lending(cluster, tmp_path, 0, 1, 2)
    context = cluster.context
    context.borrowing = Borrowing(context.host, context.log, wanted=True, is_own=lambda ip: False)
    cluster.put("/v1/a/c/o", BIG)
    assert cluster.holders("a/c/o") == [0, 1, 2]
    for node in cluster.primaries:
        assert node.items["a/c/o"].body == BIG
        offers = ["X-Backend-Swiftlite-Lend" in one.headers for one in node.saw("PUT")]
        assert offers[-1] is False
        assert len(offers) <= 2


def test_a_lent_disk_that_is_full_is_done_without(cluster: Cluster, tmp_path: Path) -> None:
    lending(cluster, tmp_path, 0, 1, 2)
    cluster.nodes[1].lends = "/dev/full"
    cluster.put("/v1/a/c/o", BIG)
    assert set(cluster.holders("a/c/o")) >= {0, 2}


def test_a_node_that_dies_after_lending_is_done_without(cluster: Cluster, tmp_path: Path) -> None:
    lending(cluster, tmp_path, 0, 1, 2)
    cluster.nodes[1].fault = closing_after_lending()
    cluster.put("/v1/a/c/o", BIG)
    assert cluster.holders("a/c/o") == [0, 2]
    for _ in range(5):
        assert cluster.ask("GET", "/v1/a/c/o").body == BIG


def test_two_nodes_that_die_after_lending_are_too_many(cluster: Cluster, tmp_path: Path) -> None:
    lending(cluster, tmp_path, 0, 1, 2)
    for node in cluster.nodes[:2]:
        node.fault = closing_after_lending()
    answer = cluster.ask("PUT", "/v1/a/c/o", BIG, Content_Type="a/b")
    assert answer.status == 503


def test_no_descriptor_stays_open(cluster: Cluster, tmp_path: Path) -> None:
    lending(cluster, tmp_path, 0, 1, 2)
    cluster.put("/v1/a/c/o", BIG)
    cluster.nodes[1].fault = closing_after_lending()
    cluster.put("/v1/a/c/p", BIG)
    answer = cluster.ask("PUT", "/v1/a/c/q", io.BytesIO(BIG), Content_Length="9999999")
    assert answer.status == 499
    links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert [link for link in links if "lent-" in link] == []


def test_nothing_is_borrowed_with_the_option_off(make_cluster: Make, tmp_path: Path) -> None:
    cluster = lending(make_cluster(borrow_files=False), tmp_path, 0, 1, 2)
    cluster.make_container()
    cluster.put("/v1/a/c/o", BIG)
    assert "X-Backend-Swiftlite-Lend" not in cluster.nodes[0].saw("PUT")[0].headers
    assert [node.items["a/c/o"].body == BIG for node in cluster.primaries] == [True] * 3
