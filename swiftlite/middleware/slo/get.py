"""Reading a large object: its manifest is fetched, and its segments become the body.

Conditions compare with the large object's ETag: while the manifest is fetched by the storage
server, which finds it in sysmeta, and again here, for manifests that are older than the sysmeta.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import md5

from swiftlite.config.units import is_true
from swiftlite.formats.slo_manifest import (
    ManifestUnreadable,
    Segment,
    decode_manifest,
    encode_as_sent,
    slo_etag,
    total_length,
)
from swiftlite.middleware.segments import (
    CONDITIONS,
    LargeObject,
    Pace,
    SegmentFetcher,
    SegmentUnusable,
    object_path,
    prime,
)
from swiftlite.middleware.slo.options import SLO_ETAG, SLO_SIZE, SOURCE, Setting
from swiftlite.vocab.content_type import split_swift_bytes
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.http_date import parse_http_date
from swiftlite.web.ranges import answer as ranged
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import read_small_body, send
from swiftlite.web.wsgi import HeaderList

AGENT = "%(orig)s SLO MultipartGET"
MANIFEST_BYTES_MAX = 64 * 1024 * 1024  # stored; longer than what was sent, by types and dates
JSON = "application/json; charset=utf-8"
_OF_THE_MANIFEST = frozenset(("content-length", "content-range", "content-type", "etag"))


def read(
    request: Request, manifest: Response, setting: Setting, params: dict[str, str]
) -> Response:
    """The large object behind a manifest that was fetched. Raises Refusal, SegmentUnusable."""
    part = _part_number(request, params)
    if manifest.status_int in (304, 412) and manifest.get_header(SLO_ETAG):
        manifest.discard_body()
        return _unmet(manifest)
    if request.verb == "HEAD" and part is None and manifest.status_int == 200:
        told = _told_by_sysmeta(manifest)
        if told is not None:
            manifest.discard_body()
            return _Reading(request, manifest, setting).head(*told)
    if request.verb == "HEAD" or manifest.status_int != 200:
        manifest.discard_body()
        manifest = _fetched_whole(request, setting)
        if manifest.status_int != 200:
            return manifest
    segments = stored_segments(manifest)
    reading = _Reading(request, manifest, setting)
    if part is not None:
        return reading.part(segments, part)
    return reading.whole(segments)


def show_manifest(request: Request, manifest: Response, *, raw: bool) -> Response:
    """The manifest itself, as stored, or (raw) as it may be put again."""
    kept = [item for item in manifest.headerlist if item[0].lower() != "content-type"]
    if not raw or request.verb != "GET" or manifest.status_int != 200:
        manifest.headerlist = [*kept, ("Content-Type", JSON)]
        return manifest
    body = encode_as_sent(stored_segments(manifest))
    headers = [item for item in kept if item[0].lower() not in _OF_THE_MANIFEST]
    # The large object's own type, so that a copy by way of this form keeps it.
    own = manifest.get_header("Content-Type") or "application/octet-stream"
    headers.append(("Content-Type", split_swift_bytes(own)[0]))
    headers.append(("ETag", md5(body, usedforsecurity=False).hexdigest()))
    return Response(200, headers, body)


def stored_segments(manifest: Response) -> list[Segment]:
    """The segments in a manifest's body, which is closed. Raises SegmentUnusable."""
    told = manifest.get_header("Content-Length")
    try:
        body = read_small_body(manifest, MANIFEST_BYTES_MAX)
        if told is not None and told != str(len(body)):
            raise SegmentUnusable(503, f"a manifest of {told} bytes ended after {len(body)}")
        return decode_manifest(body)
    except ManifestUnreadable as error:
        raise SegmentUnusable(409, str(error)) from None
    except SegmentUnusable:
        raise
    except SwiftliteError as error:
        raise SegmentUnusable(503, f"a manifest cannot be read: {error!r}") from error


def open_nested(fetcher: SegmentFetcher, segment: Segment) -> list[Segment]:
    """The segments of a segment that is a large object itself; checked against its entry."""
    manifest = fetcher.open_manifest(segment)
    if not is_true(manifest.get_header("X-Static-Large-Object")):
        manifest.discard_body()
        raise SegmentUnusable(409, f"{segment.name} is no longer a large object")
    segments = stored_segments(manifest)
    if slo_etag(segments) != segment.etag or total_length(segments) != segment.size:
        raise SegmentUnusable(409, f"{segment.name} is another large object than it was")
    return segments


class _Sized:
    """A body source for answers without a body: a length, and nothing behind it."""

    def __init__(self, length: int) -> None:
        self.length = length

    def part(self, _start: int, _stop: int) -> Iterable[bytes]:
        return ()

    def close(self) -> None:
        pass


