from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

import pytest

from swiftlite.web.ranges import answer, range_is_ignored
from tests.web.environs import Answer, make_environ, make_request

CONTENT = bytes(range(100, 150))


class Source:
    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.length = len(content)
        self.closed = 0

    def part(self, start: int, stop: int, /) -> Iterator[bytes]:
        for at in range(start, stop, 7):
            yield self.content[at : min(at + 7, stop)]

    def close(self) -> None:
        self.closed += 1


def ask(method: str = "GET", *, source: Source | None = None, **headers: Any) -> Answer:  # noqa: ANN401  # strings
    environ = make_environ(method, "/sda/0/a/c/o", **headers)
    source = source or Source()
    response = answer(
        make_request(method, "/sda/0/a/c/o", **headers),
        {"Content-Type": "image/png", "ETag": '"abc"'},
        source,
        etag="abc",
        last_modified=784111777,
    )
    got = Answer(response, environ)
    assert source.closed == 1, "a source is closed exactly once"
    return got


def test_the_whole() -> None:
    got = ask()
    assert (got.status, got.body) == (200, CONTENT)
    assert got.headers["content-length"] == "50"


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=40-", 40, 50), ("bytes=-3", 47, 50)],
)
def test_one_range(header: str, start: int, stop: int) -> None:
    got = ask(Range=header)
    assert (got.status, got.body) == (206, CONTENT[start:stop])
    assert got.headers["content-range"] == f"bytes {start}-{stop - 1}/50"
    assert got.headers["content-length"] == str(stop - start)
    assert got.headers["content-type"] == "image/png"


def test_several_ranges_are_a_multipart_document() -> None:
    got = ask(Range="bytes=0-4,10-19,-2")
    assert got.status == 206
    assert got.headers["content-length"] == str(len(got.body))
    document = message_from_bytes(
        b"Content-Type: " + got.headers["content-type"].encode() + b"\r\n\r\n" + got.body
    )
    parts = document.get_payload()
    assert isinstance(parts, list)
    assert [part["Content-Range"] for part in parts] == [  # type: ignore[index]  # Message
        "bytes 0-4/50",
        "bytes 10-19/50",
        "bytes 48-49/50",
    ]
    assert [part["Content-Type"] for part in parts] == ["image/png"] * 3  # type: ignore[index]  # Message
    boundary = got.headers["content-type"].split("boundary=")[1].encode()
    bodies = [piece.split(b"\r\n\r\n", 1)[1] for piece in got.body.split(b"--" + boundary)[1:-1]]
    assert bodies == [CONTENT[0:5] + b"\r\n", CONTENT[10:20] + b"\r\n", CONTENT[48:50] + b"\r\n"]


def test_a_range_beyond_the_end_is_416_with_the_length() -> None:
    got = ask(Range="bytes=50-")
    assert (got.status, got.body) == (416, b"")
    assert got.headers["content-range"] == "bytes */50"


@pytest.mark.parametrize("header", ["bytes=x-y", "lines=1-2", "bytes=9-5"])
def test_what_is_no_range_is_ignored(header: str) -> None:
    assert ask(Range=header).status == 200


def test_head_ignores_range() -> None:
    got = ask("HEAD", Range="bytes=0-4")
    assert (got.status, got.headers["content-length"], got.body) == (200, "50", b"")


def test_conditions_come_before_ranges() -> None:
    assert ask(Range="bytes=0-4", If_None_Match="abc").status == 304
    assert ask(Range="bytes=0-4", If_Match="other").status == 412


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        ('"abc"', 206),
        ('"other"', 200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 206),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
    ],
)
def test_if_range_of_another_version_means_the_whole(validator: str, status: int) -> None:
    assert ask(Range="bytes=0-4", If_Range=validator).status == status


def test_an_empty_object() -> None:
    assert ask(source=Source(b"")).status == 200
    assert ask(source=Source(b""), Range="bytes=0-").status == 416


class SelfSendingPart:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("a part that sends itself is not iterated")

    def send_to(self, stream: Sink) -> int:
        stream.send_all(b"<" + self.content + b">")
        return len(self.content)

    def close(self) -> None:
        self.closed = True


class SelfSendingSource(Source):
    def part(self, start: int, stop: int, /) -> SelfSendingPart:  # type: ignore[override]  # wider on purpose
        return SelfSendingPart(self.content[start:stop])


class Sink:
    def __init__(self) -> None:
        self.data = b""

    def send_all(self, block: bytes) -> None:
        self.data += block


def test_parts_that_send_themselves_do() -> None:
    response = answer(
        make_request(Range="bytes=0-1,5-6"),
        {"Content-Type": "image/png"},
        SelfSendingSource(),
        etag="abc",
        last_modified=1,
    )
    sink = Sink()
    sent = response.app_iter.send_to(sink)
    assert str(sent) == response.get_header("Content-Length")
    assert sink.data.count(b"<" + CONTENT[0:2] + b">") == 1
    assert sink.data.count(b"<" + CONTENT[5:7] + b">") == 1


def test_a_range_can_be_ignored_for_objects_with_certain_metadata() -> None:
    request = make_request(X_Backend_Ignore_Range_If_Metadata_Present="X-Static-Large-Object, X-B")
    assert range_is_ignored(request, {"x-static-large-object": "True"})
    assert not range_is_ignored(request, {"X-Other": "1"})
    assert not range_is_ignored(make_request(), {"X-Other": "1"})
