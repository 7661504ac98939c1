"""Requests that are as they should be, and the answers they get."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftlite.host.net import FileSpan, Stream
from swiftlite.httpd.limits import HttpLimits

Start = Callable[..., Any]
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("X-Path", environ["PATH_INFO"]), ("X-Size", str(len(body)))])
    return [body]


def fixed(
    body: object, status: str = "200 OK", headers: list[tuple[str, str]] | None = None
) -> Callable[..., Any]:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> object:
        start_response(status, list(headers or []))
        return body() if callable(body) else body

    return app


def test_a_get(start: Start) -> None:
    status, head, body = start(echo).ask(GET)
    assert (status, body) == (200, b"")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-Path: /a\r\nX-Size: 0\r\nDate: ")
    assert b"\r\nContent-Length: 0\r\n" in head
    assert b"Connection" not in head


def test_the_environ(start: Start) -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    server = start(app)
    server.ask(b"PUT /v1/a%20b?q=1 HTTP/1.1\r\nHost: h:1\r\nX-A: b\r\nContent-Length: 0\r\n\r\n")
    assert seen["REQUEST_METHOD"] == "PUT"
    assert seen["PATH_INFO"] == "/v1/a b"
    assert seen["RAW_PATH_INFO"] == "/v1/a%20b"
    assert seen["QUERY_STRING"] == "q=1"
    assert seen["SCRIPT_NAME"] == ""
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["SERVER_NAME"] == "127.0.0.1"
    assert seen["SERVER_PORT"] == str(server.address[1])
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["HTTP_X_A"] == "b"
    assert seen["CONTENT_LENGTH"] == "0"
    assert seen["wsgi.version"] == (1, 0)
    assert seen["wsgi.url_scheme"] == "http"
    assert seen["wsgi.input_terminated"] is True
    assert seen["wsgi.input"].read() == b""
    assert callable(seen["swiftlite.continue"])
    assert isinstance(seen["swiftlite.stream"].fileno(), int)


def test_many_requests_on_one_connection(start: Start) -> None:
    client = start(echo).client()
    for i in range(20):
        body = b"x" * i
        client.send(b"PUT /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (i, i, body))
        status, head, answer = client.answer()
        assert (status, answer) == (200, body)
        assert b"X-Path: /%d\r\n" % i in head


def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    client = start(echo).client()
    requests = [
        b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        b"PUT /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n",
        b"GET /4 HTTP/1.1\r\nHost: h\r\n\r\n",
    ]
    client.send(b"".join(requests))
    answers = [client.answer() for _ in requests]
    assert [body for _, _, body in answers] == [b"", b"abc", b"de", b""]
    for i, (_, head, _) in enumerate(answers, 1):
        assert b"X-Path: /%d\r\n" % i in head


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_a_request_may_come_in_pieces(start: Start, piece: int) -> None:
    raw = (
        b"PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nX-T: 1\r\n\r\nGET /q HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    server = start(echo)
    client = server.client()
    for at in range(0, len(raw), piece):
        client.send(raw[at : at + piece])
        server.host.tasks.sleep(0)
    assert client.answer()[2] == b"abcd"
    assert b"X-Path: /q\r\n" in client.answer()[1]


def test_one_line_end_too_many_is_forgiven(start: Start) -> None:
    client = start(echo).client()
    client.send(b"PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx\r\n" + GET)
    assert client.answer()[2] == b"x"
    assert client.answer()[0] == 200


def test_http_1_0_closes_unless_asked(start: Start) -> None:
    server = start(echo)
    client = server.client().send(b"GET / HTTP/1.0\r\n\r\n")
    _, head, _ = client.answer()
    assert b"Connection: close\r\n" in head
    assert client.closed()
    client = server.client()
    for _ in range(2):
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert b"Connection: keep-alive\r\n" in client.answer()[1]


def test_a_client_may_ask_to_close(start: Start) -> None:
    client = start(echo).client().send(GET.replace(b"Host", b"Connection: Close\r\nHost"))
    assert b"Connection: close\r\n" in client.answer()[1]
    assert client.closed()


def test_without_keepalive_each_connection_has_one_request(start: Start) -> None:
    client = start(echo, HttpLimits(keepalive_timeout=0)).client().send(GET + GET)
    assert b"Connection: close\r\n" in client.answer()[1]
    assert client.closed()


def test_head_has_no_body_but_its_headers(start: Start) -> None:
    client = start(fixed([b"body"], headers=[("Content-Length", "4")])).client()
    client.send(GET.replace(b"GET", b"HEAD") + GET)
    status, head, _ = client.answer("HEAD")
    assert status == 200
    assert b"Content-Length: 4\r\n" in head
    assert client.answer()[2] == b"body"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_answers_never_have_a_body(start: Start, status: str) -> None:
    client = start(fixed([b"never"], status)).client().send(GET + GET)
    for _ in range(2):
        found, head, _ = client.answer()
        assert found == int(status[:3])
        assert b"chunked" not in head


def blocks(*sizes: int) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([bytes([65 + i % 26]) * size for i, size in enumerate(sizes)])


@pytest.mark.parametrize(
    "sizes",
    [(), (0,), (1,), (0, 0, 3, 0, 4), (65536,), (65537,), (10, 70000, 200000, 1), (3_000_000,)],
)
def test_an_iterator_is_sent_in_chunks_or_until_close(start: Start, sizes: tuple[int, ...]) -> None:
    expected = b"".join(blocks(*sizes)())
    server = start(fixed(blocks(*sizes)))
    client = server.client().send(GET + GET)
    for _ in range(2):
        _, head, body = client.answer()
        assert body == expected
        assert (b"Transfer-Encoding: chunked" in head) == bool(expected)
    _, head, body = server.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert body == expected
    assert b"chunked" not in head


@pytest.mark.parametrize("sizes", [(0, 5), (5, 70000), (70000, 5), (1_000_000, 1_000_000)])
def test_an_iterator_of_known_length(start: Start, sizes: tuple[int, ...]) -> None:
    app = fixed(blocks(*sizes), headers=[("Content-Length", str(sum(sizes)))])
    client = start(app).client().send(GET + GET)
    for _ in range(2):
        _, head, body = client.answer()
        assert body == b"".join(blocks(*sizes)())
        assert b"chunked" not in head


@pytest.mark.parametrize("body", [[], (), [b""], [b"a"], [b"a", b"b"], (b"x" * 100_000, b"y")])
def test_a_list_gets_its_length(start: Start, body: list[bytes] | tuple[bytes, ...]) -> None:
    client = start(fixed(body)).client().send(GET + GET)
    for _ in range(2):
        _, head, answer = client.answer()
        assert answer == b"".join(body)
        assert b"Content-Length: %d\r\n" % len(answer) in head


def test_write_sends_at_once(start: Start) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"one")
        write(b"")
        write(b"two")
        return [b"three"]

    client = start(app).client().send(GET + GET)
    for _ in range(2):
        assert client.answer()[2] == b"onetwothree"


class FileBody:
    """A body that sends itself from a file."""

    def __init__(self, path: Path, size: int, log: list[str]) -> None:
        self.fd = os.open(path, os.O_RDONLY)
        self.span = FileSpan(self.fd, 0, size)
        self.log = log

    def __iter__(self) -> Iterator[bytes]:
        self.log.append("iterated")
        yield os.pread(self.fd, self.span.length, 0)

    def send_to(self, stream: Stream) -> int:
        self.log.append("sent")
        return self.span.send_to(stream)

    def close(self) -> None:
        self.log.append("closed")
        os.close(self.fd)


@pytest.mark.parametrize("size", [1, 1000, 3_000_000])
def test_a_body_may_send_itself(start: Start, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    log: list[str] = []
    headers = [("Content-Length", str(size))]
    app = fixed(lambda: FileBody(tmp_path / "f", size, log), headers=headers)
    client = start(app).client().send(GET + GET)
    for _ in range(2):
        assert client.answer()[2] == data
    assert log == ["sent", "closed"] * 2


def test_a_self_sending_body_is_iterated_when_its_length_is_unknown(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"data")
    log: list[str] = []
    client = start(fixed(lambda: FileBody(tmp_path / "f", 4, log))).client().send(GET + GET)
    assert client.answer()[2] == b"data"
    client.answer()
    assert log == ["iterated", "closed"] * 2


def test_a_self_sending_body_is_not_sent_to_head(start: Start, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"data")
    log: list[str] = []
    app = fixed(lambda: FileBody(tmp_path / "f", 4, log), headers=[("Content-Length", "4")])
    client = start(app).client().send(GET.replace(b"GET", b"HEAD") + GET)
    client.answer("HEAD")
    assert client.answer()[2] == b"data"
    assert log == ["closed", "sent", "closed"]


@pytest.mark.parametrize("size", [0, 1, 1000, 65536, 65537, 2_000_000])
@pytest.mark.parametrize("chunk", [None, 1000, 65536, 300_000])
def test_bodies_of_all_sizes_come_in(start: Start, size: int, chunk: int | None) -> None:
    data = os.urandom(size)
    if chunk is None:
        raw = b"Content-Length: %d\r\n\r\n%s" % (size, data)
    else:
        parts = [data[i : i + chunk] for i in range(0, size, chunk)]
        raw = b"Transfer-Encoding: chunked\r\n\r\n"
        raw += b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
    server = start(echo)
    client = server.client()
    sender = server.host.tasks.spawn(client.send, b"PUT / HTTP/1.1\r\nHost: h\r\n" + raw + GET)
    assert client.answer()[2] == data
    assert client.answer()[0] == 200
    sender.wait()


def test_the_ways_to_read_a_body(start: Start) -> None:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        seen.append(body.read(0))
        seen.append(body.read(2))
        seen.append(body.readline())
        seen.append(body.readline(2))
        view = memoryview(bytearray(3))
        seen.append(bytes(view[: body.readinto(view)]))
        seen.append(body.readlines())
        seen.append(body.read(5))
        seen.append(body.readinto(view))
        seen.append(body.readline())
        start_response("200 OK", [])
        return []

    data = b"ab1\nline2\nxyz\nlast"
    expected = [b"", b"ab", b"1\n", b"li", b"ne2", [b"\n", b"xyz\n", b"last"], b"", 0, b""]
    client = start(app).client()
    client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
    client.send(GET)
    assert client.answer()[0] == client.answer()[0] == 200
    assert seen[:9] == expected
    seen.clear()
    client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
    client.answer()
    assert seen == expected


def test_lines_may_span_chunks(start: Start) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        lines = list(environ["wsgi.input"])
        start_response("200 OK", [("X-Lines", str(len(lines)))])
        return [b"|".join(lines)]

    client = start(app).client()
    client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"2\r\nab\r\n3\r\ncd\n\r\n1\r\ne\r\n0\r\n\r\n")
    assert client.answer()[2] == b"abcd\n|e"


def test_a_unix_socket_serves_as_well(start: Start, tmp_path: Path) -> None:
    server = start(echo, address=str(tmp_path / "sock"))
    assert server.ask(GET)[0] == 200


def test_a_header_of_the_app_may_not_end_its_line(start: Start) -> None:
    server = start(fixed([b"x"], headers=[("X-A", "b\r\nX-Evil: c")]))
    status, head, body = server.ask(GET)
    assert status == 500
    assert b"Evil" not in head + body


def test_hop_by_hop_headers_of_the_app_are_dropped(start: Start) -> None:
    headers = [("Transfer-Encoding", "chunked"), ("Keep-Alive", "x"), ("X-Kept", "y")]
    _, head, body = start(fixed([b"abc"], headers=headers)).ask(GET)
    assert body == b"abc"
    assert b"Transfer-Encoding" not in head
    assert b"X-Kept: y" in head


def test_the_app_may_close_the_connection(start: Start) -> None:
    client = start(fixed([b"abc"], headers=[("Connection", "close")])).client().send(GET + GET)
    _, head, _ = client.answer()
    assert head.count(b"Connection: close") == 1
    assert client.closed()


def test_a_date_of_the_app_is_kept(start: Start) -> None:
    _, head, _ = start(fixed([b""], headers=[("Date", "then")])).ask(GET)
    assert head.count(b"Date:") == 1
    assert b"Date: then" in head
