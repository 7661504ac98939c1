"""Whatever bytes come, in whatever pieces: answers that are HTTP, no error of ours, one reading."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from swiftlite.host.net import Address, Bytes
from swiftlite.host.os_clock import OsClock
from swiftlite.httpd.connection import Connection, Service
from swiftlite.httpd.limits import HttpLimits
from swiftlite.httpd.wsgi import DateLine, server_environ
from swiftlite.protocols.http1.heads import read_answer_head


class ScriptedStream:
    """A client whose pieces are all there already, and which then leaves."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.sent = b""
        self.deadline: float | None = None
        self.idle_s: float | None = None
        self.peer: Address = ("127.0.0.1", 1)

    def recv(self, n: int) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces[0][:n]
        self.pieces[0] = self.pieces[0][n:]
        if not self.pieces[0]:
            del self.pieces[0]
        return piece

    def recv_into(self, view: memoryview) -> int:
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def send_all(self, data: Bytes, more: bool = False) -> None:
        self.sent += data

    def send_file(self, fd: int, offset: int, count: int) -> int:
        raise AssertionError("no files here")

    def quiet(self) -> bool:
        return not self.pieces

    def shutdown_sending(self) -> None: ...

    def close(self) -> None: ...

    def fileno(self) -> int:
        return 0


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        self.lines.append(message)

    error = exception = warning


class StillClock(OsClock):
    __slots__ = ()

    def __init__(self) -> None:
        self.wall = self.monotonic = lambda: 1_767_225_600.0


def serve(pieces: list[bytes]) -> tuple[bytes, list[Any]]:
    """(everything answered, what the app saw) for a client that sends these pieces."""
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        seen.append((environ["REQUEST_METHOD"], environ["RAW_PATH_INFO"], body))
        start_response("200 OK", [])
        return [b"%d" % len(body)]

    log, clock = Log(), StillClock()
    stream = ScriptedStream(pieces)
    service = Service(
        app,
        server_environ(("127.0.0.1", 80), log),
        limits=HttpLimits(),
        log=log,
        date=DateLine(clock),
        monotonic=clock.monotonic,
        let_others_run=lambda: None,
    )
    Connection(service, stream).run()
    assert log.lines == []
    return stream.sent, seen


def check_answers(sent: bytes, requests: int) -> None:
    """A sequence of whole answers; after an error there is no other."""
    count = 0
    while sent:
        head, end, sent = sent.partition(b"\r\n\r\n")
        assert end
        status, _, _, headers = read_answer_head(head)
        if status == 100:
            continue
        sent = sent[int(headers["Content-Length"]) :]
        count += 1
        assert status != 500
        if status != 200:
            assert headers["Connection"] == "close"
            assert sent == b""
            count -= 1
    assert count == requests


def statuses(sent: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1.1 ([0-9]{3}) ", sent)


FRAGMENTS = [
    b"GET ", b"PUT ", b"/a", b"/b?c=d", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\r\n\r\n", b"\n",
    b"\r", b"Host: h", b"Content-Length: ", b"Transfer-Encoding: chunked", b"Connection: close",
    b"Connection: keep-alive", b"Expect: 100-continue", b"0", b"5", b"0\r\n\r\n", b"5\r\nabcde\r\n",
    b"a;b=c\r\n", b": ", b"X-A: b", b"X_A: b", b" ", b"\t", b"\x00", b"\xff", b"abcde", b",",
    b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"PUT /y HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde",
    b"PUT /z HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
]  # fmt: skip

conversations = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=12).map(
    b"".join
)


@settings(max_examples=400, deadline=None)
@given(conversations)
def test_any_bytes_get_answers_that_are_http(data: bytes) -> None:
    sent, seen = serve([data])
    check_answers(sent, len(seen))


@settings(max_examples=400, deadline=None)
@given(conversations, st.lists(st.integers(min_value=1, max_value=40), max_size=20))
def test_pieces_make_no_difference(data: bytes, cuts: list[int]) -> None:
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    sent, seen = serve([*pieces, rest])
    sent_at_once, seen_at_once = serve([data])
    assert seen == seen_at_once
    assert statuses(sent) == statuses(sent_at_once)  # of two mistakes either may be told first


requests = st.tuples(
    st.sampled_from([b"PUT", b"POST", b"GET", b"REPLICATE"]),
    st.sampled_from([b"/a", b"/b%20c", b"/v1/a/c/o"]),
    st.none() | st.lists(st.binary(min_size=1, max_size=50), max_size=4),  # None: by length
    st.binary(max_size=60),
)


def render(method: bytes, path: bytes, chunks: list[bytes] | None, body: bytes) -> bytes:
    head = method + b" " + path + b" HTTP/1.1\r\nHost: h\r\n"
    if chunks is None:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    encoded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + encoded + b"0\r\n\r\n"


@settings(deadline=None)
@given(st.lists(requests, max_size=5), st.integers(min_value=1, max_value=200))
def test_good_requests_arrive_as_they_were_sent(
    sent: list[tuple[bytes, bytes, list[bytes] | None, bytes]], piece: int
) -> None:
    data = b"".join(render(*request) for request in sent)
    _, seen = serve([data[i : i + piece] for i in range(0, len(data), piece)])
    assert seen == [
        (method.decode(), path.decode(), body if chunks is None else b"".join(chunks))
        for method, path, chunks, body in sent
    ]
