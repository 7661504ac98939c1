"""Calls to nodes over loopback: whole conversations, kept connections, and what goes wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, Stream
from swiftlite.httpd.acceptor import Acceptor
from swiftlite.httpd.limits import HttpLimits
from swiftlite.peers.answer import Answer
from swiftlite.peers.call import render_head
from swiftlite.peers.errors import PeerBroke, PeerFault, PeerTimeout, PeerUnreachable
from swiftlite.peers.exchange import Exchange
from swiftlite.peers.pool import Pool
from swiftlite.peers.relay import Relay
from swiftlite.protocols.http1.render import Unsendable
from tests.peers.conftest import Clock

Serve = Callable[..., Acceptor]
Scripted = Callable[..., Any]
SHORT = 0.15
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response(
        "200 OK",
        [
            ("X-Method", environ["REQUEST_METHOD"]),
            ("X-Object-Meta-Ü".encode().decode("latin-1"), "1"),
        ],
    )
    return iter([body[:10], body[10:]]) if environ["PATH_INFO"] == "/chunked" else [body]


def head_for(
    address: Address,
    method: str = "GET",
    target: str = "/a",
    headers: Iterable[tuple[str, str]] = (),
    **framing: Any,  # noqa: ANN401 - as render_head
) -> bytes:
    return render_head(method, target, headers, address, **framing)


def get(pool: Pool, address: Address, deadline: float, **options: Any) -> Answer:  # noqa: ANN401
    return pool.open(address, head_for(address), deadline=deadline, **options).answer(deadline)


# Whole conversations


@pytest.mark.parametrize("target", ["/a", "/chunked"])
@pytest.mark.parametrize("size", [0, 5, 1000, 65536, 300_000])
def test_a_put_and_its_answer(
    server: Serve, pool: Pool, soon: float, size: int, target: str
) -> None:
    address = server(echo).address
    body = os.urandom(size)
    for _ in range(2):
        head = head_for(address, "PUT", target, content_length=size)
        answer = pool.open(address, head, body=body, deadline=soon).answer(soon)
        assert answer.status == 200
        assert answer.reason == "OK"
        assert answer.headers.get("x-method") == "PUT"
        assert answer.headers["X-Method"] == "PUT"
        assert answer.headers.get("x-nothing") is None
        assert answer.headers.get("x-nothing", "else") == "else"
        assert "x-METHOD" in answer.headers
        assert answer.read_all(size) == body
        assert answer.ended
        assert pool.idle_count(address) == 1


def test_names_and_values_may_be_text_or_wsgi_strings(
    server: Serve, pool: Pool, soon: float
) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        start_response(
            "200 OK",
            [("X-Object-Meta-Grüße".encode().decode("latin-1"), "€".encode().decode("latin-1"))],
        )
        return []

    address = server(app).address
    headers = [("X-Object-Meta-Ü", "€"), ("X-Wsgi", "ü".encode().decode("latin-1"))]
    exchange = pool.open(address, head_for(address, headers=headers), deadline=soon)
    answer = exchange.answer(soon)
    assert seen["HTTP_X_OBJECT_META_\xc3\x9c"].encode("latin-1") == "€".encode()
    assert seen["HTTP_X_WSGI"].encode("latin-1") == "ü".encode()
    assert answer.headers.text("X-Object-Meta-Grüße".encode().decode("latin-1")) == "€"


def test_a_streamed_body(server: Serve, pool: Pool, soon: float) -> None:
    address = server(echo).address
    exchange = pool.open(address, head_for(address, "PUT", content_length=6), deadline=soon)
    exchange.send(b"abc", soon)
    exchange.send(memoryview(b"def"), soon)
    assert exchange.answer(soon).read_all(100) == b"abcdef"
    assert pool.idle_count(address) == 1


def test_a_chunked_body(server: Serve, pool: Pool, soon: float) -> None:
    address = server(echo).address
    big = os.urandom(200_000)
    exchange = pool.open(address, head_for(address, "PUT", chunked=True), deadline=soon)
    exchange.send_chunk(b"abc", soon)
    exchange.send_chunk(b"", soon)
    exchange.send_chunk(memoryview(big), soon)
    exchange.end_chunks(soon)
    assert exchange.answer(soon).read_all(1_000_000) == b"abc" + big
    assert pool.idle_count(address) == 1


def test_waiting_for_a_100(server: Serve, pool: Pool, soon: float) -> None:
    address = server(echo).address
    head = head_for(address, "PUT", content_length=3, expect=True)
    exchange = pool.open(address, head, deadline=soon)
    assert exchange.await_continue(soon) is None
    exchange.send(b"abc", soon)
    assert exchange.answer(soon).read_all(10) == b"abc"
    assert pool.idle_count(address) == 1


def test_100s_with_headers_repeated(server: Serve, pool: Pool, soon: float) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["swiftlite.continue"]([("X-Obj-Multiphase-Commit", "yes")])
        environ["wsgi.input"].read(3)
        environ["swiftlite.continue"]()
        environ["wsgi.input"].read()
        start_response("201 Created", [])
        return []

    address = server(app).address
    head = head_for(address, "PUT", chunked=True, expect=True)
    exchange = pool.open(address, head, deadline=soon)
    assert exchange.await_continue(soon) is None
    assert exchange.continue_headers is not None
    assert exchange.continue_headers.get("X-Obj-Multiphase-Commit") == "yes"
    exchange.send_chunk(b"abc", soon)
    assert exchange.await_continue(soon) is None
    exchange.end_chunks(soon)
    assert exchange.answer(soon).status == 201


def test_a_refusal_instead_of_a_100(server: Serve, pool: Pool, soon: float) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("507 Insufficient Storage", [])
        return [b"full"]

    address = server(app).address
    head = head_for(address, "PUT", content_length=3, expect=True)
    answer = pool.open(address, head, deadline=soon).await_continue(soon)
    assert answer is not None
    assert answer.status == 507
    assert answer.read_all(10) == b"full"
    assert pool.idle_count(address) == 0  # half a request has been sent on it


def test_unasked_1xx_are_skipped(node: Scripted, pool: Pool, soon: float) -> None:
    def script(stream: Stream, head: bytes) -> None:
        stream.send_all(
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + OK
        )

    answer = get(pool, node(script).address, soon)
    assert answer.status == 200
    assert answer.read_all(2) == b"ok"


def test_head_and_204_have_no_body(node: Scripted, pool: Pool, soon: float) -> None:
    def script(stream: Stream, head: bytes) -> None:
        if head.startswith(b"HEAD"):
            stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        else:
            stream.send_all(b"HTTP/1.1 204 No Content\r\n\r\n")

    one = node(script)
    for method, status in (("HEAD", 200), ("GET", 204)):
        head = head_for(one.address, method)
        answer = pool.open(one.address, head, deadline=soon).answer(soon)
        assert answer.status == status
        assert answer.ended
        assert answer.read() == b""
    assert one.connections == 1


def test_unix_sockets(server: Serve, pool: Pool, soon: float, tmp_path: Path) -> None:
    address = server(echo, address=str(tmp_path / "socket")).address
    assert get(pool, address, soon).status == 200


# Ways to read


def test_ways_to_read_an_answer(server: Serve, pool: Pool, soon: float) -> None:
    body = os.urandom(500_000)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [body]

    address = server(app).address
    answer = get(pool, address, soon)
    assert answer.length == len(body)
    assert b"".join(answer) == body
    answer = get(pool, address, soon)
    view = memoryview(bytearray(100_000))
    found = b""
    while count := answer.readinto(view):
        found += bytes(view[:count])
    assert found == body
    assert answer.readinto(view) == 0
    answer = get(pool, address, soon)
    found = answer.read(10)
    while block := answer.read(70_000):
        found += block
    assert found == body
    assert pool.idle_count(address) == 1


def test_an_answer_longer_than_allowed(server: Serve, pool: Pool, soon: float) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"x" * 2000]

    address = server(app).address
    with pytest.raises(PeerBroke, match="longer than 1000"):
        get(pool, address, soon).read_all(1000)
    assert pool.idle_count(address) == 0
    with pytest.raises(PeerBroke, match="longer than 1999"):
        get(pool, address, soon).read_all(1999)
    assert len(get(pool, address, soon).read_all(2000)) == 2000


def test_a_body_until_close(node: Scripted, pool: Pool, soon: float) -> None:
    def script(stream: Stream, head: bytes) -> None:
        stream.send_all(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        stream.close()

    one = node(script)
    answer = get(pool, one.address, soon)
    assert answer.length is None
    assert answer.read_all(100) == b"all of it"
    assert pool.idle_count(one.address) == 0


@pytest.mark.parametrize("spliced", [True, False])
@pytest.mark.parametrize("size", [3, 3_000_000])
def test_a_relay_passes_an_answer_on(
    server: Serve, pool: Pool, host: Host, soon: float, size: int, spliced: bool
) -> None:
    body = os.urandom(size)

    def far(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(size))])
        return iter([body])

    far_address = server(far).address

    def near(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = get(pool, far_address, soon)
        start_response("200 OK", [("Content-Length", str(answer.length))])
        return Relay(answer, host.net.conduit(spliced=spliced))

    near_address = server(near).address
    for _ in range(2):
        assert get(pool, near_address, soon).read_all(size) == body


# Kept connections


def test_a_connection_is_used_again(node: Scripted, pool: Pool, soon: float) -> None:
    one = node(lambda stream, head: stream.send_all(OK))
    for _ in range(5):
        assert get(pool, one.address, soon).read_all(10) == b"ok"
    assert one.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"more than was promised",
        OK + OK,
    ],
)
def test_a_connection_is_not_used_again(
    node: Scripted, pool: Pool, soon: float, answer: bytes
) -> None:
    one = node(lambda stream, head: stream.send_all(answer))
    for _ in range(2):
        assert get(pool, one.address, soon).read_all(10) == b"ok"
    assert one.connections == 2


def test_a_closed_kept_connection_is_noticed(node: Scripted, pool: Pool, soon: float) -> None:
    def script(stream: Stream, head: bytes) -> None:
        stream.send_all(OK)
        stream.close()

    one = node(script)
    for _ in range(3):
        assert get(pool, one.address, soon, idempotent=False).read_all(10) == b"ok"
        one.host.tasks.sleep(0.01)
    assert one.connections == 3


def closes_second_request() -> Callable[[Stream, bytes], None]:
    count = 0

    def script(stream: Stream, head: bytes) -> None:
        nonlocal count
        count += 1
        if count == 2:
            stream.close()
        else:
            stream.send_all(OK)

    return script


def test_an_idempotent_call_is_sent_again_on_a_dead_connection(
    node: Scripted, pool: Pool, soon: float
) -> None:
    one = node(closes_second_request())
    for _ in range(2):
        assert get(pool, one.address, soon, idempotent=True).read_all(10) == b"ok"
    assert one.connections == 2
    assert len(one.heads) == 3


def test_another_call_is_not(node: Scripted, pool: Pool, soon: float) -> None:
    one = node(closes_second_request())
    get(pool, one.address, soon).read_all(10)
    with pytest.raises(PeerBroke, match="without an answer"):
        get(pool, one.address, soon, idempotent=False)
    assert len(one.heads) == 2


def test_a_call_that_never_was_whole_is_sent_again(node: Scripted, pool: Pool, soon: float) -> None:
    def script(stream: Stream, head: bytes) -> None:
        if len(one.heads) == 2:
            stream.close()
        else:
            stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n" if b"Expect" in head else OK)

    one = node(script)
    get(pool, one.address, soon).read_all(10)
    head = head_for(one.address, "POST", content_length=3, expect=True)
    exchange = pool.open(one.address, head, deadline=soon)
    assert exchange.await_continue(soon) is None
    assert len(one.heads) == 3
    exchange.close()


def test_a_new_connection_that_dies_is_not_tried_again(
    node: Scripted, pool: Pool, soon: float
) -> None:
    one = node(lambda stream, head: stream.close())
    with pytest.raises(PeerBroke):
        get(pool, one.address, soon, idempotent=True)
    assert one.connections == 1


def test_a_body_begun_is_never_sent_again(node: Scripted, pool: Pool, soon: float) -> None:
    def script(stream: Stream, head: bytes) -> None:
        if len(one.heads) == 2:
            stream.close()
        else:
            stream.send_all(OK)

    one = node(script)
    get(pool, one.address, soon).read_all(10)
    head = head_for(one.address, "PUT", content_length=6)
    exchange = pool.open(one.address, head, deadline=soon, idempotent=True)
    exchange.send(b"abc", soon)
    with pytest.raises(PeerBroke):
        exchange.answer(soon)
    exchange.close()
    assert len(one.heads) == 2


def test_idle_connections_are_bounded_in_number_and_age(
    node: Scripted, host: Host, soon: float
) -> None:
    one = node(lambda stream, head: stream.send_all(OK))
    pool = Pool(host, keep=2)
    answers = [get(pool, one.address, soon) for _ in range(4)]
    for answer in answers:
        answer.read_all(10)
    assert pool.idle_count(one.address) == 2
    pool.close()
    assert pool.idle_count(one.address) == 0
    aged = Pool(host, keep_s=0.0)
    for _ in range(2):
        get(aged, one.address, soon).read_all(10)
    assert one.connections == 6
    aged.close()


# Answers left alone


def test_a_small_rest_is_drained_when_an_answer_is_closed(
    node: Scripted, pool: Pool, soon: float
) -> None:
    one = node(lambda stream, head: stream.send_all(OK))
    for _ in range(2):
        get(pool, one.address, soon).close()
    assert one.connections == 1


def test_a_large_rest_is_not(server: Serve, pool: Pool, soon: float) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"x" * 10_000_000]

    address = server(app).address
    answer = get(pool, address, soon)
    answer.read(10)
    answer.close()
    answer.close()
    assert answer.read() == b""
    assert pool.idle_count(address) == 0


def test_an_abandoned_exchange_closes_its_connection(
    node: Scripted, pool: Pool, soon: float
) -> None:
    one = node(lambda stream, head: stream.send_all(OK))
    exchange = pool.open(one.address, head_for(one.address), deadline=soon)
    exchange.close()
    assert pool.idle_count(one.address) == 0
    exchange = pool.open(one.address, head_for(one.address), deadline=soon)
    answer = exchange.answer(soon)
    exchange.close()  # the answer owns the connection now
    assert answer.read_all(10) == b"ok"
    assert pool.idle_count(one.address) == 1


# Faults


def test_nobody_there(host: Host, pool: Pool, soon: float, tmp_path: Path) -> None:
    listener = host.net.listen(("127.0.0.1", 0))
    listener.close()
    for address in (listener.address, str(tmp_path / "nothing")):
        with pytest.raises(PeerUnreachable) as caught:
            get(pool, address, soon)
        assert caught.value.address == address
        assert "no connection" in caught.value.reason


def test_no_answer_in_time(node: Scripted, pool: Pool, host: Host) -> None:
    one = node(lambda stream, head: None)
    deadline = host.clock.monotonic() + SHORT
    exchange = pool.open(one.address, head_for(one.address), deadline=deadline)
    with pytest.raises(PeerTimeout) as caught:
        exchange.answer(deadline)
    assert caught.value.address == one.address
    exchange.close()


def test_a_node_that_takes_nothing(node: Scripted, pool: Pool, host: Host) -> None:
    gate = host.tasks.event()
    one = node(lambda stream, head: gate.wait())
    deadline = host.clock.monotonic() + SHORT
    head = head_for(one.address, "PUT", content_length=50_000_000)
    with pytest.raises(PeerTimeout):
        pool.open(one.address, head, body=b"x" * 50_000_000, deadline=deadline)
    gate.set()


def test_an_answer_that_stops(node: Scripted, pool: Pool, soon: float) -> None:
    one = node(
        lambda stream, head: stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    )
    answer = get(pool, one.address, soon)
    answer.idle_s = SHORT
    assert answer.read(100) == b"abc"
    with pytest.raises(PeerTimeout, match="stopped"):
        answer.read(100)
    assert answer.ended


BROKEN_ANSWERS = [
    b"",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 OK\r\nContent-Len",
    b"nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
]


@pytest.mark.parametrize("broken", BROKEN_ANSWERS)
def test_a_broken_answer_is_the_nodes_fault(
    node: Scripted, pool: Pool, soon: float, broken: bytes
) -> None:
    def script(stream: Stream, head: bytes) -> None:
        stream.send_all(broken)
        stream.close()

    one = node(script)
    with pytest.raises(PeerBroke) as caught:
        get(pool, one.address, soon).read_all(1000)
    assert caught.value.address == one.address
    assert caught.value.reason
    assert pool.idle_count(one.address) == 0


def test_a_refusal_during_the_body_can_be_read(server: Serve, pool: Pool, soon: float) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("507 Insufficient Storage", [])
        return [b"full"]

    address = server(app, HttpLimits(linger_timeout=5)).address
    head = head_for(address, "PUT", content_length=100_000_000)
    exchange = pool.open(address, head, deadline=soon)
    answer = exchange.answer(soon)
    assert answer.status == 507
    answer.close()
    assert pool.idle_count(address) == 0


# What never reaches a node


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a\r\nX: y", []),
        ("/a b", []),
        ("/a\x00", []),
        ("", []),
        ("/a", [("X-A\r", "b")]),
        ("/a", [("X-A", "b\r")]),
        ("/a", [("X-A", "b\nX-B: c")]),
        ("/a", [("X A", "b")]),
        ("/a", [("", "b")]),
        ("/a", [("X-A", "b\x00")]),
    ],
)
def test_a_bad_request_touches_no_node(target: str, headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Unsendable):
        head_for(("127.0.0.1", 1), target=target, headers=headers)


def test_framing_headers_come_from_the_arguments_alone() -> None:
    noise = [("Content-Length", "99"), ("transfer-encoding", "x"), ("Host", "evil"), ("TE", "x")]
    head = head_for(("10.0.0.1", 6200), "PUT", headers=[*noise, ("X-A", "b")], content_length=3)
    assert head == (
        b"PUT /a HTTP/1.1\r\nX-A: b\r\nHost: 10.0.0.1:6200\r\nContent-Length: 3\r\n\r\n"
    )
    head = head_for("/run/socket", "PUT", chunked=True, expect=True)
    assert head == (
        b"PUT /a HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    )
    assert b"Host: [::1]:80\r\n" in head_for(("::1", 80))


# Several at once


def test_opening_several_gives_faults_as_values(
    node: Scripted, pool: Pool, host: Host, soon: float
) -> None:
    one, other = (node(lambda stream, head: stream.send_all(OK)) for _ in range(2))
    dead = host.net.listen(("127.0.0.1", 0))
    dead.close()
    addresses = [one.address, dead.address, other.address]
    for _ in range(2):
        opened = pool.open_all([(a, head_for(a), b"") for a in addresses], deadline=soon)
        assert [type(o) for o in opened] == [Exchange, PeerUnreachable, Exchange]
        assert isinstance(opened[1], PeerFault)
        for exchange in (opened[0], opened[2]):
            assert isinstance(exchange, Exchange)
            assert exchange.answer(soon).read_all(10) == b"ok"
    assert one.connections == other.connections == 1


def test_a_chunk_is_given_as_soon_as_it_is_here(server: Serve, pool: Pool, soon: float) -> None:
    """Both sides of a conversation inside one request; waiting for more would be for ever."""

    def talk(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"first\n"
        yield environ["wsgi.input"].readline()
        yield environ["wsgi.input"].readline()

    address = server(talk).address
    exchange = pool.open(address, head_for(address, "SSYNC", chunked=True), deadline=soon)
    answer = exchange.answer(soon)
    assert answer.read() == b"first\n"
    for line in (b"second\n", b"third\n"):
        exchange.send_chunk(line, soon)
        exchange.stream.deadline = soon
        assert answer.read() == line
    assert answer.read() == b""


# Connections that nobody needs any more


def test_connections_to_a_node_that_is_not_spoken_to_any_more_are_closed(
    host: Host, server: Serve, soon: float
) -> None:
    """They were kept until that node was spoken to again, which might be never."""
    clock = Clock()
    pool = Pool(replace(host, clock=clock), read_timeout=None, keep_s=30.0)
    once, often = server(echo), server(echo)
    calls = [(once.address, head_for(once.address), b"")] * 5
    answers = [
        exchange.answer(None)
        for exchange in pool.open_all(calls, deadline=None)
        if not isinstance(exchange, PeerFault)
    ]
    for answer in answers:
        answer.read_all(100)
    assert pool.idle_count(once.address) == 5
    for _ in range(4):
        clock.now += 20.0
        pool.open(often.address, head_for(often.address), deadline=None).answer(None).read_all(100)
    assert pool.idle_count(once.address) == 0
    assert pool.idle_count(often.address) == 1
    while once.connections and host.clock.monotonic() < soon:
        host.tasks.sleep(0.01)
    assert once.connections == 0
    pool.close()
