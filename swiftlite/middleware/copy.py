"""Server-side copy: COPY with Destination, or PUT with X-Copy-From.

A copy is a GET of the source, with the caller's rights, whose body and metadata become a PUT of
the destination. Both go down the rest of the pipeline, so large objects, quotas and ACLs have
their say on each side. Headers of the request win over those of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from swiftlite.config.units import is_true
from swiftlite.middleware.body_reader import BodyReader
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.observe.log import Log
from swiftlite.vocab.headers import is_sysmeta
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import (
    check_utf8,
    quote_path,
    text_to_wsgi,
    unquote_path,
    wsgi_to_text,
)
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request, environ_key
from swiftlite.web.response import Response
from swiftlite.web.subrequest import send
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp

SOURCE = "SSC"

# Headers of the source's answer that describe that answer, or that the PUT decides for itself.
_NOT_COPIED = frozenset(
    (
        "accept-ranges",
        "connection",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "keep-alive",
        "last-modified",
        "location",
        "server",
        "transfer-encoding",
        "vary",
        "x-manifest-etag",
        "x-object-manifest",
        "x-openstack-request-id",
        "x-parts-count",
        "x-static-large-object",
        "x-timestamp",
        "x-trans-id",
    )
)
_NOT_COPIED_PREFIXES = ("access-control-", "x-backend-", "x-copied-from")
_CONTAINER_UPDATE_OVERRIDE = "x-object-sysmeta-container-update-override-"
_SLO_SYSMETA = "x-object-sysmeta-slo-"  # made anew by the PUT of a manifest

# Of the request: what asks about the source is not for the destination, and the other way round.
_OF_THE_SOURCE = (
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_RANGE",
    "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_RANGE",
)
_OF_THE_COPY = (
    "HTTP_DESTINATION",
    "HTTP_DESTINATION_ACCOUNT",
    "HTTP_EXPECT",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_X_COPY_FROM",
    "HTTP_X_COPY_FROM_ACCOUNT",
    "HTTP_X_FRESH_METADATA",
)


@dataclass(frozen=True, slots=True)
class CopyOptions:
    SECTION = "filter:copy"


@dataclass(frozen=True, slots=True)
class Place:
    """An object's address, in text."""

    account: str
    container: str
    obj: str

    @property
    def path(self) -> str:
        return f"{self.account}/{self.container}/{self.obj}"


class ServerSideCopy:
    """WSGI filter; everything that is no copy passes after two look-ups."""

    def __init__(self, app: WsgiApp, limits: Limits, *, log: Log) -> None:
        self.app = app
        self.limits = limits
        self.log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        verb = environ["REQUEST_METHOD"]
        if verb == "PUT":
            if not environ.get("HTTP_X_COPY_FROM"):
                return self.app(environ, start_response)
        elif verb == "OPTIONS":
            return self.app(environ, _also_copy(environ, start_response))
        elif verb != "COPY":
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            version, account, container, obj = request.split(1, 4, rest=True)
            if not (version and account and container and obj):
                return self.app(environ, start_response)
            here = Place(account, container, obj)
            if verb == "COPY":
                answer = self._copy(request, version, here, _destination(request, account))
            else:
                answer = self._copy(request, version, _copy_from(request, account), here)
        except Refusal as refusal:
            answer = refusal.response()
        return answer(environ, start_response)

    def _copy(self, request: Request, version: str, source: Place, target: Place) -> Response:
        if request.verb == "COPY":
            request.environ["swift.orig_req_method"] = "COPY"
        elif request.has_body:
            raise Refusal(400, "A PUT with X-Copy-From must have a body of zero bytes.")
        found = self._get_source(request, f"/{version}/{source.path}")
        if found.status_int >= 300:
            return found
        length = _length_of(found)
        if length is None or length > self.limits.max_file_size:
            found.discard_body()
            raise Refusal(
                413,
                f"The source is longer than {self.limits.max_file_size} bytes, or of unknown "
                "length.",
            )
        sink, reader = _sink_request(request, f"/{version}/{target.path}", found, length)
        try:
            answer = send(self.app, sink)
        finally:
            reader.close()
        if reader.broke is not None:
            answer.discard_body()
            self.log.warning(f"copying {source.path}: {reader.broke!r} ({request.trans_id})")
            raise Refusal(503, "The source could not be read to its end; nothing was stored.")
        if answer.status_int < 300:
            answer.headerlist.extend(_copied_headers(source, found, sink))
        return answer

    def _get_source(self, request: Request, path: str) -> Response:
        environ = _without_body(request.environ)
        environ["REQUEST_METHOD"] = "GET"
        _set_path(environ, path)
        environ["HTTP_X_NEWEST"] = "true"
        for key in _OF_THE_COPY:
            environ.pop(key, None)
        if environ.get("HTTP_IF_NONE_MATCH", "").strip() == "*":
            del environ["HTTP_IF_NONE_MATCH"]  # it is the destination that must not be there
        params = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if ("multipart-manifest", "get") in params:
            params = [item for item in params if item[0] != "format"] + [("format", "raw")]
            environ["QUERY_STRING"] = urlencode(params)
        return send(self.app, Request(environ))


