"""Answers over a body that can give any part of itself: whole, one range, or several.

The one place that turns Range into 206, multipart/byteranges or 416, for files, relayed objects
and large objects made of many. What a part is made of is the source's business: when its parts
send themselves (`host.net.SelfSending`), so does the body made here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from swiftlite.vocab.byte_ranges import parse_range
from swiftlite.vocab.http_date import parse_http_date
from swiftlite.web.conditional import judge, names_etag
from swiftlite.web.request import Request
from swiftlite.web.response import Response, close_body, send_body
from swiftlite.web.wsgi import HeaderList


class BodySource(Protocol):
    """The bytes of one representation, any part of them at a time.

    part: start and stop are half-open; at most one part is in use at a time. Closing a part does
    not close the source; whoever was given the source closes it once.
    """

    @property
    def length(self) -> int: ...
    def part(self, start: int, stop: int, /) -> Iterable[bytes]: ...
    def close(self) -> None: ...


def answer(
    request: Request,
    headers: Mapping[str, str] | HeaderList,
    source: BodySource,
    *,
    etag: str,
    last_modified: float,
    ignore_range: bool = False,
) -> Response:
    """A GET's or HEAD's answer over a source, conditions and Range applied; owns the source.

    headers: as WSGI strings, Content-Type and ETag among them, without Content-Length.
    etag: what conditions compare with (see conditional.etag_for_conditions), unquoted.
    last_modified: seconds, equal to the Last-Modified header.
    """
    own = headers.copy() if isinstance(headers, list) else list(headers.items())
    status = judge(request, etag=etag, last_modified=last_modified)
    if status is not None:
        source.close()
        return _without_body(status, own)
    length = source.length
    spans = None
    if not ignore_range and request.environ["REQUEST_METHOD"] == "GET":
        spans = wanted_spans(request, length, etag=etag, last_modified=last_modified)
    if spans is None:
        return Response(
            200, own, app_iter=SpannedBody(source, [(0, length)]), content_length=length
        )
    if not spans:
        source.close()
        own.append(("Content-Range", f"bytes */{length}"))
        return _without_body(416, own)
    if len(spans) == 1:
        ((start, stop),) = spans
        own.append(("Content-Range", f"bytes {start}-{stop - 1}/{length}"))
        return Response(206, own, app_iter=SpannedBody(source, spans), content_length=stop - start)
    return _multipart(own, source, spans, f"{request.trans_id} {etag}")


def wanted_spans(
    request: Request, length: int, *, etag: str | None, last_modified: float | None
) -> list[tuple[int, int]] | None:
    """Half-open spans that the client asks for; None: the whole; empty: none can be had (416)."""
    header = request.environ.get("HTTP_RANGE")
    if not header:
        return None
    parsed = parse_range(header)
    if parsed is None or not _if_range_holds(request, etag, last_modified):
        return None
    return parsed.for_length(length)


def range_is_ignored(request: Request, metadata: Iterable[str]) -> bool:
    """Whether X-Backend-Ignore-Range-If-Metadata-Present names a header that the object has."""
    names = request.environ.get("HTTP_X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT")
    if not names:
        return False
    wanted = {name.strip().lower() for name in names.split(",")}
    return any(name.lower() in wanted for name in metadata)


class SpannedBody:
    """A response body of one or more spans of a source, with text between them where wanted.

    heads: what goes before each span, and one more for the end; None for a single bare span.
    """

    def __init__(
        self,
        source: BodySource,
        spans: list[tuple[int, int]],
        heads: list[bytes] | None = None,
    ) -> None:
        assert heads is None or len(heads) == len(spans) + 1
        assert heads is not None or len(spans) == 1
        self._source = source
        self._spans = spans
        self._heads = heads
        self._part: Iterable[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        for index, (start, stop) in enumerate(self._spans):
            if self._heads is not None:
                yield self._heads[index]
            if stop > start:
                yield from self._begin(start, stop)
                self._end()
        if self._heads is not None:
            yield self._heads[-1]

    def send_to(self, stream: Any) -> int:  # noqa: ANN401  # a host.net.Stream, or what tests give
        """Send everything to a stream; parts that can send themselves do. Bytes sent."""
        sent = 0
        for index, (start, stop) in enumerate(self._spans):
            if self._heads is not None:
                stream.send_all(self._heads[index])
                sent += len(self._heads[index])
            if stop > start:
                sent += send_body(self._begin(start, stop), stream)
                self._end()
        if self._heads is not None:
            stream.send_all(self._heads[-1])
            sent += len(self._heads[-1])
        return sent

    def close(self) -> None:
        self._end()
        self._source.close()

    def _begin(self, start: int, stop: int) -> Iterable[bytes]:
        self._part = self._source.part(start, stop)
        return self._part

    def _end(self) -> None:
        part, self._part = self._part, None
        close_body(part)


def _multipart(
    headers: HeaderList, source: BodySource, spans: list[tuple[int, int]], seed: str
) -> Response:
    """Several ranges as multipart/byteranges (RFC 9110, 14.6), its length known beforehand.

    The boundary is a digest that nobody can know when the object is written, because the
    transaction id is part of the seed; so no object can hold it but by a chance of 2**-128.
    """
    boundary = hashlib.md5(f"{seed} {spans}".encode(), usedforsecurity=False).hexdigest()
    content_type = "application/octet-stream"
    own = []
    for name, value in headers:
        if name.lower() == "content-type":
            content_type = value
        else:
            own.append((name, value))
    own.append(("Content-Type", f"multipart/byteranges;boundary={boundary}"))
    heads = [
        (
            f"{lead}--{boundary}\r\nContent-Type: {content_type}\r\n"
            f"Content-Range: bytes {start}-{stop - 1}/{source.length}\r\n\r\n"
        ).encode("latin-1")
        for lead, (start, stop) in zip(["", *["\r\n"] * (len(spans) - 1)], spans, strict=True)
    ]
    heads.append(f"\r\n--{boundary}--\r\n".encode())
    length = sum(map(len, heads)) + sum(stop - start for start, stop in spans)
    return Response(206, own, app_iter=SpannedBody(source, spans, heads), content_length=length)


def _without_body(status: int, headers: HeaderList) -> Response:
    """304 keeps what describes the object; the others lose its type, having no body of it."""
    if status == 304:
        return Response(304, [item for item in headers if item[0].lower() != "content-length"])
    dropped = ("content-type", "content-length")
    return Response(status, [item for item in headers if item[0].lower() not in dropped])


def _if_range_holds(request: Request, etag: str | None, last_modified: float | None) -> bool:
    """RFC 9110, 13.1.5: a Range beside an If-Range of another version means the whole object."""
    header = request.environ.get("HTTP_IF_RANGE")
    if header is None:
        return True
    date = parse_http_date(header)
    if date is not None:
        return last_modified is not None and int(last_modified) == date
    return names_etag(header, etag, strong=True)
