"""Clients that break off, stall or overdo it; apps that do not keep their word."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from swiftlite.host.net import PeerGone, Stream
from swiftlite.httpd.limits import HttpLimits
from swiftlite.protocols.http1.heads import HeadLimits
from swiftlite.vocab.errors import ClientBadFraming, ClientGone, ClientTooSlow

Start = Callable[..., Any]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
SHORT = 0.15


def ok(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"ok"]


def read_all(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [b"%d" % len(body)]


class FaultCatcher:
    """Reads the body and remembers how that ended; answers 200 whatever happened."""

    def __init__(self) -> None:
        self.faults: list[type[BaseException]] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        for _ in range(2):  # the second read meets the same fault
            try:
                environ["wsgi.input"].read()
            except (ClientGone, ClientTooSlow, ClientBadFraming) as fault:
                self.faults.append(type(fault))
        start_response("200 OK", [])
        return [b"ok"]


# Clients that leave

PARTIAL_BODIES = [
    b"Content-Length: 10\r\n\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
]


@pytest.mark.parametrize("partial", PARTIAL_BODIES)
def test_a_client_that_leaves_in_its_body_is_gone(start: Start, partial: bytes) -> None:
    catcher = FaultCatcher()
    server = start(catcher)
    client = server.client().send(b"PUT / HTTP/1.1\r\nHost: h\r\n" + partial)
    client.stream.shutdown_sending()
    client.rest()
    assert catcher.faults == [ClientGone, ClientGone]
    assert server.log.lines == []


@pytest.mark.parametrize("partial", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost"])
def test_a_client_that_leaves_in_its_head_gets_nothing(start: Start, partial: bytes) -> None:
    server = start(ok)
    client = server.client().send(partial) if partial else server.client()
    client.stream.shutdown_sending()
    assert client.rest() == b""
    assert server.log.lines == []


def test_an_uncaught_client_fault_is_answered_for_the_app(start: Start) -> None:
    server = start(read_all)
    client = server.client().send(
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    )
    status, head, body = client.answer()
    assert status == 400
    assert b"Connection: close" in head
    assert b"size of a chunk" in body
    assert client.closed()
    assert server.log.lines == []


class Endless:
    """A body without end that notes its close."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    def close(self) -> None:
        self.closed += 1


def test_a_body_is_closed_when_its_client_leaves(start: Start) -> None:
    body = Endless()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    server = start(app)
    client = server.client().send(GET)
    client.head()
    client.close()
    assert server.acceptor.drain(server.host.clock.monotonic() + 10)
    assert body.closed == 1
    assert server.log.lines == []


# Clients that stall


def test_a_stalled_body_is_too_slow(start: Start) -> None:
    catcher = FaultCatcher()
    client = start(catcher, HttpLimits(client_timeout=SHORT)).client()
    client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    _, head, _ = client.answer()
    assert catcher.faults == [ClientTooSlow, ClientTooSlow]
    assert b"Connection: close" in head


def test_an_uncaught_stall_is_a_408(start: Start) -> None:
    client = start(read_all, HttpLimits(client_timeout=SHORT)).client()
    client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    status, head, _ = client.answer()
    assert status == 408
    assert b"Connection: close" in head


def test_a_head_must_come_in_time(start: Start) -> None:
    client = start(ok, HttpLimits(head_timeout=SHORT)).client().send(b"GET / HTTP/1.1\r\nHos")
    status, _, body = client.answer()
    assert status == 408
    assert b"took too long" in body
    assert client.closed()


def test_a_head_that_trickles_does_not_move_its_deadline(start: Start) -> None:
    server = start(ok, HttpLimits(head_timeout=0.5))
    client = server.client()
    host = server.host
    end = host.clock.monotonic() + 10
    client.send(b"GET / HTTP/1.1\r\n")
    while client.stream.quiet():
        assert host.clock.monotonic() < end
        client.send(b"X: y\r\n")
        host.tasks.sleep(0.05)
    assert client.answer()[0] == 408


def test_silence_between_requests_ends_the_connection(start: Start) -> None:
    client = start(ok, HttpLimits(keepalive_timeout=SHORT)).client().send(GET)
    assert client.answer()[0] == 200
    assert client.closed()


def test_silence_from_the_start_ends_the_connection(start: Start) -> None:
    assert start(ok, HttpLimits(head_timeout=SHORT)).client().closed()


def test_a_client_that_does_not_read_is_cut_off(start: Start) -> None:
    body = Endless()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    server = start(app, HttpLimits(client_timeout=SHORT))
    server.client().send(GET)
    host = server.host
    end = host.clock.monotonic() + 10
    while not body.closed:
        assert host.clock.monotonic() < end
        host.tasks.sleep(0.02)
    assert server.log.lines == []


# Limits


def test_more_clients_than_allowed_wait_their_turn(start: Start) -> None:
    server = start(read_all, HttpLimits(max_clients=2))
    begin, end = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na", b"b"
    first, second, third = (server.client().send(begin) for _ in range(3))
    server.host.tasks.sleep(0.05)
    third.send(end)
    server.host.tasks.sleep(0.05)
    assert third.stream.quiet()
    assert server.acceptor.connections == 2
    assert first.send(end).answer()[2] == b"2"
    first.close()
    assert third.answer()[2] == b"2"
    assert second.send(end).answer()[2] == b"2"


