"""The proxy under fire: whatever it does on its connections, or with a lent file, fails in turn.

The nodes are well, so one failure is made up for by the others: the client gets what it asked for.
Of many it is told that the cluster cannot do it. A 500 would be a mistake of ours.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.green_net import GreenNet, GreenStream
from swiftlite.host.net import ConnectFailed, DeadlinePassed, PeerGone
from swiftlite.peers.errors import PeerFault
from swiftlite.proxy.obj import put_replicated
from swiftlite.proxy.obj.borrowing import Borrowing
from tests.proxy.clusters import Cluster
from tests.web.environs import Answer

Make = Callable[..., Cluster]
SMALL, LARGE = b"small", bytes(range(256)) * 4_500  # two blocks
TRIES_MAX = 400
STREAM_CALLS = ("send_all", "recv", "recv_into", "splice_to")
DISK_CALLS = ("open", "fstat", "write", "pwrite", "fsync", "bypass_cache")


class Fault:
    """The n-th call that may fail does; sticky: and all after it."""

    def __init__(
        self, number: int, make_error: Callable[[], Exception], *, sticky: bool = False
    ) -> None:
        self._left = number
        self._make_error = make_error
        self._sticky = sticky

    @property
    def fired(self) -> bool:
        return self._left <= 0

    def come(self) -> None:
        self._left -= 1
        if self._left == 0 or (self._sticky and self._left < 0):
            raise self._make_error()


@contextmanager
def failing_waits(cluster: Cluster, fault: Fault) -> Iterator[None]:
    """On the proxy's side of its connections to nodes, and for connecting."""
    ports = {node.device.port for node in cluster.nodes}

    def on_streams(call: Callable[..., Any]) -> Callable[..., Any]:
        def spoilt(stream: GreenStream, *given: object) -> object:
            if isinstance(stream.peer, tuple) and stream.peer[1] in ports:
                fault.come()
            return call(stream, *given)

        return spoilt

    def connect_many(net: GreenNet, addresses: Any, timeout: float | None) -> Any:  # noqa: ANN401
        found = connects(net, addresses, timeout)
        for index, stream in enumerate(found):
            try:
                fault.come()
            except (PeerGone, DeadlinePassed):
                if isinstance(stream, GreenStream):
                    stream.close()
                found[index] = ConnectFailed(addresses[index], "injected")
        return found

    connects = GreenNet.connect_many
    with pytest.MonkeyPatch.context() as patch:
        for name in STREAM_CALLS:
            patch.setattr(GreenStream, name, on_streams(getattr(GreenStream, name)))
        patch.setattr(GreenNet, "connect_many", connect_many)
        yield


@contextmanager
def failing_disk(cluster: Cluster, fault: Fault) -> Iterator[None]:
    """What the proxy does with files that nodes lend it."""
    disk = cluster.host.disk

    def spoilt(call: Callable[..., Any]) -> Callable[..., Any]:
        def come(*given: object) -> object:
            fault.come()
            return call(*given)

        return come

    with pytest.MonkeyPatch.context() as patch:
        for name in DISK_CALLS:
            patch.setattr(disk, name, spoilt(getattr(disk, name)))
        yield


def put_small(cluster: Cluster) -> Answer:
    return cluster.ask("PUT", "/v1/a/c/o", SMALL, Content_Type="a/b")


def put_large(cluster: Cluster) -> Answer:
    return cluster.ask("PUT", "/v1/a/c/o", LARGE, Content_Type="a/b")


def put_chunked(cluster: Cluster) -> Answer:
    return cluster.ask("PUT", "/v1/a/c/o", LARGE, Content_Type="a/b", Transfer_Encoding="chunked")


