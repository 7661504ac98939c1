"""Reads of files that nodes lend: the same bytes as by the socket, and never a rotten one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from swiftlite.formats.block_checksums import ATTRIBUTE, BlockSummer, encode_blocks
from swiftlite.formats.lent_file import LentFile
from swiftlite.httpd.acceptor import serve
from swiftlite.proxy.obj.borrowing import Borrowing
from swiftlite.web import Request, Response
from swiftlite.web.wsgi import Environ, StartResponse
from tests.httpd.conftest import Client, TestLog
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import FakeNode, answering

BIG = os.urandom(3_500_000)
RANGE = (1_000_001, 3_200_000)
Ask = Callable[..., tuple[int, bytes]]


class Shelf:
    """The files of the three nodes, each with its block checksums."""

    def __init__(self, cluster: Cluster, root: Path) -> None:
        cluster.put("/v1/a/c/o", BIG)
        self.cluster = cluster
        self.paths = [root / f"{number}.data" for number in range(3)]
        summer = BlockSummer(len(BIG))
        summer.update(BIG)
        blocks = encode_blocks(summer.finish())
        for path, node in zip(self.paths, cluster.primaries, strict=True):
            path.write_bytes(BIG)
            os.setxattr(path, ATTRIBUTE, blocks)
            node.lent_body = self.lent(path)

    def lent(self, path: Path) -> LentFile:
        facts = path.stat()
        return LentFile(facts.st_dev, facts.st_ino, len(BIG), True, str(path))

    def flip(self, at: int) -> None:
        for path in self.paths:
            with path.open("r+b") as file:
                file.seek(at)
                file.write(bytes([BIG[at] ^ 1]))

    def plain_reads(self) -> int:
        seen = [one for node in self.cluster.primaries for one in node.saw("GET")]
        return sum("X-Backend-Swiftlite-Lend" not in one.headers for one in seen)


@pytest.fixture
def shelf(cluster: Cluster, tmp_path: Path) -> Shelf:
    return Shelf(cluster, tmp_path)


@pytest.fixture(params=["iterated", "sent"])
def ask(shelf: Shelf, request: pytest.FixtureRequest) -> Iterator[Ask]:
    """A GET of the object, by iterating over the answer or over a connection."""
    cluster = shelf.cluster

    def iterated(**headers: str) -> tuple[int, bytes]:
        answer = cluster.ask("GET", "/v1/a/c/o", **headers)
        return answer.status, answer.body

    if request.param == "iterated":
        yield iterated
        return

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["swift.cache"] = cluster.cache
        return cluster.app(environ, start_response)

    listener = cluster.host.net.listen(("127.0.0.1", 0))
    acceptor = serve(listener, app, host=cluster.host, log=TestLog())
    client = Client(cluster.host, listener.address)

    def sent(**headers: str) -> tuple[int, bytes]:
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"GET /v1/a/c/o HTTP/1.1\r\nHost: h\r\n{''.join(lines)}\r\n"
        client.send(head.encode())
        status, _, body = client.answer()
        return status, body

    yield sent
    client.close()
    acceptor.drain(cluster.host.clock.monotonic() + 20)


def test_whole_and_in_part(shelf: Shelf, ask: Ask) -> None:
    start, stop = RANGE
    assert ask() == (200, BIG)
    assert ask(Range=f"bytes={start}-{stop - 1}") == (206, BIG[start:stop])
    assert ask(Range="bytes=-300000") == (206, BIG[-300_000:])
    assert shelf.plain_reads() == 0


@pytest.mark.parametrize("at", [0, 65_536, 1_500_000, len(BIG) - 1])
def test_a_rotten_file_is_left_for_the_plain_way(shelf: Shelf, ask: Ask, at: int) -> None:
    shelf.flip(at)
    assert ask() == (200, BIG)
    assert shelf.plain_reads() == 1
    start, stop = RANGE
    assert ask(Range=f"bytes={start}-{stop - 1}") == (206, BIG[start:stop])


def missing_unless_lent(node: FakeNode, request: Request) -> Response | None:
    """As a node that has quarantined what it was asked for plainly."""
    lends = request.get_header("X-Backend-Swiftlite-Lend")
    return None if lends else answering(404, "GET")(node, request)


def test_a_rotten_file_whose_node_says_so_is_read_elsewhere(shelf: Shelf, ask: Ask) -> None:
    shelf.flip(2_000_000)
    for node in shelf.cluster.primaries[:2]:
        node.fault = missing_unless_lent
    for _ in range(3):
        assert ask() == (200, BIG)


def test_a_file_that_is_gone_or_another_is_asked_for_plainly(shelf: Shelf, ask: Ask) -> None:
    for path in shelf.paths:
        path.unlink()
    assert ask() == (200, BIG)
    for path in shelf.paths:
        path.write_bytes(b"x" * len(BIG))
    assert ask() == (200, BIG)
    assert shelf.plain_reads() == 2
    assert shelf.cluster.context.borrowing.offered != []


def test_a_file_without_checksums_or_cut_short_is_asked_for_plainly(shelf: Shelf, ask: Ask) -> None:
    for path in shelf.paths:
        os.removexattr(path, ATTRIBUTE)
    assert ask() == (200, BIG)
    for path in shelf.paths:
        os.truncate(path, 1_200_000)
    assert ask() == (200, BIG)


def test_what_must_not_be_opened_is_not_asked_for_again(shelf: Shelf, ask: Ask) -> None:
    for node in shelf.cluster.primaries:
        assert node.lent_body is not None
        node.lent_body = node.lent_body._replace(path="/proc/1/mem/x")
    assert ask() == (200, BIG)
    assert shelf.cluster.context.borrowing.offered == []
    assert ask() == (200, BIG)
    assert shelf.plain_reads() == 2


def test_another_host_has_no_say_in_which_files_are_opened(shelf: Shelf, ask: Ask) -> None:
    context = shelf.cluster.context
    asked: list[str] = []

    def is_own(ip: str) -> bool:
        asked.append(ip)
        return False

    context.borrowing = Borrowing(context.host, context.log, wanted=True, is_own=is_own)
    assert ask() == (200, BIG)
    assert ask() == (200, BIG)
    assert shelf.plain_reads() == 2
    assert len(asked) == len(set(asked)) > 0  # each address is looked up once


def test_no_descriptor_stays_open(shelf: Shelf, ask: Ask, tmp_path: Path) -> None:
    ask()
    shelf.flip(2_000_000)
    ask()
    links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert [link for link in links if link.startswith(f"{tmp_path}/")] == []
