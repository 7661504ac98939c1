"""The proxy behind a real server: clients that go away, wait for leave, or send too slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from swiftlite.httpd.acceptor import serve
from swiftlite.httpd.limits import HttpLimits
from swiftlite.web.wsgi import Environ, StartResponse
from tests.httpd.conftest import Client, TestLog
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import answering, breaking

BIG = bytes(range(256)) * 40_000  # 10 MB: more than fits between two sockets
Connect = Callable[[], Client]


@pytest.fixture(params=[True, False], ids=["spliced", "copied"])
def cluster(make_cluster: Callable[..., Cluster], request: pytest.FixtureRequest) -> Cluster:
    found = make_cluster(relay_by_splice=request.param)
    found.make_container()
    return found


@pytest.fixture
def patience() -> float:
    """Seconds for which the server waits for its clients: no test is to fail for a busy machine."""
    return 30.0


@pytest.fixture
def connect(cluster: Cluster, patience: float) -> Iterator[Connect]:
    host = cluster.host
    listener = host.net.listen(("127.0.0.1", 0))

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["swift.cache"] = cluster.cache
        return cluster.app(environ, start_response)

    limits = HttpLimits(client_timeout=patience)
    acceptor = serve(listener, app, host=host, limits=limits, log=TestLog())
    clients: list[Client] = []

    def connect() -> Client:
        clients.append(Client(host, listener.address))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
    assert acceptor.drain(host.clock.monotonic() + 20)


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: h", *lines, "", ""]).encode()


def test_requests_follow_each_other_on_one_connection(cluster: Cluster, connect: Connect) -> None:
    client = connect()
    client.send(head("PUT", "/v1/a/c/o", "Content-Length: 5") + b"hello")
    assert client.answer()[0] == 201
    for _ in range(3):
        client.send(head("GET", "/v1/a/c/o"))
        assert client.answer()[::2] == (200, b"hello")
    client.send(head("HEAD", "/v1/a/c/o"))
    assert b"Content-Length: 5\r\n" in client.answer("HEAD")[1]


def test_big_bodies_pass_both_ways(cluster: Cluster, connect: Connect) -> None:
    client = connect()
    client.send(head("PUT", "/v1/a/c/o", f"Content-Length: {len(BIG)}") + BIG)
    assert client.answer()[0] == 201
    client.send(head("GET", "/v1/a/c/o"))
    assert client.answer()[2] == BIG


@pytest.mark.parametrize("count", [0, 1, 70_000, 300_000, 5_000_000])
def test_a_body_that_breaks_off_on_the_wire_is_continued_at_its_next_byte(
    cluster: Cluster, connect: Connect, count: int
) -> None:
    cluster.put("/v1/a/c/o", BIG)
    for node in cluster.primaries[:2]:
        node.fault = breaking(count)
    client = connect()
    for _ in range(3):
        client.send(head("GET", "/v1/a/c/o"))
        assert client.answer()[::2] == (200, BIG)
        client.send(head("GET", "/v1/a/c/o", "Range: bytes=1000-9000999"))
        assert client.answer()[::2] == (206, BIG[1000:9_001_000])


def test_a_client_that_goes_in_mid_upload_leaves_nothing(
    cluster: Cluster, connect: Connect
) -> None:
    for sent in (100, 70_000, 3_000_000):
        client = connect()
        client.send(head("PUT", "/v1/a/c/o", f"Content-Length: {len(BIG)}") + BIG[:sent])
        client.close()
    cluster.settle()
    assert cluster.holders("a/c/o") == []
    assert cluster.limited() == []
    assert cluster.context.limiter._records == {}


def test_a_client_that_goes_in_mid_download_leaks_nothing(
    cluster: Cluster, connect: Connect
) -> None:
    client = connect()
    client.send(head("PUT", "/v1/a/c/o", f"Content-Length: {len(BIG)}") + BIG)
    assert client.answer()[0] == 201
    for _ in range(5):
        client = connect()
        client.send(head("GET", "/v1/a/c/o"))
        client.exactly(100_000)
        client.close()
    cluster.settle()
    assert cluster.context.limiter._records == {}


def test_no_leave_is_given_to_a_body_that_is_refused(cluster: Cluster, connect: Connect) -> None:
    for node in cluster.nodes:
        node.fault = answering(507, "PUT")
    client = connect()
    lines = (f"Content-Length: {len(BIG)}", "Expect: 100-continue")
    client.send(head("PUT", "/v1/a/c/o", *lines))
    assert client.answer()[0] == 503
    client = connect()
    client.send(head("PUT", "/v1/a/none/o", *lines))
    assert client.answer()[0] == 404


def test_leave_is_given_once_the_nodes_are_ready(cluster: Cluster, connect: Connect) -> None:
    client = connect()
    client.send(head("PUT", "/v1/a/c/o", f"Content-Length: {len(BIG)}", "Expect: 100-continue"))
    assert client.answer()[0] == 100
    client.send(BIG)
    assert client.answer()[0] == 201


@pytest.mark.parametrize("patience", [0.3])
@pytest.mark.parametrize("sent", [10, 100_000])
def test_a_client_that_stops_sending_is_told(cluster: Cluster, connect: Connect, sent: int) -> None:
    client = connect()
    client.send(head("PUT", "/v1/a/c/o", f"Content-Length: {len(BIG)}") + BIG[:sent])
    assert client.answer()[0] == 408
    assert client.closed()
    cluster.settle()
    assert cluster.holders("a/c/o") == []
    assert cluster.context.limiter._records == {}


@pytest.mark.parametrize("patience", [0.3])
def test_bad_chunks_are_refused_and_leave_nothing(cluster: Cluster, connect: Connect) -> None:
    for chunks in (b"5\r\nhello\r\nxyz\r\n", b"10000000\r\n" + BIG[:200_000] + b"\r\n\r\n"):
        client = connect()
        client.send(head("PUT", "/v1/a/c/o", "Transfer-Encoding: chunked") + chunks)
        assert client.answer()[0] in (400, 408)
    cluster.settle()
    assert cluster.holders("a/c/o") == []
    assert cluster.limited() == []


def test_chunked_uploads(cluster: Cluster, connect: Connect) -> None:
    client = connect()
    for body in (b"", b"hello", BIG):
        chunks = b"".join(
            b"%x\r\n%b\r\n" % (len(piece), piece)
            for piece in (body[at : at + 100_000] for at in range(0, len(body), 100_000))
        )
        client.send(head("PUT", "/v1/a/c/o", "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
        assert client.answer()[0] == 201
        client.send(head("GET", "/v1/a/c/o"))
        assert client.answer()[2] == body