def test_the_longest_idle_client_makes_room_for_a_new_one(start: Start) -> None:
    server = start(ok, HttpLimits(max_clients=2))
    first, second = server.client(), server.client()
    assert first.send(GET).answer()[0] == 200
    assert second.send(GET).answer()[0] == 200
    assert first.send(GET).answer()[0] == 200
    third = server.client().send(GET)
    assert third.answer()[0] == 200
    assert second.closed()
    assert first.send(GET).answer()[0] == 200


def test_a_flood_of_pipelined_requests_does_not_shut_others_out(start: Start) -> None:
    order: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        order.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    server = start(app)
    flood, other = server.client(), server.client()
    flood.send(GET.replace(b"/a", b"/flood") * 200)
    other.send(GET.replace(b"/a", b"/other"))
    assert other.answer()[0] == 200
    for _ in range(200):
        assert flood.answer()[0] == 200
    assert order.index("/other") < 100


def test_a_deadline_of_the_app_itself_is_an_error_of_the_app(start: Start) -> None:
    server: Any = None

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        server.host.tasks.event().wait(server.host.clock.monotonic())
        return []

    server = start(app)
    assert server.ask(GET)[0] == 500
    assert "DeadlinePassed" in server.log.lines[0]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 126 + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 200_000, 400),
        (b"a" * 200_000, 400),
    ],
)
def test_heads_have_limits(start: Start, raw: bytes, status: int) -> None:
    server = start(ok)
    client = server.client()
    sender = server.host.tasks.spawn(client.send, raw)
    found, head, body = client.answer()
    assert found == status
    assert b"Connection: close" in head
    assert body
    client.close()
    with contextlib.suppress(PeerGone):
        sender.wait()


