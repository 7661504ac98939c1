"""PUTs whose MD5 the sender has computed: taken only with checksums that fit what arrived."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import pytest

from swiftlite.formats.block_checksums import BlockSummer, decode_blocks
from swiftlite.formats.put_trailer import PutTrailer, encode_trailer
from swiftlite.host.bundle import Host
from swiftlite.peers.call import render_head
from swiftlite.peers.exchange import Exchange
from tests.obj.servers import NOW, PATH, Server
from tests.obj.test_http import Client

BODY = os.urandom((3 << 20) + 77)
ETAG = hashlib.md5(BODY).hexdigest()
OFFER = "X-Backend-Swiftlite-Trailer"


@pytest.fixture
def client(host: Host, server: Server) -> Iterator[Client]:
    made = Client(host, server)
    yield made
    made.stop()


def trailer_of(body: bytes, etag: str = ETAG) -> bytes:
    summer = BlockSummer(len(body))
    summer.update(body)
    return encode_trailer(PutTrailer(summer.finish(), etag))


def begin(
    client: Client, headers: dict[str, str] | None = None, *, expect: bool = True
) -> Exchange:
    named = [("X-Timestamp", NOW.internal), ("Content-Type", "a/b"), (OFFER, "1")]
    named += (headers or {}).items()
    head = render_head("PUT", PATH, named, client.address, content_length=len(BODY), expect=expect)
    exchange = client.pool.open(client.address, head, deadline=client.deadline)
    if expect:
        assert exchange.await_continue(client.deadline) is None
    return exchange


def test_the_senders_md5_is_the_etag(client: Client, server: Server) -> None:
    exchange = begin(client)
    assert exchange.continue_headers is not None
    assert exchange.continue_headers.get(OFFER) == "1"
    exchange.send(BODY, client.deadline)
    exchange.send_trailer(trailer_of(BODY), client.deadline)
    answer = exchange.answer(client.deadline)
    assert (answer.status, answer.headers["ETag"]) == (201, f'"{ETAG}"')
    answer.read_all(1000)
    assert client.pool.idle_count(client.address) == 1
    found = client.ask("GET")
    assert found.headers["ETag"] == f'"{ETAG}"'
    assert found.read_all(1 << 30) == BODY
    path = server.data_path()
    blocks = decode_blocks(os.getxattr(path, "user.swiftlite.blocks"))
    assert trailer_of(BODY).startswith(os.getxattr(path, "user.swiftlite.blocks"))
    assert blocks.length == len(BODY)


@pytest.mark.parametrize("at", [0, 70_000, len(BODY) - 1])
def test_a_bit_that_flips_on_the_way_is_stored_nowhere(
    client: Client, server: Server, at: int
) -> None:
    garbled = bytearray(BODY)
    garbled[at] ^= 4
    exchange = begin(client)
    exchange.send(garbled, client.deadline)
    exchange.send_trailer(trailer_of(BODY), client.deadline)
    assert exchange.answer(client.deadline).status == 422
    assert client.ask("GET").status == 404
    assert server.files() == []


def test_a_damaged_trailer_is_refused(client: Client) -> None:
    exchange = begin(client)
    exchange.send(BODY, client.deadline)
    damaged = bytearray(trailer_of(BODY))
    damaged[-6] ^= 1
    exchange.send_trailer(bytes(damaged), client.deadline)
    assert exchange.answer(client.deadline).status == 422
    assert client.ask("GET").status == 404


def test_what_the_client_expects_still_counts(client: Client) -> None:
    exchange = begin(client, {"ETag": "0" * 32})
    exchange.send(BODY, client.deadline)
    exchange.send_trailer(trailer_of(BODY), client.deadline)
    assert exchange.answer(client.deadline).status == 422
    assert client.ask("GET").status == 404


@pytest.mark.parametrize("missing", [1, 20, 10_000_000])
def test_a_sender_that_dies_leaves_nothing(client: Client, server: Server, missing: int) -> None:
    sent = (BODY + trailer_of(BODY))[:-missing]
    exchange = begin(client)
    exchange.send(sent, client.deadline)
    exchange.close()
    assert client.ask("GET").status == 404
    assert server.files() == []


def test_without_expect_the_offer_is_not_taken(client: Client) -> None:
    exchange = begin(client, expect=False)
    exchange.send(BODY, client.deadline)
    assert exchange.answer(client.deadline).status == 201
    assert client.ask("GET").headers["ETag"] == f'"{ETAG}"'
