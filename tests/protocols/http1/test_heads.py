"""Heads: what is read out of a good one, and the sentence each kind of bad one gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.protocols.http1 import heads
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.heads import (
    HeadLimits,
    check_trailer_line,
    head_can_still_be_good,
    read_answer_head,
    read_request_head,
)

LIMITS = HeadLimits()


def read(head: bytes, limits: HeadLimits = LIMITS) -> dict[str, Any]:
    environ: dict[str, Any] = {}
    environ["http11"] = read_request_head(head, environ, limits)
    return environ


def with_line(line: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + line


def test_a_request_becomes_an_environ() -> None:
    environ = read(
        b"PUT /v1/a/c%20d/o?x=%20y&z HTTP/1.1\r\nHost: h:8080\r\ncontent-type: text/plain\r\n"
        b"Content-Length: 5\r\nx-object-meta-color:  blue \t\r\nX-Empty:"
    )
    assert environ == {
        "REQUEST_METHOD": "PUT",
        "RAW_PATH_INFO": "/v1/a/c%20d/o",
        "PATH_INFO": "/v1/a/c d/o",
        "QUERY_STRING": "x=%20y&z",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "h:8080",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "5",
        "HTTP_X_OBJECT_META_COLOR": "blue",
        "HTTP_X_EMPTY": "",
        "http11": True,
    }


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", ""),
        (b"/?", "/", ""),
        (b"/a?b?c", "/a", "b?c"),
        (b"//a//b", "//a//b", ""),
        (b"/a%2Fb", "/a/b", ""),
        (b"/%E2%82%AC", "/\xe2\x82\xac", ""),
        (b"/\xe2\x82\xac", "/\xe2\x82\xac", ""),
        (b"/%ff", "/\xff", ""),
        (b"/%00x", "/\x00x", ""),
        (b"/100%", "/100%", ""),
        (b"/%0d%0aX:y", "/\r\nX:y", ""),
        (b"/a;b=c", "/a;b=c", ""),
        (b"/a#b", "/a#b", ""),
        (b"http://other:99/p?q", "/p", "q"),
        (b"HTTP://other", "/", ""),
        (b"https://other?q", "/", "q"),
    ],
)
def test_targets(target: bytes, path: str, query: str) -> None:
    environ = read(b"GET " + target + b" HTTP/1.1\r\nHost: a")
    assert environ["PATH_INFO"] == path
    assert environ["QUERY_STRING"] == query


def test_the_host_of_an_absolute_target_counts() -> None:
    environ = read(b"GET http://other:99/p HTTP/1.1\r\nHost: a")
    assert environ["HTTP_HOST"] == "other:99"


def test_options_may_ask_for_everything() -> None:
    assert read(b"OPTIONS * HTTP/1.1\r\nHost: a")["PATH_INFO"] == "*"


def test_any_token_is_a_method() -> None:
    assert read(b"REPLICATE /sda/1 HTTP/1.1\r\nHost: a")["REQUEST_METHOD"] == "REPLICATE"
    assert read(b"X-odd!1 / HTTP/1.1\r\nHost: a")["REQUEST_METHOD"] == "X-odd!1"


def test_http_1_0_needs_no_host() -> None:
    environ = read(b"GET / HTTP/1.0")
    assert environ["http11"] is False
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_utf8_in_header_names_and_values_stays_as_it_came() -> None:
    environ = read(with_line(b"X-Object-Meta-\xc3\x9c\xc3\xbc\xc2\xb5\xc3\x9f: \xe2\x82\xac"))
    assert environ["HTTP_X_OBJECT_META_\xc3\x9c\xc3\xbc\xc2\xb5\xc3\x9f"] == "\xe2\x82\xac"


def test_equal_names_are_joined() -> None:
    assert read(with_line(b"X-A: 1\r\nx-a: 2"))["HTTP_X_A"] == "1,2"
    assert read(with_line(b"Cookie: a=1\r\nCookie: b=2"))["HTTP_COOKIE"] == "a=1; b=2"


def test_a_name_with_an_underscore_is_dropped() -> None:
    environ = read(with_line(b"X_Auth_Token: evil\r\nX_Auth_Token: worse"))
    assert "HTTP_X_AUTH_TOKEN" not in environ
    assert "" not in environ
    environ = read(with_line(b"X-Auth-Token: good\r\nX_Auth_Token: evil"))
    assert environ["HTTP_X_AUTH_TOKEN"] == "good"


BAD_REQUEST_LINES = [
    b"",
    b"GET",
    b"GET /",
    b"GET / HTTP/1.1 ",
    b" GET / HTTP/1.1",
    b"GET  / HTTP/1.1",
    b"GET /  HTTP/1.1",
    b"GET /a b HTTP/1.1",
    b"GET\t/\tHTTP/1.1",
    b"GET /a\tb HTTP/1.1",
    b"GET\x0b/ HTTP/1.1",
    b"GET / HTTP/1.1\x00",
    b"GET /\x00 HTTP/1.1",
    b"GET /\x7f HTTP/1.1",
    b"GET / http/1.1",
    b"GET / HTTP/1",
    b"GET / HTTP/1.10",
    b"GET / HTTP/11",
    b"GET / HTTP/1.1.1",
    b"GET / HTTP/ 1.1",
    b"GET / HTTP/\xb2.1",
    b"GET / XHTTP/1.1",
    b"G(T / HTTP/1.1",
    b"G\xc3\x84T / HTTP/1.1",
    b"GET path HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET ?q HTTP/1.1",
    b"GET host:80 HTTP/1.1",
    b"CONNECT host:80 HTTP/1.1",
    b"GET ftp://h/ HTTP/1.1",
    b"GET http:// HTTP/1.1",
    b"GET http:///p HTTP/1.1",
    b"GET http://user@h/ HTTP/1.1",
    b"GET http://h<b>/ HTTP/1.1",
]


@pytest.mark.parametrize("line", BAD_REQUEST_LINES)
def test_a_bad_request_line_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(line + b"\r\nHost: a")
    assert caught.value.status == 400
    assert caught.value.sentence.endswith((".", "'", '"'))


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/9.9"])
def test_other_versions_are_named_as_such(version: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(b"GET / " + version + b"\r\nHost: a")
    assert caught.value.status == 505


BAD_HEADER_LINES = [
    b"X-No-Colon",
    b"",
    b": no name",
    b":",
    b" X-Folded: a",
    b"\tX-Folded: a",
    b"X-A: 1\r\n folded",
    b"X-Space : a",
    b"X-Tab\t: a",
    b"X Y: a",
    b"X-\x00: a",
    b"X-A: \x00",
    b"X-A: a\x0bb",
    b"X-A: a\x0cb",
    b"X-A: a\x1bb",
    b"X-A: a\x7fb",
    b"X-A\x0b: a",
    b"X-A: a\rX-B: b",
    b"X-A: a\nX-B: b",
    b"X-A\r: b",
    b"\rX-A: b",
    b"X-A: a\r",
    b"X-A: a\n",
    b"X-A: a\r\r\nX-B: c",
    b"X-A: a\n\r\nX-B: c",
    b"X(A): b",
    b"X/A: b",
    b"X=A: b",
    b"X@A: b",
    b"X[A]: b",
    b"X{A}: b",
    b'X"A: b',
    b"X,A: b",
    b"X;A: b",
    b"X\\A: b",
    b"Content_Length: 5",
    b"content_length: 5",
    b"Transfer_Encoding: chunked",
    b"transfer-encoding_: x\r\nTransfer_Encoding: chunked",
    b"Content_Type: x",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5\r\ncontent-length: 5",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    b"Host: b",
    b"HOST: a",
    b"Expect: 100-continue\r\nExpect: 100-continue",
    b"Content-Type: a\r\nContent-Type: b",
]


@pytest.mark.parametrize("line", BAD_HEADER_LINES)
def test_a_bad_header_line_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(with_line(line))
    assert caught.value.status == 400
    assert "\r" not in caught.value.sentence
    assert "\n" not in caught.value.sentence


@pytest.mark.parametrize(
    "host",
    [b"a b", b"a,b", b"a/b", b"a@b", b"a:b", b"[::1", b"a:80:80", b"a?b", b"<a>", b"\xc3\xa4"],
)
def test_a_bad_host_is_refused(host: bytes) -> None:
    with pytest.raises(Malformed):
        read(b"GET / HTTP/1.1\r\nHost: " + host)


@pytest.mark.parametrize("host", [b"", b"a", b"a.b:80", b"[::1]:80", b"127.0.0.1", b"a:", b"a_b"])
def test_good_hosts(host: bytes) -> None:
    assert read(b"GET / HTTP/1.1\r\nHost: " + host)["HTTP_HOST"] == host.decode()


def test_http_1_1_needs_a_host() -> None:
    with pytest.raises(Malformed, match="Host"):
        read(b"GET / HTTP/1.1\r\nX-A: b")


def test_limits_and_their_statuses() -> None:
    long_value = b"v" * 8192
    with pytest.raises(Malformed, match="header line is longer than 8192") as caught:
        read(with_line(b"X-A: " + long_value))
    assert caught.value.status == 400
    assert read(with_line(b"X-A: " + long_value[: 8192 - 5]))["HTTP_X_A"] == "v" * (8192 - 5)
    with pytest.raises(Malformed, match="request line is longer than 8192") as caught:
        read(b"GET /" + long_value + b" HTTP/1.1\r\nHost: a")
    assert caught.value.status == 414
    many = b"\r\n".join(b"X-%d: v" % i for i in range(125))
    assert len(read(with_line(many))) > 125
    with pytest.raises(Malformed, match="more than 126 headers") as caught:
        read(with_line(many + b"\r\nX-More: v"))
    assert caught.value.status == 400


def test_limits_are_settings() -> None:
    limits = HeadLimits(header_line_bytes=20, request_line_bytes=20, header_count=2)
    read(b"GET / HTTP/1.1\r\nHost: a", limits)
    with pytest.raises(Malformed):
        read(b"GET /aaaaaaaaaaaa HTTP/1.1\r\nHost: a", limits)
    with pytest.raises(Malformed):
        read(b"GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaa", limits)
    with pytest.raises(Malformed):
        read(b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d", limits)


def test_hostile_names_do_not_fill_memory() -> None:
    from swiftlite.protocols.http1.names import environ_keys, usual_names

    for i in range(10_000):
        read(with_line(b"X-Random-%d: 1" % i))
    assert len(environ_keys) <= 4096
    assert len(usual_names) <= 4096


def test_hostile_lines_do_not_fill_memory() -> None:
    for number in range(heads._KNOWN_LINES_MAX * 2):
        read(with_line(b"X-A: %d\r\nX-B: %s" % (number, b"b" * 1000)))
        read_answer_head(b"HTTP/1.1 200 OK\r\nX-A: %d" % number)
    for known in (heads._request_lines, heads._answer_lines):
        assert len(known) <= heads._KNOWN_LINES_MAX
        assert max(map(len, known)) <= heads._KNOWN_LINE_LENGTH_MAX


_NAMES = st.sampled_from([b"X-A", b"x-a", b"X-B", b"X_A", b"Cookie", b"X-C"])
_VALUES = st.sampled_from([b"1", b" 2", b"", b"3 "])


@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=8))
def test_repetitions_are_joined_in_their_order(pairs: list[tuple[bytes, bytes]]) -> None:
    head = b"".join(b"\r\n%s:%s" % pair for pair in pairs)
    wanted: dict[str, list[str]] = {}
    for name, value in pairs:
        if b"_" not in name:
            key = "HTTP_" + name.decode().upper().replace("-", "_")
            wanted.setdefault(key, []).append(value.decode().strip())
    environ = read(b"GET / HTTP/1.1\r\nHost: a" + head)
    joined = {k: ("; " if k == "HTTP_COOKIE" else ",").join(v) for k, v in wanted.items()}
    assert {k: v for k, v in environ.items() if k[:6] in ("HTTP_X", "HTTP_C")} == joined
    headers = read_answer_head(b"HTTP/1.1 200 OK" + head)[3]
    assert set(headers) == {name.decode().title() for name, _ in pairs}


@given(st.binary(max_size=200))
def test_any_bytes_are_either_read_or_refused(noise: bytes) -> None:
    try:
        environ = read(b"GET / HTTP/1.1\r\nHost: a\r\n" + noise)
    except Malformed:
        return
    for key, value in environ.items():
        assert key
        if isinstance(value, str) and key not in ("PATH_INFO",):
            assert not set(value) & set("\r\n\0")


@given(st.binary(max_size=100))
def test_any_request_line_is_either_read_or_refused(noise: bytes) -> None:
    try:
        environ = read(noise + b"\r\nHost: a")
    except Malformed:
        return
    assert environ["PATH_INFO"].startswith("/") or environ["PATH_INFO"] == "*"


# Answers


def test_an_answer_is_read() -> None:
    status, reason, http11, headers = read_answer_head(
        b"HTTP/1.1 404 Not Found\r\netag: x\r\nx-timestamp: 1\r\nVary: a\r\nVary: b"
    )
    assert (status, reason, http11) == (404, "Not Found", True)
    assert headers == {"ETag": "x", "X-Timestamp": "1", "Vary": "a, b"}


def test_a_status_line_may_lack_its_reason() -> None:
    assert read_answer_head(b"HTTP/1.0 200")[:3] == (200, "", False)
    assert read_answer_head(b"HTTP/1.1 200 ")[:3] == (200, "", True)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 2 0 OK",
        b"HTTP/1.1 \xb2\xb2\xb2 OK",
        b"HTTP/2.0 200 OK",
        b"ICY 200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 200 OK\r\n folded: x",
        b"HTTP/1.1 200 OK\r\nX: a\nY: b",
        b"HTTP/1.1 200 OK\r\nX: a\rY: b",
        b"HTTP/1.1 200 OK\r\nX: \x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: chunked",
    ],
)
def test_a_bad_answer_is_refused(head: bytes) -> None:
    with pytest.raises(Malformed):
        read_answer_head(head)


@given(st.binary(max_size=100))
def test_any_answer_is_either_read_or_refused(noise: bytes) -> None:
    try:
        status, *_ = read_answer_head(b"HTTP/1.1 " + noise)
    except Malformed:
        return
    assert 100 <= status <= 999


# What is not yet a head


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nHost: a\n\n", b"\n"])
def test_bare_line_feeds_are_noticed_before_the_head_ends(data: bytes) -> None:
    with pytest.raises(Malformed, match="bare LF"):
        head_can_still_be_good(data)


def test_a_partial_head_is_given_time() -> None:
    for data in (b"", b"GE", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\nHos"):
        head_can_still_be_good(data)
        with pytest.raises(Malformed):  # the same bytes, once they can no longer become a head
            head_can_still_be_good(data + b"x\n")


@pytest.mark.parametrize(
    "line", [b"no colon", b"a b: c", b" a: b", b"a: b\x00", b"a: b\rc", b": a"]
)
def test_bad_trailers_are_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        check_trailer_line(line)