def test_head_limits_are_settings(start: Start) -> None:
    limits = HttpLimits(head=HeadLimits(header_line_bytes=20_000, request_line_bytes=30))
    server = start(ok, limits)
    assert server.ask(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n")[0] == 200
    assert server.ask(b"GET /" + b"a" * 40 + b" HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 414


# Bodies the app leaves unread


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_small_unread_body_is_drained(start: Start, framing: str) -> None:
    data = b"x" * 1000
    if framing == "length":
        raw = b"Content-Length: 1000\r\n\r\n" + data
    else:
        raw = b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + data + b"\r\n0\r\n\r\n"
    client = start(ok).client().send(b"PUT / HTTP/1.1\r\nHost: h\r\n" + raw + GET)
    assert client.answer()[0] == 200
    assert client.answer()[0] == 200


def test_a_large_unread_body_is_refused_but_the_answer_arrives(start: Start) -> None:
    server = start(ok, HttpLimits(linger_timeout=5))
    client = server.client()
    sender = server.host.tasks.spawn(
        client.send,
        b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000,
    )
    status, head, body = client.answer()
    assert (status, body) == (200, b"ok")
    assert b"Connection: close" in head
    assert client.rest() == b""
    client.close()
    with contextlib.suppress(PeerGone):
        sender.wait()


# 100 Continue

EXPECTING = b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"


def test_the_first_read_sends_a_100(start: Start) -> None:
    client = start(read_all).client().send(EXPECTING)
    assert client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert client.answer()[2] == b"3"
    assert client.send(GET).answer()[0] == 200


def test_a_100_is_sent_for_chunks_too(start: Start) -> None:
    client = start(read_all).client()
    client.send(EXPECTING.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked"))
    assert client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert client.send(b"3\r\nabc\r\n0\r\n\r\n").answer()[2] == b"3"


def test_no_100_for_a_body_of_nothing_or_http_1_0(start: Start) -> None:
    server = start(read_all)
    assert server.ask(EXPECTING.replace(b": 3", b": 0"))[0] == 200
    assert server.client().send(EXPECTING.replace(b"1.1", b"1.0") + b"abc").answer()[2] == b"3"


def test_a_refusal_needs_no_100_and_closes(start: Start) -> None:
    client = start(ok).client().send(EXPECTING)
    status, head, _ = client.answer()
    assert status == 200
    assert b"Connection: close" in head
    assert client.closed()


def test_the_app_may_send_100s_with_headers(start: Start) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        send_continue, body = environ["swiftlite.continue"], environ["wsgi.input"]
        send_continue([("X-Obj-Metadata-Footer", "yes"), ("X-Obj-Multiphase-Commit", "yes")])
        first = body.read(3)
        send_continue()
        second = body.read(3)
        start_response("201 Created", [])
        return [first + b"+" + second]

    client = start(app).client().send(EXPECTING.replace(b": 3", b": 6"))
    assert client.head() == (
        b"HTTP/1.1 100 Continue\r\n"
        b"X-Obj-Metadata-Footer: yes\r\nX-Obj-Multiphase-Commit: yes\r\n\r\n"
    )
    client.send(b"abc")
    assert client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"def")
    assert client.answer()[2] == b"abc+def"


# Apps that do not keep their word


def failing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("secret of /etc/swift")


def failing_later(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    yield b"some"
    raise RuntimeError("secret of /etc/swift")


def failing_before_the_first_block(
    environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    start_response("200 OK", [])
    if environ:
        raise RuntimeError("secret of /etc/swift")
    yield b"never"


def never_starting(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return [b"x"]


def starting_twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"x"]


def bad_status(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("fine", [])
    return [b"x"]


def informational(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("100 Continue", [])
    return [b"x"]


def bad_length(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "x")])
    return [b"x"]


def two_lengths(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "1"), ("content-length", "1")])
    return [b"x"]


@pytest.mark.parametrize(
    "app",
    [
        failing,
        failing_before_the_first_block,
        never_starting,
        starting_twice,
        bad_status,
        informational,
        bad_length,
        two_lengths,
    ],
)
def test_a_failing_app_is_a_500_without_its_reasons(start: Start, app: Any) -> None:  # noqa: ANN401
    server = start(app)
    client = server.client().send(GET)
    status, head, body = client.answer()
    assert status == 500
    assert b"secret" not in body
    assert b"Traceback" not in body
    assert b"Connection: close" in head
    assert len(server.log.lines) == 1
    assert "GET /a" in server.log.lines[0]


def test_an_app_that_fails_in_the_middle_ends_the_connection_visibly(start: Start) -> None:
    server = start(failing_later)
    everything = server.client().send(GET).rest()
    assert everything.endswith(b"4\r\nsome\r\n")
    assert len(server.log.lines) == 1


def with_length(length: int, body: Any) -> Any:  # noqa: ANN401 - whatever an app may return
    def app(environ: Environ, start_response: StartResponse) -> Any:  # noqa: ANN401 - as above
        start_response("200 OK", [("Content-Length", str(length))])
        return body

    return app


class SendsItself:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("should send itself")

    def send_to(self, stream: Stream) -> int:
        stream.send_all(self.data)
        return len(self.data)


@pytest.mark.parametrize("body", [[b"abc"], (b"a", b"bc"), iter([b"a", b"b", b"c"])])
def test_never_more_than_promised(start: Start, body: Any) -> None:  # noqa: ANN401
    server = start(with_length(2, body))
    everything = server.client().send(GET + GET).rest()
    assert everything.endswith(b"\r\n\r\nab")
    assert "longer than its Content-Length" in server.log.lines[0]


@pytest.mark.parametrize("body", [[b"abc"], [], iter([b"abc"]), SendsItself(b"abc")])
def test_less_than_promised_ends_the_connection(start: Start, body: Any) -> None:  # noqa: ANN401
    server = start(with_length(5, body))
    everything = server.client().send(GET + GET).rest()
    assert everything.count(b"HTTP/1.1 200") == 1
    assert everything.endswith((b"\r\n\r\nabc", b"\r\n\r\n"))
    assert len(server.log.lines) == 1


def test_start_response_may_be_corrected_before_anything_is_sent(start: Start) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError("no")
        except ValueError as error:
            start_response("503 Busy", [], (ValueError, error, error.__traceback__))
        return [b"sorry"]

    status, head, body = start(app).ask(GET)
    assert (status, body) == (503, b"sorry")
    assert b"X-First" not in head


def test_start_response_raises_the_error_again_once_the_head_is_out(start: Start) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"begun")
        try:
            raise ValueError("too late")
        except ValueError as error:
            start_response("503 Busy", [], (ValueError, error, error.__traceback__))
        return [b"sorry"]

    server = start(app)
    assert b"sorry" not in server.client().send(GET).rest()
    assert "too late" in server.log.lines[0]


def test_wsgi_errors_go_to_the_log(start: Start) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        print("a line of an old middleware", file=environ["wsgi.errors"])
        start_response("200 OK", [])
        return []

    server = start(app)
    server.ask(GET)
    assert server.log.lines == ["a line of an old middleware"]


# The end


def test_draining_lets_requests_finish_and_closes_the_idle(start: Start) -> None:
    gate: list[Any] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            gate[0].set()
            gate[1].wait()
        start_response("200 OK", [])
        return [b"done"]

    server = start(app)
    host = server.host
    gate[:] = [host.tasks.event(), host.tasks.event()]
    idle = server.client().send(GET)
    idle.answer()
    busy = server.client().send(GET.replace(b"/a", b"/slow"))
    gate[0].wait()
    drained = host.tasks.spawn(server.acceptor.drain, host.clock.monotonic() + 20)
    assert idle.closed()
    gate[1].set()
    _, head, body = busy.answer()
    assert body == b"done"
    assert b"Connection: close" in head
    assert drained.wait() is True
    assert server.acceptor.connections == 0


def test_draining_cuts_off_what_does_not_finish(start: Start) -> None:
    never: list[Any] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        never[0].set()
        never[1].wait()
        return []

    server = start(app)
    host = server.host
    never[:] = [host.tasks.event(), host.tasks.event()]
    client = server.client().send(GET)
    never[0].wait()
    assert server.acceptor.drain(host.clock.monotonic() + SHORT) is False
    assert client.closed()
