"""Dynamic large objects: X-Object-Manifest names a prefix, and what begins with it is the body.

The segments are those that the container lists when the object is read. Length and ETag (MD5 of
the segments' ETags) are told where one page of the listing shows them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from swiftlite.config.option import Seconds, opt
from swiftlite.formats.slo_manifest import Segment
from swiftlite.host.bundle import Host
from swiftlite.middleware.calling import HeaderFinder, as_response, call
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.segments import (
    CONDITIONS,
    LargeObject,
    Pace,
    SegmentFetcher,
    SegmentUnusable,
    add_name,
    object_path,
    prime,
    unusable,
)
from swiftlite.observe.log import Log
from swiftlite.vocab.http_date import parse_http_date
from swiftlite.vocab.names import check_utf8, quote_path, unquote_path, wsgi_to_text
from swiftlite.web.conditional import judge
from swiftlite.web.ranges import answer as ranged
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import BodyTooLarge, make_subrequest, read_small_body, send
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp

SOURCE = "DLO"
AGENT = "%(orig)s DLO MultipartGET"
LISTING_BYTES_MAX = 64 * 1024 * 1024
PAGES_MAX = 100  # read at once for a Range that lies beyond the first page
_is_manifest = HeaderFinder("x-object-manifest")
_OF_THE_MANIFEST = frozenset(("content-length", "content-range", "etag"))
_IGNORE_RANGE = "HTTP_X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT"


@dataclass(frozen=True, slots=True)
class DloOptions:
    SECTION = "filter:dlo"
    rate_limit_after_segment: int = opt(
        10, "Segments of one GET that are read at full speed.", minimum=0
    )
    rate_limit_segments_per_sec: float = opt(
        1.0, "Segments a second after those; 0: no limit.", minimum=0
    )
    max_get_time: Seconds = opt(
        86400.0, "Time after which a GET begins no further segment.", minimum=1
    )


class DynamicLargeObjects:
    """WSGI filter; an object that is no manifest costs one look at its headers."""

    def __init__(
        self, app: WsgiApp, options: DloOptions, *, page: int, host: Host, log: Log
    ) -> None:
        """page: rows that a container lists at once."""
        self.app = app
        self.options = options
        self.page = page
        self.host = host
        self.log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        verb = environ["REQUEST_METHOD"]
        if verb in ("GET", "HEAD"):
            query = environ.get("QUERY_STRING")
            if environ["PATH_INFO"].count("/") < 4 or (query and "multipart-manifest=get" in query):
                return self.app(environ, start_response)
            return self._read(environ, start_response)
        if verb in ("PUT", "POST") and "HTTP_X_OBJECT_MANIFEST" in environ:
            try:
                _check_manifest_header(Request(environ))
            except Refusal as refusal:
                return refusal.response()(environ, start_response)
        return self.app(environ, start_response)

    def _read(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if "HTTP_RANGE" in environ:
            add_name(environ, _IGNORE_RANGE, "X-Object-Manifest")
        status, headers, body = call(self.app, environ)
        if not _is_manifest(headers):
            start_response(status, headers)
            return body
        request = Request(environ)
        try:
            answer = self._large_object(request, as_response(status, headers, body))
        except Refusal as refusal:
            answer = refusal.response()
        except SegmentUnusable as error:
            self.log.warning(f"{wsgi_to_text(environ['PATH_INFO'])} ({request.trans_id}): {error}")
            answer = unusable(error)
        return answer(environ, start_response)

    def _large_object(self, request: Request, manifest: Response) -> Response:
        """The answer for a manifest: what it stands for, or what stands in the way."""
        place = object_path(request)
        named = _container_and_prefix(manifest.get_header("X-Object-Manifest"))
        if place is None or named is None:
            return manifest
        manifest.discard_body()
        if manifest.status_int != 200:
            manifest = self._without_conditions(request)
            if manifest.status_int != 200:
                return manifest
        pages = _Pages(self.app, request.environ, self.page, place[0], *named)
        segments = pages.next()
        if isinstance(segments, Response):
            return segments
        if not pages.ended and request.get_header("Range"):
            segments += pages.more(PAGES_MAX)
        reading = _Reading(self, request, place[0])
        return reading.answer(manifest, segments, pages)

    def _without_conditions(self, request: Request) -> Response:
        """The manifest's head, asked for again without what was said about the large object."""
        environ = request.environ.copy()
        for key in (*CONDITIONS, "HTTP_RANGE", "HTTP_IF_RANGE"):
            environ.pop(key, None)
        environ["REQUEST_METHOD"] = "HEAD"
        response = send(self.app, Request(environ))
        response.discard_body()
        return response


