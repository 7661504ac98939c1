"""Files lent to whoever may open them: written from outside, committed only as summed up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftlite.formats.lent_file import LentFile, parse_lent
from swiftlite.host.bundle import Host
from swiftlite.peers.exchange import Exchange
from tests.obj.servers import Server
from tests.obj.test_http import Client
from tests.obj.test_trailer import BODY, ETAG, begin, trailer_of

LEND, LENT = "X-Backend-Swiftlite-Lend", "X-Backend-Swiftlite-Lent"


@pytest.fixture
def client(host: Host, server: Server) -> Iterator[Client]:
    made = Client(host, server)
    yield made
    made.stop()


def upload(client: Client) -> tuple[Exchange, int, LentFile]:
    """A PUT whose file has been lent and opened."""
    exchange = begin(client, {LEND: client.host.process.place})
    assert exchange.continue_headers is not None
    lent = parse_lent(exchange.continue_headers[LENT])
    exchange.skip_body()
    return exchange, os.open(lent.path, os.O_WRONLY), lent


def test_a_body_written_from_outside_is_an_object(client: Client, server: Server) -> None:
    exchange, fd, lent = upload(client)
    facts = os.fstat(fd)
    assert (facts.st_dev, facts.st_ino, len(BODY)) == lent[:3]
    os.write(fd, BODY)
    os.close(fd)
    exchange.send_trailer(trailer_of(BODY), client.deadline)
    answer = exchange.answer(client.deadline)
    assert (answer.status, answer.headers["ETag"]) == (201, f'"{ETAG}"')
    answer.read_all(1000)
    assert client.pool.idle_count(client.address) == 1
    found = client.ask("GET")
    assert (found.headers["ETag"], found.read_all(1 << 30)) == (f'"{ETAG}"', BODY)


@pytest.mark.parametrize("written", [b"", BODY[:-1], BODY + b"x"])
def test_a_file_of_another_size_is_not_committed(
    client: Client, server: Server, written: bytes
) -> None:
    exchange, fd, _ = upload(client)
    os.write(fd, written)
    os.close(fd)
    exchange.send_trailer(trailer_of(BODY), client.deadline)
    assert exchange.answer(client.deadline).status == 422
    assert server.files() == []


def test_other_bytes_than_were_summed_up_are_never_sent(client: Client, server: Server) -> None:
    exchange, fd, _ = upload(client)
    os.write(fd, bytes(len(BODY)))
    os.close(fd)
    exchange.send_trailer(trailer_of(BODY), client.deadline)
    assert exchange.answer(client.deadline).status == 201
    assert client.ask("GET").status == 404
    assert len(server.quarantined()) == 1


def test_a_writer_that_dies_leaves_nothing(client: Client, server: Server) -> None:
    exchange, fd, lent = upload(client)
    os.write(fd, BODY)
    exchange.close()
    while Path(lent.path).exists() and Path(lent.path).stat().st_ino == lent.inode:
        client.host.tasks.sleep(0.01)
    os.close(fd)
    assert server.files() == []
    assert client.ask("GET").status == 404


def test_nothing_is_lent_to_strangers(client: Client) -> None:
    for place in ("", "elsewhere"):
        exchange = begin(client, {LEND: place})
        assert exchange.continue_headers is not None
        assert LENT not in dict(exchange.continue_headers.items())
        exchange.close()


# Reading


def lent_by(client: Client, **headers: str) -> tuple[int, LentFile | None, bytes]:
    place = client.host.process.place
    answer = client.ask("GET", b"", X_Backend_Swiftlite_Lend=place, **headers)
    told = answer.headers.get(LENT)
    return answer.status, None if told is None else parse_lent(told), answer.read_all(1 << 30)


def test_a_large_object_is_lent_and_not_sent(client: Client) -> None:
    assert client.ask("PUT", BODY).status == 201
    status, lent, body = lent_by(client)
    assert (status, body) == (200, b"")
    assert lent is not None
    facts = os.stat(lent.path)
    assert (facts.st_dev, facts.st_ino, facts.st_size) == lent[:3]
    assert Path(lent.path).read_bytes() == BODY


def test_one_range_is_lent_several_are_sent(client: Client) -> None:
    assert client.ask("PUT", BODY).status == 201
    answer = client.ask(
        "GET", X_Backend_Swiftlite_Lend=client.host.process.place, Range="bytes=1000-2000999"
    )
    assert answer.status == 206
    assert answer.headers.get(LENT) is not None
    assert answer.headers["Content-Range"] == f"bytes 1000-2000999/{len(BODY)}"
    status, lent, body = lent_by(client, Range="bytes=0-999999,2000000-2999999")
    assert (status, lent) == (206, None)
    assert BODY[:1_000_000] in body


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (304, {"If_None_Match": ETAG}),
        (412, {"If_Match": "other"}),
        (416, {"Range": "bytes=99999999-"}),
        (206, {"Range": "bytes=0-9"}),
    ],
)
def test_other_answers_are_the_plain_ones(
    client: Client, status: int, headers: dict[str, str]
) -> None:
    assert client.ask("PUT", BODY).status == 201
    assert lent_by(client, **headers)[:2] == (status, None)


def test_small_objects_are_sent(client: Client) -> None:
    assert client.ask("PUT", b"hello").status == 201
    assert lent_by(client) == (200, None, b"hello")


def test_what_has_no_block_checksums_is_sent(client: Client, server: Server) -> None:
    assert client.ask("PUT", BODY).status == 201
    os.removexattr(server.data_path(), "user.swiftlite.blocks")
    assert lent_by(client) == (200, None, BODY)