REQUESTS: dict[str, tuple[Callable[[Cluster], Answer], int]] = {
    "PUT": (put_small, 201),
    "large PUT": (put_large, 201),
    "chunked PUT": (put_chunked, 201),
    "POST": (lambda it: it.ask("POST", "/v1/a/c/there", X_Object_Meta_A="b"), 202),
    "DELETE": (lambda it: it.ask("DELETE", "/v1/a/c/there"), 204),
    "HEAD": (lambda it: it.ask("HEAD", "/v1/a/c/there"), 200),
    "GET": (lambda it: it.ask("GET", "/v1/a/c/there"), 200),
    "GET of the newest": (lambda it: it.ask("GET", "/v1/a/c/there", X_Newest="true"), 200),
    "container PUT": (lambda it: it.ask("PUT", "/v1/a/d"), 201),
    "container GET": (lambda it: it.ask("GET", "/v1/a/c"), 200),
    "account GET": (lambda it: it.ask("GET", "/v1/a"), 200),
}
ERRORS: dict[str, Callable[[], Exception]] = {
    "gone": lambda: PeerGone("injected"),
    "late": lambda: DeadlinePassed("injected"),
}


def tries() -> Iterator[int]:
    yield from range(1, TRIES_MAX)
    raise AssertionError(f"more than {TRIES_MAX} calls")


@pytest.fixture
def renewed(make_cluster: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Cluster]:
    """The cluster as it was at first; connections to the nodes are there."""
    monkeypatch.setattr(put_replicated, "_EARLY_ANSWER_S", 0.01)
    cluster = make_cluster(
        post_quorum_timeout=0.05, node_timeout=5.0, error_suppression_limit=TRIES_MAX
    )

    def renew() -> Cluster:
        cluster.context.pool.close()  # what a spoilt stream is bound to stays spoilt
        for node in cluster.nodes:
            node.items.clear()
        cluster.make_container()
        cluster.put("/v1/a/c/there", LARGE)
        cluster.settle()
        cluster.context.borrowing = Borrowing(cluster.host, cluster.context.log, wanted=True)
        return cluster

    return renew


def check(cluster: Cluster, answer: Answer, number: int, *statuses: int) -> None:
    told = f"call {number}: {cluster.lines.lines[-4:]}"
    assert answer.status in statuses, told
    assert not any("Traceback" in line for line in cluster.lines.lines), told
    cluster.lines.lines.clear()


@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", REQUESTS)
def test_one_wait_that_fails_fails_no_request(
    renewed: Callable[[], Cluster], name: str, error: str, kept: bool
) -> None:
    request, status = REQUESTS[name]
    for number in tries():
        cluster = renewed()
        if not kept:
            cluster.context.pool.close()
        fault = Fault(number, ERRORS[error])
        with failing_waits(cluster, fault):
            answer = request(cluster)
            cluster.settle()
        check(cluster, answer, number, status)
        if not fault.fired:
            break
    assert number > 1, "nothing was waited for"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", REQUESTS)
def test_where_everything_fails_from_then_on_it_is_the_clusters_fault(
    renewed: Callable[[], Cluster], name: str, error: str
) -> None:
    request, status = REQUESTS[name]
    for number in tries():
        cluster = renewed()
        cluster.context.pool.close()
        fault = Fault(number, ERRORS[error], sticky=True)
        with failing_waits(cluster, fault), suppress(PeerFault):  # in mid-body, that is
            answer = request(cluster)
            check(cluster, answer, number, status, 503)
        cluster.settle()
        if not fault.fired:
            break


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EMFILE, errno.ESTALE])
def test_a_lent_file_that_fails_fails_no_upload(
    renewed: Callable[[], Cluster], host: Host, tmp_path: Path, code: int
) -> None:
    cluster = renewed()
    for number, node in enumerate(cluster.nodes):
        path = tmp_path / str(number)
        path.touch()
        node.takes_trailers, node.lends = True, str(path)
    for number in tries():
        cluster = renewed()
        fault = Fault(number, lambda: OSError(code, "injected"))
        with failing_disk(cluster, fault):
            answer = put_large(cluster)
            cluster.settle()
        check(cluster, answer, number, 201)
        if not fault.fired:
            break
    assert number > 6, "hardly anything was done with the files"