class _Pages:
    """The segments of a prefix as the container lists them, a page at a time."""

    def __init__(
        self,
        app: WsgiApp,
        parent: Environ,
        page: int,
        account_path: str,
        container: str,
        prefix: str,
    ) -> None:
        self.ended = False
        self._app = app
        self._parent = parent
        self._page = page
        self._path = f"{account_path}/{container}"
        self._container = container
        self._prefix = prefix
        self._marker = ""

    def next(self) -> list[Segment] | Response:
        """The next page, or the answer that the listing was refused with."""
        query = f"format=json&limit={self._page}&prefix={quote_path(self._prefix, safe='')}"
        if self._marker:
            query += f"&marker={quote_path(self._marker, safe='')}"
        request = make_subrequest(
            self._parent, "GET", self._path, query=query, source=SOURCE, agent=AGENT
        )
        response = send(self._app, request)
        if response.status_int // 100 != 2:
            return response
        rows = _rows(response)
        self.ended = len(rows) < self._page
        if rows:
            self._marker = str(rows[-1]["name"])
        return [
            Segment(
                name=f"/{self._container}/{row['name']}",
                etag=str(row["hash"]).partition(";")[0].strip(),
                size=int(row["bytes"]),
            )
            for row in rows
        ]

    def more(self, pages: int) -> list[Segment]:
        """Up to so many further pages, as one list. Raises SegmentUnusable."""
        found: list[Segment] = []
        for _ in range(pages):
            if self.ended:
                break
            page = self.next()
            if isinstance(page, Response):
                page.discard_body()
                raise SegmentUnusable(503, f"the listing of {self._path} broke off")
            found += page
        return found


class _Reading:
    """One client's GET or HEAD of one large object."""

    def __init__(self, dlo: DynamicLargeObjects, request: Request, account_path: str) -> None:
        self.dlo = dlo
        self.request = request
        clock, options = dlo.host.clock, dlo.options
        self.deadline = clock.monotonic() + options.max_get_time
        self.fetcher = SegmentFetcher(dlo.app, request.environ, account_path, SOURCE, AGENT)
        self.pace = Pace(
            clock,
            dlo.host.tasks,
            after=options.rate_limit_after_segment,
            per_second=options.rate_limit_segments_per_sec,
            under_size=None,
        )

    def answer(self, manifest: Response, segments: list[Segment], pages: _Pages) -> Response:
        """Conditions and Range applied where the whole listing is known."""
        headers = [item for item in manifest.headerlist if item[0].lower() not in _OF_THE_MANIFEST]
        modified = parse_http_date(manifest.get_header("Last-Modified") or "") or 0
        large = self._large(segments)
        if not pages.ended:
            return self._endless(headers, large, pages, modified)
        digest = md5(usedforsecurity=False)
        for segment in segments:
            digest.update(segment.etag.encode())
        etag = digest.hexdigest()
        headers.append(("ETag", f'"{etag}"'))
        answer = ranged(self.request, headers, large, etag=etag, last_modified=modified)
        prime(self.request, answer, large, etag, modified)
        return answer

    def _endless(
        self, headers: HeaderList, large: LargeObject, pages: _Pages, modified: int
    ) -> Response:
        """An object whose length and ETag would take too long to find out."""
        status = judge(self.request, etag=None, last_modified=modified)
        if status is not None or self.request.verb == "HEAD":
            return Response(status or 200, headers, app_iter=())
        large.prime(0, large.length)
        return Response(200, headers, app_iter=self._blocks(large, pages))

    def _blocks(self, large: LargeObject, pages: _Pages) -> Iterator[bytes]:
        while True:
            part = large.part(0, large.length)
            try:
                yield from part
            finally:
                part.close()
            if pages.ended:
                return
            large = self._large(pages.more(1))

    def _large(self, segments: list[Segment]) -> LargeObject:
        return LargeObject(
            self.fetcher,
            segments,
            pace=self.pace,
            clock=self.dlo.host.clock,
            deadline=self.deadline,
            log=self.dlo.log,
        )


def _rows(response: Response) -> list[dict[str, Any]]:
    """The objects of a listing; what is no listing is a fault of the cluster."""
    try:
        rows = json.loads(read_small_body(response, LISTING_BYTES_MAX))
        if not isinstance(rows, list):
            raise ValueError("not a list")
        return [row for row in rows if row["name"] and row["hash"] and row["bytes"] >= 0]
    except (BodyTooLarge, ValueError, KeyError, TypeError) as error:
        raise SegmentUnusable(503, f"a listing of segments cannot be read: {error!r}") from None


def _container_and_prefix(header: str | None) -> tuple[str, str] | None:
    """What X-Object-Manifest names, as text; None when it is not of the form."""
    text = unquote_path(wsgi_to_text(header or ""))
    container, slash, prefix = text.lstrip("/").partition("/")
    return (container, prefix) if container and slash else None


def _check_manifest_header(request: Request) -> None:
    """Refusal 400 for an X-Object-Manifest that could not be read back."""
    value = unquote_path(request.text_header("X-Object-Manifest") or "")
    container, _, prefix = value.partition("/")
    if (
        not (container and prefix)
        or prefix.startswith("/")
        or any(sign in value for sign in "?&")
        or not check_utf8(value, internal=True)
    ):
        raise Refusal(400, "X-Object-Manifest must be in the format container/prefix.")


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(DloOptions.SECTION, global_conf, local_conf)
    options = conf.options(DloOptions)
    host, log = conf.host, conf.log()
    page = conf.cluster.limits.container_listing_limit
    return lambda app: DynamicLargeObjects(app, options, page=page, host=host, log=log)