class _Reading:
    """One client's GET or HEAD of one large object whose manifest is at hand."""

    def __init__(self, request: Request, manifest: Response, setting: Setting) -> None:
        self._request = request
        self._manifest = manifest
        self._setting = setting
        self._modified = parse_http_date(manifest.get_header("Last-Modified") or "") or 0

    def head(self, etag: str, size: int) -> Response:
        """Without looking at the manifest's content."""
        return ranged(
            self._request,
            self._headers(etag),
            _Sized(size),
            etag=etag,
            last_modified=self._modified,
        )

    def whole(self, segments: list[Segment]) -> Response:
        """All of it, or what Range says."""
        etag = slo_etag(segments)
        if self._request.verb == "HEAD":
            return self.head(etag, total_length(segments))
        large = self._large(segments)
        answer = ranged(
            self._request, self._headers(etag), large, etag=etag, last_modified=self._modified
        )
        prime(self._request, answer, large, etag, self._modified)
        return answer

    def part(self, segments: list[Segment], number: int) -> Response:
        """One segment by its place, from 1."""
        headers = [("X-Parts-Count", str(len(segments)))]
        if number > len(segments):
            headers.append(("Content-Range", f"bytes */{total_length(segments)}"))
            return Response(416, self._headers(slo_etag(segments)) + headers)
        start = total_length(segments[: number - 1])
        stop = start + segments[number - 1].length
        environ = self._request.environ.copy()
        environ["HTTP_RANGE"] = f"bytes={start}-{stop - 1}"
        environ.pop("HTTP_IF_RANGE", None)
        ranged_request = Request(environ)
        answer = _Reading(ranged_request, self._manifest, self._setting).whole(segments)
        answer.headerlist.extend(headers)
        if self._request.verb == "HEAD" and answer.status_int == 200:
            own = [item for item in answer.headerlist if item[0].lower() != "content-length"]
            own.append(("Content-Range", f"bytes {start}-{stop - 1}/{total_length(segments)}"))
            return Response(206, own, app_iter=(), content_length=stop - start)
        return answer

    def _headers(self, etag: str) -> HeaderList:
        manifest = self._manifest
        headers = [item for item in manifest.headerlist if item[0].lower() not in _OF_THE_MANIFEST]
        content_type = manifest.get_header("Content-Type") or "application/octet-stream"
        headers.append(("Content-Type", split_swift_bytes(content_type)[0]))
        headers.append(("ETag", f'"{etag}"'))
        if own := manifest.get_header("ETag"):
            headers.append(("X-Manifest-Etag", own.strip('"')))
        return headers

    def _large(self, segments: list[Segment]) -> LargeObject:
        setting, options = self._setting, self._setting.options
        clock = setting.host.clock
        place = object_path(self._request)
        assert place is not None
        return LargeObject(
            SegmentFetcher(setting.app, self._request.environ, place[0], SOURCE, AGENT),
            segments,
            pace=Pace(
                clock,
                setting.host.tasks,
                after=options.rate_limit_after_segment,
                per_second=options.rate_limit_segments_per_sec,
                under_size=options.rate_limit_under_size,
            ),
            clock=clock,
            deadline=clock.monotonic() + options.max_get_time,
            log=setting.log,
            read_manifest=open_nested,
        )


def _fetched_whole(request: Request, setting: Setting) -> Response:
    """The whole manifest by a GET of its own, without what the client said of the large object."""
    environ = request.environ.copy()
    for key in (*CONDITIONS, "HTTP_RANGE", "HTTP_IF_RANGE"):
        environ.pop(key, None)
    environ["REQUEST_METHOD"] = "GET"
    environ["swift.source"] = SOURCE
    return send(setting.app, Request(environ))


def _told_by_sysmeta(manifest: Response) -> tuple[str, int] | None:
    """ETag and length as the manifest's PUT kept them; None for manifests without."""
    etag, size = manifest.get_header(SLO_ETAG), manifest.get_header(SLO_SIZE)
    if not etag or not size or not (size.isascii() and size.isdigit()):
        return None
    return etag, int(size)


def _unmet(manifest: Response) -> Response:
    """A 304 or 412 that the storage server gave, with the large object's ETag."""
    headers = [item for item in manifest.headerlist if item[0].lower() not in _OF_THE_MANIFEST]
    headers.append(("ETag", f'"{manifest.get_header(SLO_ETAG)}"'))
    if own := manifest.get_header("ETag"):
        headers.append(("X-Manifest-Etag", own.strip('"')))
    return Response(manifest.status_int, headers)


def _part_number(request: Request, params: dict[str, str]) -> int | None:
    text = params.get("part-number")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise Refusal(400, "part-number must be a whole number from 1.")
    if request.get_header("Range"):
        raise Refusal(400, "A request has either a Range or a part-number.")
    return int(text)
