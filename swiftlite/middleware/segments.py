"""A large object as one body: the bytes of its segments, fetched one after the other.

A segment is asked for when the bytes before it are out, checked against what the manifest says of
it, and passed on as it comes: a body that sends itself still does. What is wrong with the first
one is known before the answer's head goes out (`prime`); later it breaks the connection, because
a status cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from swiftlite.formats.slo_manifest import Segment, total_length
from swiftlite.host.clock import Clock
from swiftlite.host.tasks import Tasks
from swiftlite.observe.log import Log
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.status import is_server_error
from swiftlite.web.ranges import wanted_spans
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response, close_body, send_body
from swiftlite.web.subrequest import make_subrequest, send
from swiftlite.web.wsgi import Environ, WsgiApp

RAW = "multipart-manifest=get"
DEPTH_MAX = 10  # manifests within manifests, the outermost counted
CONDITIONS = (
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)


class SegmentUnusable(SwiftliteError):
    """A segment is missing, changed or out of reach. status: what the client gets, 409 or 503."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class SegmentFetcher:
    """Asks the rest of the pipeline for segments, with the rights of one client's request.

    account_path: `/v1/AUTH_x`, text. source: the short word for logs. agent: the User-Agent,
    "%(orig)s" in it standing for the client's.
    """

    app: WsgiApp
    parent: Environ
    account_path: str
    source: str
    agent: str

    def open(self, segment: Segment, start: int, stop: int) -> Response:
        """Bytes start..stop (half-open) of a segment; checked. Raises SegmentUnusable."""
        headers = {}
        if start or stop < segment.size:
            headers["Range"] = f"bytes={start}-{stop - 1}"
        response = self._get(segment, headers)
        etag = (response.get_header("ETag") or "").strip('"')
        length = response.get_header("Content-Length")
        if etag != segment.etag or length != str(stop - start):
            response.discard_body()
            raise SegmentUnusable(
                409,
                f"{segment.name} is not what the manifest says: etag {etag} and {length} bytes "
                f"instead of {segment.etag} and {stop - start}",
            )
        return response

    def open_manifest(self, segment: Segment) -> Response:
        """The manifest of a segment that is a large object itself. Raises SegmentUnusable."""
        return self._get(segment, {})

    def _get(self, segment: Segment, headers: dict[str, str]) -> Response:
        request = make_subrequest(
            self.parent,
            "GET",
            self.account_path + segment.name,
            query=RAW,
            headers=headers,
            source=self.source,
            agent=self.agent,
        )
        response = send(self.app, request)
        status = response.status_int
        if status // 100 != 2:
            response.discard_body()
            raise SegmentUnusable(
                503 if is_server_error(status) else 409,
                f"{segment.name} cannot be had: {response.status}",
            )
        return response


class Pace:
    """Slows down the reading of many small segments: so many a second after the first few."""

    def __init__(
        self,
        clock: Clock,
        tasks: Tasks,
        *,
        after: int,
        per_second: float,
        under_size: int | None,
    ) -> None:
        """under_size: only segments shorter than this are counted; None: all."""
        self._clock = clock
        self._tasks = tasks
        self._after = after
        self._gap = 1 / per_second if per_second > 0 else 0.0
        self._under_size = under_size
        self._seen = 0
        self._last = 0.0

    def wait(self, length: int) -> None:
        """Before a segment of this length is fetched."""
        if self._under_size is not None and length >= self._under_size:
            return
        self._seen += 1
        now = self._clock.monotonic()
        if self._seen > self._after and self._gap:
            pause = self._last + self._gap - now
            if pause > 0:
                self._tasks.sleep(pause)
                now += pause
        self._last = now


ReadManifest = Callable[[SegmentFetcher, Segment], Sequence[Segment]]


class LargeObject:
    """A web.ranges.BodySource over segments.

    read_manifest opens a segment that is a large object itself; without one such segments are
    read as what they are. deadline: monotonic time after which no further segment is begun.
    """

    def __init__(
        self,
        fetcher: SegmentFetcher,
        segments: Sequence[Segment],
        *,
        pace: Pace,
        clock: Clock,
        deadline: float,
        log: Log,
        read_manifest: ReadManifest | None = None,
    ) -> None:
        self.length = total_length(segments)
        self.fetcher = fetcher
        self.segments = segments
        self.pace = pace
        self.clock = clock
        self.deadline = deadline
        self.log = log
        self.read_manifest = read_manifest
        self._primed: _Run | None = None

    def prime(self, start: int, stop: int) -> None:
        """Open the first segment of a part that will be asked for. Raises SegmentUnusable."""
        if stop > start:
            run = _Run(self, start, stop)
            run.begin()
            self._primed = run

    def part(self, start: int, stop: int) -> _Run:
        primed, self._primed = self._primed, None
        if primed is not None:
            if (primed.start, primed.stop) == (start, stop):
                return primed
            primed.close()
        return _Run(self, start, stop)

    def close(self) -> None:
        if self._primed is not None:
            self._primed.close()
            self._primed = None

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """What a part is made of, in order; manifests inside are opened as they are reached."""
        return self._pieces(self.segments, start, stop, 1)

    def _pieces(
        self, segments: Sequence[Segment], start: int, stop: int, depth: int
    ) -> Iterator[Piece]:
        position = 0
        for segment in segments:
            begin, end = max(start, position), min(stop, position + segment.length)
            offset = segment.start - position
            position += segment.length
            if begin >= end:
                if position >= stop:
                    return
                continue
            first, last = begin + offset, end + offset
            if segment.is_manifest and self.read_manifest is not None:
                if depth >= DEPTH_MAX:
                    raise SegmentUnusable(409, f"{segment.name} is nested too deeply")
                inner = self.read_manifest(self.fetcher, segment)
                yield from self._pieces(inner, first, last, depth + 1)
            else:
                yield Piece(segment, first, last)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes start..stop, half-open, of one segment's own content."""

    segment: Segment
    start: int
    stop: int


