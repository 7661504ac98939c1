"""The object server behind our HTTP server, over real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, PeerGone
from swiftlite.httpd.acceptor import Acceptor, serve
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import render_head
from swiftlite.peers.errors import PeerBroke
from swiftlite.peers.pool import Pool
from tests.obj.servers import NOW, PATH, Server, after
from tests.obj.test_put import BOUNDARY, document
from tests.objectstore.stores import flip

MIB = 1 << 20
LARGE = os.urandom(3 * MIB + 77)
PATIENCE_S = 20.0


class Client:
    """Speaks to the server as a proxy does."""

    def __init__(self, host: Host, server: Server) -> None:
        self.host = host
        listener = host.net.listen(("127.0.0.1", 0))
        self.address: Address = listener.address
        self.acceptor: Acceptor = serve(listener, server.app, host=host, log=server.app.log)
        self.pool = Pool(host)

    @property
    def deadline(self) -> float:
        return self.host.clock.monotonic() + PATIENCE_S

    def ask(self, verb: str, body: bytes = b"", **headers: str) -> Answer:
        named = {"X-Timestamp": NOW.internal, "Content-Type": "text/plain"}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        head = render_head(verb, PATH, named.items(), self.address, content_length=len(body))
        exchange = self.pool.open(self.address, head, body=body, deadline=self.deadline)
        return exchange.answer(self.deadline)

    def stop(self) -> None:
        self.pool.close()
        self.acceptor.drain(self.deadline)


@pytest.fixture
def client(host: Host, server: Server) -> Iterator[Client]:
    made = Client(host, server)
    yield made
    made.stop()


@pytest.mark.parametrize("body", [b"", b"hello", LARGE], ids=["empty", "small", "large"])
def test_there_and_back(client: Client, body: bytes) -> None:
    assert client.ask("PUT", body).status == 201
    answer = client.ask("GET")
    assert (answer.status, answer.read_all(1 << 30)) == (200, body)
    head = client.ask("HEAD")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(body)))
    assert client.pool.idle_count(client.address) == 1  # kept all the way


def test_ranges_by_sendfile(client: Client) -> None:
    client.ask("PUT", LARGE)
    answer = client.ask("GET", Range="bytes=1048570-2097160")
    assert (answer.status, answer.read_all(1 << 30)) == (206, LARGE[1048570:2097161])
    answer = client.ask("GET", Range="bytes=0-3,3145728-3145730")
    assert answer.status == 206
    assert LARGE[3145728:3145731] in answer.read_all(1 << 20)


def test_a_body_in_chunks(client: Client) -> None:
    headers = [("X-Timestamp", NOW.internal), ("Content-Type", "a/b")]
    head = render_head("PUT", PATH, headers, client.address, chunked=True)
    exchange = client.pool.open(client.address, head, deadline=client.deadline)
    for at in range(0, len(LARGE), 100_000):
        exchange.send_chunk(LARGE[at : at + 100_000], client.deadline)
    exchange.end_chunks(client.deadline)
    assert exchange.answer(client.deadline).status == 201
    assert client.ask("GET").read_all(1 << 30) == LARGE


def test_a_refusal_comes_before_the_body(client: Client) -> None:
    """A client that waits for a 100 gets the conflict without having sent anything."""
    client.ask("PUT", b"first", X_Timestamp=after(9).internal)
    headers = [("X-Timestamp", NOW.internal), ("Content-Type", "a/b")]
    head = render_head("PUT", PATH, headers, client.address, content_length=1 << 30, expect=True)
    exchange = client.pool.open(client.address, head, deadline=client.deadline)
    answer = exchange.await_continue(client.deadline)
    assert answer is not None
    assert answer.status == 409
    answer.close()


def test_footers_are_offered_in_the_100(client: Client) -> None:
    footers = json.dumps({"Etag": hashlib.md5(LARGE).hexdigest(), "X-Object-Sysmeta-A": "b"})
    content = document(LARGE, footers.encode())
    headers = [
        ("X-Timestamp", NOW.internal),
        ("Content-Type", "a/b"),
        ("X-Backend-Obj-Metadata-Footer", "yes"),
        ("X-Backend-Obj-Multipart-Mime-Boundary", BOUNDARY),
    ]
    head = render_head("PUT", PATH, headers, client.address, chunked=True, expect=True)
    exchange = client.pool.open(client.address, head, deadline=client.deadline)
    assert exchange.await_continue(client.deadline) is None
    assert exchange.continue_headers is not None
    assert exchange.continue_headers["X-Obj-Metadata-Footer"] == "yes"
    for at in range(0, len(content), 65_536):
        exchange.send_chunk(content[at : at + 65_536], client.deadline)
    exchange.end_chunks(client.deadline)
    assert exchange.answer(client.deadline).status == 201
    answer = client.ask("GET")
    assert answer.headers["X-Object-Sysmeta-A"] == "b"
    assert answer.read_all(1 << 30) == LARGE


@pytest.mark.parametrize("sent", [0, 100, 2 * MIB])
def test_a_client_that_goes_away_leaves_nothing(
    host: Host, client: Client, server: Server, sent: int
) -> None:
    headers = [("X-Timestamp", NOW.internal), ("Content-Type", "a/b")]
    head = render_head("PUT", PATH, headers, client.address, content_length=len(LARGE))
    stream = host.net.connect(client.address, PATIENCE_S)
    stream.deadline = client.deadline
    stream.send_all(head + LARGE[:sent])
    stream.shutdown_sending()
    with contextlib.suppress(PeerGone):  # it may close with an answer or without
        while stream.recv(65_536):
            pass
    stream.close()
    assert client.ask("GET").status == 404
    assert server.files() == []
    assert not [path for path in server.root.rglob("*.data")]


def test_rot_in_the_middle_breaks_the_connection_off(client: Client, server: Server) -> None:
    client.ask("PUT", LARGE)
    flip(server.data_path(), 2 * MIB + 1)
    answer = client.ask("GET")
    assert answer.status == 200
    blocks: list[bytes] = []
    with pytest.raises(PeerBroke):
        blocks.extend(answer)
    received = b"".join(blocks)
    assert received == LARGE[: len(received)]
    assert len(received) <= 2 * MIB
    assert server.quarantined()
    assert client.ask("GET").status == 404


def test_rot_at_the_front_is_a_clean_404(client: Client, server: Server) -> None:
    client.ask("PUT", LARGE)
    flip(server.data_path(), 7)
    assert client.ask("GET").status == 404
    assert client.ask("GET", Range="bytes=0-1").status == 404
    assert server.quarantined()


def test_many_at_once(host: Host, client: Client, tmp_path: Path) -> None:
    """One name, many writers: the newest wins, and each is told the truth."""

    def put(n: int) -> int:
        return client.ask("PUT", b"%d" % n, X_Timestamp=after(n).internal).status

    tasks = [host.tasks.spawn(put, n) for n in range(1, 30)]
    statuses = [task.wait() for task in tasks]
    assert set(statuses) <= {201, 409}
    assert statuses[-1] == 201
    assert client.ask("GET").read_all(100) == b"29"
    assert len(list(tmp_path.rglob("*.data"))) == 1
