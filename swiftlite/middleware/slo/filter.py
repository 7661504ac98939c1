"""The filter: tells manifests from other objects, and hands them to put, get and delete."""

from __future__ import annotations

from collections.abc import Iterable

from swiftlite.config.units import is_true
from swiftlite.host.bundle import Host
from swiftlite.middleware.calling import HeaderFinder, as_response, call
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.row_etag import Row, tell_rows
from swiftlite.middleware.segments import (
    SegmentUnusable,
    add_name,
    object_path,
    unusable,
)
from swiftlite.middleware.slo.delete import delete
from swiftlite.middleware.slo.get import read, show_manifest
from swiftlite.middleware.slo.options import SLO_ETAG, Setting, SloOptions
from swiftlite.middleware.slo.put import put
from swiftlite.observe.log import Log
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.names import wsgi_to_text
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import send
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

_is_manifest = HeaderFinder("x-static-large-object")
_ETAG_IS_AT = "HTTP_X_BACKEND_ETAG_IS_AT"
_IGNORE_RANGE = "HTTP_X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT"


class StaticLargeObjects:
    """WSGI filter; an object that is no manifest costs one look at its headers."""

    def __init__(
        self,
        app: WsgiApp,
        options: SloOptions,
        *,
        host: Host,
        log: Log,
        hash_path: HashPath | None = None,
    ) -> None:
        """hash_path: for the expirer's queue; without it asynchronous deletion is refused."""
        self.app = app
        self.log = log
        self.setting = Setting(app, self, options, host, log, hash_path)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        verb = environ["REQUEST_METHOD"]
        if verb in ("GET", "HEAD"):
            if environ["PATH_INFO"].count("/") >= 4:
                return self._read(environ, start_response)
            if verb == "GET":
                return self._list(environ, start_response)
            return self.app(environ, start_response)
        if verb not in ("PUT", "POST", "DELETE"):
            return self.app(environ, start_response)
        try:
            answer = self._changed(Request(environ), verb)
        except Refusal as refusal:
            answer = refusal.response()
        except SegmentUnusable as error:
            answer = self._told_and_logged(environ, error)
        if answer is None:
            return self.app(environ, start_response)
        return answer(environ, start_response)

    def _changed(self, request: Request, verb: str) -> Response | None:
        """The answer to a change that is about a large object; None for all others."""
        environ = request.environ
        if environ["PATH_INFO"].count("/") < 4 or environ.get("swift.slo_override"):
            return None  # the latter: container sync copies a manifest as it is
        if environ.get("QUERY_STRING") and verb != "POST":
            params = request.params_text
            what = params.get("multipart-manifest")
            if verb == "PUT" and what == "put" and object_path(request):
                return put(request, self.setting, params)
            if verb == "DELETE" and what == "delete" and object_path(request):
                return delete(request, self.setting, params)
        if verb != "DELETE" and "HTTP_X_STATIC_LARGE_OBJECT" in environ:
            raise Refusal(
                400,
                "X-Static-Large-Object is a reserved header. To create a static large object add "
                "query param multipart-manifest=put.",
            )
        return None

    def _read(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("QUERY_STRING"):
            return self._read_as_asked(environ, start_response)
        self._announce(environ)
        status, headers, body = call(self.app, environ)
        if not _is_manifest(headers):
            start_response(status, headers)
            return body
        return self._answer(environ, as_response(status, headers, body), {})(
            environ, start_response
        )

    def _read_as_asked(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The same for a request with a query, which may ask for the manifest or for a part."""
        try:
            params = Request(environ).params_text
        except Refusal as refusal:
            return refusal.response()(environ, start_response)
        if params.get("multipart-manifest") != "get":
            self._announce(environ)
        status, headers, body = call(self.app, environ)
        if not _is_manifest(headers):
            start_response(status, headers)
            return body
        return self._answer(environ, as_response(status, headers, body), params)(
            environ, start_response
        )

    def _announce(self, environ: Environ) -> None:
        """Tell the storage server that conditions and Range are about the large object."""
        if "HTTP_RANGE" in environ:
            add_name(environ, _IGNORE_RANGE, "X-Static-Large-Object")
        if (
            "HTTP_IF_NONE_MATCH" in environ
            or "HTTP_IF_MATCH" in environ
            or "HTTP_IF_MODIFIED_SINCE" in environ
            or "HTTP_IF_UNMODIFIED_SINCE" in environ
        ):
            add_name(environ, _ETAG_IS_AT, SLO_ETAG)

    def _answer(self, environ: Environ, manifest: Response, params: dict[str, str]) -> Response:
        request = Request(environ)
        try:
            if not is_true(manifest.get_header("X-Static-Large-Object")):
                return manifest
            if params.get("multipart-manifest") == "get":
                return show_manifest(request, manifest, raw=params.get("format") == "raw")
            return read(request, manifest, self.setting, params)
        except Refusal as refusal:
            return refusal.response()
        except SegmentUnusable as error:
            return self._told_and_logged(environ, error)

    def _list(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A container's listing, large objects' ETags told apart from their manifests'."""
        if environ["PATH_INFO"].count("/") != 3:
            return self.app(environ, start_response)
        answer = send(self.app, Request(environ))
        kind = (answer.get_header("Content-Type") or "").partition(";")[0]
        if answer.status_int != 200 or kind != "application/json":
            return answer(environ, start_response)
        body = b"".join(answer.app_iter)
        answer.discard_body()
        if b"slo_etag=" in body:
            body = _with_slo_etags(body)
        kept = [item for item in answer.headerlist if item[0].lower() != "content-length"]
        return Response(200, kept, body)(environ, start_response)

    def _told_and_logged(self, environ: Environ, error: SegmentUnusable) -> Response:
        self.log.warning(
            f"{wsgi_to_text(environ['PATH_INFO'])} ({environ.get('swift.trans_id', '-')}): {error}"
        )
        return unusable(error)


def _with_slo_etags(body: bytes) -> bytes:
    """Rows `hash; slo_etag=x` as `hash` and `slo_etag`."""
    return tell_rows(body, "slo_etag", _tell_slo_etag, "slo_etag")


def _tell_slo_etag(row: Row, parameters: dict[str, str]) -> bool:
    told = parameters.get("slo_etag")
    if not told:
        return False
    row["slo_etag"] = f'"{told}"'
    return True


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(SloOptions.SECTION, global_conf, local_conf)
    options = conf.options(SloOptions)
    host, log, hash_path = conf.host, conf.log(), conf.cluster.hash_path
    register(
        "slo",
        max_manifest_segments=options.max_manifest_segments,
        max_manifest_size=options.max_manifest_size,
        yield_frequency=int(options.yield_frequency),
        min_segment_size=1,
        allow_async_delete=options.allow_async_delete,
    )
    return lambda app: StaticLargeObjects(app, options, host=host, log=log, hash_path=hash_path)
