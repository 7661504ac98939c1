"""Making a large object: the client's manifest is read, its segments looked at, and a manifest
of what was found there is stored.
"""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import md5

from swiftlite.config.units import is_true
from swiftlite.formats.slo_manifest import (
    ManifestInvalid,
    Segment,
    WantedSegment,
    data_segment,
    encode_manifest,
    parse_wanted,
    slo_etag,
    total_length,
)
from swiftlite.middleware.bulk.progress import Progress
from swiftlite.middleware.bulk.report import Report, report_type
from swiftlite.middleware.segments import object_path
from swiftlite.middleware.slo.options import SLO_ETAG, SLO_SIZE, SOURCE, Setting
from swiftlite.vocab.content_type import split_swift_bytes
from swiftlite.vocab.http_date import parse_http_date
from swiftlite.vocab.names import quote_path, wsgi_to_text
from swiftlite.vocab.status import is_success
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_subrequest, read_small_body, send
from swiftlite.web.wsgi import Environ

AGENT = "%(orig)s SLO MultipartPUT"
ROOT = "upload"
_OVERRIDE = "X-Object-Sysmeta-Container-Update-Override-Etag"
_ANSWER_BYTES_MAX = 1 << 16


class SegmentsWrong(Exception):
    """Some segments are not what the client says; `found` holds name (quoted) and reason."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__(found)
        self.found = found


def put(request: Request, setting: Setting, params: dict[str, str]) -> Response:
    """Answer a `multipart-manifest=put`. Raises Refusal."""
    place = object_path(request)
    if place is None:
        raise Refusal(400, "A manifest is put to the path of an object.")
    account_path, container, obj = place
    if request.get_header("X-Copy-From"):
        raise Refusal(405, "A manifest cannot be put by a copy request.")
    wanted = _read_manifest(request, setting)
    if any(segment.path == f"/{container}/{obj}" for segment in wanted):
        raise Refusal(400, "A manifest may not name itself as a segment.")
    shape = report_type(request.get_header("Accept"))
    making = _Making(request, setting, account_path, wanted)
    if is_true(params.get("heartbeat", "")):
        body = Progress(
            setting.host,
            lambda: making.report().render(shape, ROOT),
            shape,
            setting.options.yield_frequency,
        )
        return Response(202, {"Content-Type": shape}, app_iter=body)
    try:
        return making.answer()
    except SegmentsWrong as wrong:
        report = Report(errors=wrong.found, status=400)
        return Response(400, {"Content-Type": shape}, report.render(shape, ROOT))


def _read_manifest(request: Request, setting: Setting) -> list[WantedSegment]:
    if request.body_length is None and not request.chunked:
        raise Refusal(411, "A manifest needs a Content-Length or chunked Transfer-Encoding.")
    document = request.read_body(setting.options.max_manifest_size)
    try:
        wanted = parse_wanted(document)
    except ManifestInvalid as error:
        raise Refusal(400, "".join(f"{problem}\n" for problem in error.problems)) from None
    objects = sum(segment.data is None for segment in wanted)
    most = setting.options.max_manifest_segments
    if objects > most:
        raise Refusal(413, f"Number of object-backed segments must be <= {most}, not {objects}.")
    return wanted


class _Making:
    """One large object being made."""

    def __init__(
        self,
        request: Request,
        setting: Setting,
        account_path: str,
        wanted: Sequence[WantedSegment],
    ) -> None:
        self._request = request
        self._setting = setting
        self._account_path = account_path
        self._wanted = wanted

    def answer(self) -> Response:
        """The answer of the manifest's PUT, with the large object's ETag. Raises SegmentsWrong."""
        segments = self._look_at_all()
        etag = slo_etag(segments)
        claimed = self._request.get_header("ETag")
        if claimed is not None and claimed.strip('" ') != etag:
            raise Refusal(422, "The ETag is not that of the segments.")
        response = send(self._setting.app, self._manifest_request(segments, etag))
        if is_success(response.status_int):
            kept = [item for item in response.headerlist if item[0].lower() != "etag"]
            response.headerlist = [*kept, ("ETag", f'"{etag}"')]
        return response

    def report(self) -> Report:
        """The same, told in a body. Raises nothing."""
        try:
            response = self.answer()
        except SegmentsWrong as wrong:
            return Report(errors=wrong.found, status=400)
        except Refusal as refusal:
            response = refusal.response()
        except Exception:
            # The edge of a task of its own: nobody else would hear of it.
            self._setting.log.exception(f"PUT of a manifest ({self._request.trans_id})")
            return Report(status=500)
        body = read_small_body(response, _ANSWER_BYTES_MAX).decode("utf-8", "replace")
        more = {
            "Etag": response.get_header("ETag") or "",
            "Last Modified": response.get_header("Last-Modified") or "",
        }
        return Report(status=response.status_int, body=body, more=more)

    def _look_at_all(self) -> list[Segment]:
        """What stands behind each wanted segment; each object is asked for once."""
        paths = list(dict.fromkeys(item.path for item in self._wanted if item.data is None))
        heads: dict[str, Response] = {}
        tasks = self._setting.host.tasks
        step = self._setting.options.concurrency
        for start in range(0, len(paths), step):
            group = paths[start : start + step]
            running = [tasks.spawn(self._head, path) for path in group]
            heads.update(zip(group, (task.wait() for task in running), strict=True))
        segments: list[Segment] = []
        wrong: list[tuple[str, str]] = []
        for item in self._wanted:
            if item.data is not None:
                segments.append(data_segment(item.data))
                continue
            try:
                segments.append(_checked(item, heads[item.path]))
            except ValueError as error:
                wrong.append((quote_path(item.path), str(error)))
        if wrong:
            raise SegmentsWrong(wrong)
        return segments

    def _head(self, path: str) -> Response:
        request = make_subrequest(
            self._request.environ,
            "HEAD",
            self._account_path + path,
            source=SOURCE,
            agent=AGENT,
        )
        response = send(self._setting.me, request)
        response.discard_body()
        return response

    def _manifest_request(self, segments: Sequence[Segment], etag: str) -> Request:
        environ = {
            key: value
            for key, value in self._request.environ.items()
            if not key.startswith("swiftlite.") and key != "HTTP_TRANSFER_ENCODING"
        }
        body = encode_manifest(segments)
        request = Request(environ)
        size = total_length(segments)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["CONTENT_TYPE"] = f"{_content_type(request)};swift_bytes={size}"
        manifest_etag = md5(body, usedforsecurity=False).hexdigest()
        request.set_header("ETag", manifest_etag)
        request.set_header("X-Static-Large-Object", "True")
        request.set_header(SLO_ETAG, etag)
        request.set_header(SLO_SIZE, str(size))
        listed, separator, parameters = (request.get_header(_OVERRIDE) or "").partition(";")
        request.set_header(
            _OVERRIDE, f"{listed or manifest_etag}{separator}{parameters}; slo_etag={etag}"
        )
        return request


def _checked(wanted: WantedSegment, head: Response) -> Segment:
    """The segment that is stored for a wanted one. Raises ValueError with what is wrong."""
    if not is_success(head.status_int):
        raise ValueError(head.status)
    if head.get_header("X-Object-Manifest"):
        raise ValueError("A dynamic large object cannot be a segment")
    length = head.get_header("Content-Length") or ""
    if not length.isdigit():
        raise ValueError("The length is not known")
    size = int(length)
    if size < 1:
        raise ValueError("Too Small; each segment must be at least 1 byte.")
    if wanted.size is not None and wanted.size != size:
        raise ValueError("Size Mismatch")
    etag = (head.get_header("ETag") or "").strip('"')
    if wanted.etag is not None and wanted.etag != etag:
        raise ValueError("Etag Mismatch")
    first = last = None
    if wanted.range is not None:
        spans = wanted.range.for_length(size)
        if not spans:
            raise ValueError("Unsatisfiable Range")
        if spans != [(0, size)]:
            first, last = spans[0][0], spans[0][1] - 1
    content_type = wsgi_to_text(head.get_header("Content-Type") or "application/octet-stream")
    return Segment(
        name=wanted.path,
        etag=etag,
        size=size,
        content_type=content_type.partition(";")[0].strip(),
        last_modified=_iso(head.get_header("Last-Modified")),
        first=first,
        last=last,
        is_manifest=is_true(head.get_header("X-Static-Large-Object")),
    )


def _iso(date: str | None) -> str:
    """An HTTP date as listings write it: `2026-01-31T12:00:00.000000`."""
    seconds = parse_http_date(date or "") or 0
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000000"


def _content_type(request: Request) -> str:
    """The client's content type, or the one that the name suggests; without swift_bytes."""
    environ: Environ = request.environ
    given = environ.get("CONTENT_TYPE")
    detect = request.true_header("X-Detect-Content-Type")
    if given and not detect:
        return split_swift_bytes(given)[0]
    request.set_header("X-Detect-Content-Type", None)
    return mimetypes.guess_type(environ["PATH_INFO"])[0] or "application/octet-stream"