class _Run:
    """One part of a large object on its way out: iterable, and able to send itself."""

    def __init__(self, large: LargeObject, start: int, stop: int) -> None:
        self.start = start
        self.stop = stop
        self._large = large
        self._pieces = large.pieces(start, stop)
        self._open: tuple[Piece, Response | None] | None = None
        self._begun = False

    def begin(self) -> None:
        """Open the first piece. Raises SegmentUnusable."""
        self._begun = True
        self._advance()

    def __iter__(self) -> Iterator[bytes]:
        for piece, response in self._each():
            if response is None:
                assert piece.segment.data is not None
                yield piece.segment.data[piece.start : piece.stop]
                continue
            left = piece.stop - piece.start
            for block in response.app_iter:
                left -= len(block)
                yield block
            self._check_length(piece, left)

    def send_to(self, stream: Any) -> int:  # noqa: ANN401  # a host.net.Stream, or what tests give
        sent = 0
        for piece, response in self._each():
            if response is None:
                assert piece.segment.data is not None
                stream.send_all(piece.segment.data[piece.start : piece.stop])
                sent += piece.stop - piece.start
                continue
            passed = send_body(response.app_iter, stream)
            self._check_length(piece, piece.stop - piece.start - passed)
            sent += passed
        return sent

    def close(self) -> None:
        """Give back the segment that is open; the connection behind it is closed or reused."""
        if self._open is not None:
            response = self._open[1]
            self._open = None
            if response is not None:
                close_body(response.app_iter)
        self._pieces = iter(())

    def _each(self) -> Iterator[tuple[Piece, Response | None]]:
        """Pieces with their open responses (None for inline data), each closed after its turn."""
        try:
            if not self._begun:
                self.begin()
            while self._open is not None:
                yield self._open
                self._advance()
        except SegmentUnusable as error:
            self._large.log.warning(f"large object broken off: {error}")
            raise
        finally:
            self.close()

    def _advance(self) -> None:
        """Close the open piece and open the next; None when there is no next."""
        opened, self._open = self._open, None
        if opened is not None and opened[1] is not None:
            close_body(opened[1].app_iter)
        piece = next(self._pieces, None)
        if piece is None:
            return
        large = self._large
        if large.clock.monotonic() > large.deadline:
            raise SegmentUnusable(503, f"max_get_time passed before {piece.segment.name}")
        if piece.segment.data is not None:
            self._open = (piece, None)
            return
        large.pace.wait(piece.segment.length)
        self._open = (piece, large.fetcher.open(piece.segment, piece.start, piece.stop))

    def _check_length(self, piece: Piece, left: int) -> None:
        if left:
            raise SegmentUnusable(503, f"{piece.segment.name} ended {left} bytes too early")


def object_path(request: Request) -> tuple[str, str, str] | None:
    """(`/v1/AUTH_x`, container, object) of a request for an object; None for any other path."""
    if request.environ["PATH_INFO"].count("/") < 4:
        return None
    version, account, container, obj = request.split(1, 4, rest=True)
    if not (version and account and container and obj):
        return None
    return f"/{version}/{account}", container, obj


def prime(
    request: Request, answer: Response, large: LargeObject, etag: str, modified: float
) -> None:
    """Open what a GET's answer begins with, so that a fault there still makes a status."""
    if request.verb != "GET" or answer.status_int not in (200, 206):
        return
    try:
        if answer.status_int == 200:
            large.prime(0, large.length)
        else:
            spans = wanted_spans(request, large.length, etag=etag, last_modified=modified)
            if spans:
                large.prime(*spans[0])
    except SegmentUnusable:
        answer.discard_body()
        raise


def unusable(error: SegmentUnusable) -> Response:
    """What the client hears of a segment's fault; names and reasons are for the log."""
    return Refusal(error.status, "A segment of this large object cannot be used.").response()


def add_name(environ: Environ, key: str, name: str) -> None:
    """Add a name to a comma-separated header of the environ."""
    known = environ.get(key)
    environ[key] = f"{known},{name}" if known else name