def _sink_request(
    request: Request, path: str, found: Response, length: int
) -> tuple[Request, BodyReader]:
    """The PUT of the destination, and its body."""
    environ = _without_body(request.environ)
    environ["REQUEST_METHOD"] = "PUT"
    _set_path(environ, path)
    for key in _OF_THE_SOURCE + _OF_THE_COPY:
        environ.pop(key, None)
    if environ.get("HTTP_IF_NONE_MATCH", "*").strip() != "*":
        del environ["HTTP_IF_NONE_MATCH"]
    whole = _takes_the_sources_etag(environ, found)
    fresh = request.true_header("X-Fresh-Metadata")
    for name, value in found.headerlist:
        if _is_copied(name.lower(), fresh=fresh, whole=whole):
            environ.setdefault(environ_key(wsgi_to_text(name)), value)
    if not environ.get("CONTENT_TYPE"):
        environ["CONTENT_TYPE"] = found.get_header("Content-Type") or "application/octet-stream"
    etag = found.get_header("ETag")
    if whole and etag:
        environ.setdefault("HTTP_ETAG", etag.strip('"'))
    reader = BodyReader(found.app_iter, length)
    environ["wsgi.input"] = reader
    environ["CONTENT_LENGTH"] = str(length)
    environ["swift.source"] = SOURCE
    return Request(environ), reader


def _takes_the_sources_etag(environ: Environ, found: Response) -> bool:
    """Whether source and destination are the same bytes under the same ETag.

    Not for a part of an object, nor for large objects, whose ETag is not that of their bytes. As
    it looks at the query, it rewrites it: a manifest that was asked for becomes one that is put.
    """
    manifest = found.get_header("X-Object-Manifest")
    static = is_true(found.get_header("X-Static-Large-Object"))
    whole = found.status_int == 200 and not static and not manifest
    query = environ.get("QUERY_STRING", "")
    if not query:
        return whole
    params = dict(parse_qsl(query, keep_blank_values=True))
    params.pop("version-id", None)
    params.pop("part-number", None)
    if params.get("multipart-manifest") == "get":
        if static:
            params["multipart-manifest"] = "put"
        elif manifest:
            del params["multipart-manifest"]
            environ["HTTP_X_OBJECT_MANIFEST"] = manifest
            whole = found.status_int == 200
    environ["QUERY_STRING"] = urlencode(params)
    return whole


def _is_copied(name: str, *, fresh: bool, whole: bool) -> bool:
    """Whether a header of the source (lower case) becomes one of the destination."""
    if name.startswith(_SLO_SYSMETA) or (name.startswith(_CONTAINER_UPDATE_OVERRIDE) and not whole):
        return False  # no listing may be told an ETag that these bytes do not have
    if is_sysmeta("object", name):
        return True
    return not (fresh or name in _NOT_COPIED or name.startswith(_NOT_COPIED_PREFIXES))


def _copied_headers(source: Place, found: Response, sink: Request) -> HeaderList:
    """What the answer says about the source, and the metadata that was stored."""
    headers: HeaderList = [
        ("X-Copied-From-Account", quote_path(source.account)),
        ("X-Copied-From", quote_path(f"{source.container}/{source.obj}")),
    ]
    if modified := found.get_header("Last-Modified"):
        headers.append(("X-Copied-From-Last-Modified", modified))
    headers.extend(sink.header_items("X-Object-Meta-"))
    if delete_at := sink.get_header("X-Delete-At"):
        headers.append(("X-Delete-At", delete_at))
    return headers


def _without_body(environ: Environ) -> Environ:
    """A copy of the environ for another request: no body, no connection of its own."""
    copied = {key: value for key, value in environ.items() if not key.startswith("swiftlite.")}
    copied["CONTENT_LENGTH"] = "0"
    copied["wsgi.input"] = BodyReader((), 0)
    copied.pop("HTTP_TRANSFER_ENCODING", None)
    return copied


def _set_path(environ: Environ, path: str) -> None:
    environ["PATH_INFO"] = text_to_wsgi(path)
    environ["RAW_PATH_INFO"] = quote_path(path)


def _destination(request: Request, account: str) -> Place:
    header = request.get_header("Destination")
    if not header:
        raise Refusal(412, "COPY needs a Destination header.")
    other = _account_in(request, "Destination-Account")
    return Place(other or account, *_container_and_object(header, "Destination"))


def _copy_from(request: Request, account: str) -> Place:
    header = request.get_header("X-Copy-From") or ""
    other = _account_in(request, "X-Copy-From-Account")
    return Place(other or account, *_container_and_object(header, "X-Copy-From"))


def _container_and_object(header: str, name: str) -> tuple[str, str]:
    path = unquote_path(wsgi_to_text(header)).lstrip("/")
    container, _, obj = path.partition("/")
    if not container or not obj:
        raise Refusal(412, f"The {name} header must be of the form <container name>/<object name>.")
    if not check_utf8(path, internal=True):
        raise Refusal(412, f"The {name} header is not valid UTF-8.")
    return container, obj


def _account_in(request: Request, name: str) -> str | None:
    header = request.get_header(name)
    if header is None:
        return None
    account = unquote_path(wsgi_to_text(header))
    if not account or "/" in account or not check_utf8(account, internal=True):
        raise Refusal(412, f"The {name} header is not the name of an account.")
    return account


def _length_of(response: Response) -> int | None:
    text = response.get_header("Content-Length")
    return int(text) if text and text.isdigit() else None


def _also_copy(environ: Environ, start_response: StartResponse) -> StartResponse:
    """start_response for OPTIONS of an object: COPY is a method that objects have, through us."""
    if environ["PATH_INFO"].count("/") < 4:
        return start_response

    def start(status: str, headers: HeaderList, exc_info: object = None) -> Callable[..., None]:
        told = [
            (name, value + ", COPY")
            if name.lower() in ("allow", "access-control-allow-methods") and "COPY" not in value
            else (name, value)
            for name, value in headers
        ]
        result: Callable[..., None] = start_response(status, told, exc_info)
        return result

    return start


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(CopyOptions.SECTION, global_conf, local_conf)
    conf.options(CopyOptions)
    limits, log = conf.cluster.limits, conf.log()
    return lambda app: ServerSideCopy(app, limits, log=log)
