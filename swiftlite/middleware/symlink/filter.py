"""The filter: makes links, follows them, and shows them in listings.

GET and HEAD go where a link points, `?symlink=get` to the link itself. DELETE and COPY's
destination are the link; POST is answered 307, because what it meant is seldom the link.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.middleware.calling import HeaderFinder, as_response, call
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.row_etag import Row, tell_rows
from swiftlite.middleware.segments import add_name, object_path
from swiftlite.middleware.symlink.target import (
    ACCOUNT,
    BYTES,
    CONTENT_TYPE,
    ETAG,
    NO_BYTES_ETAG,
    OVERRIDE,
    SYS_TARGET,
    TARGET,
    Target,
    read_request,
    read_sysmeta,
)
from swiftlite.vocab.names import quote_path, text_to_wsgi, unquote_path
from swiftlite.vocab.status import is_success
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_subrequest, send
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp

SOURCE = "SYM"
DEFAULT_HOPS = 2
_SYSMETA = "x-object-sysmeta-symlink-target"
_is_link = HeaderFinder(SYS_TARGET.lower())
_IGNORE_RANGE = "HTTP_X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT"
_POLICY = "HTTP_X_BACKEND_STORAGE_POLICY_INDEX"


@dataclass(frozen=True, slots=True)
class SymlinkOptions:
    SECTION = "filter:symlink"
    symloop_max: int = opt(
        DEFAULT_HOPS, "Links followed one after the other; less than 1 counts as 2."
    )


class Symlinks:
    """WSGI filter; an object that is no link costs one look at its headers."""

    def __init__(self, app: WsgiApp, options: SymlinkOptions) -> None:
        self.app = app
        self.hops = options.symloop_max if options.symloop_max >= 1 else DEFAULT_HOPS

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        verb = environ["REQUEST_METHOD"]
        depth = environ["PATH_INFO"].count("/")
        request = Request(environ)
        try:
            if depth >= 4:
                if verb in ("GET", "HEAD"):
                    return self._read(request, start_response)
                if verb == "PUT":
                    self._make(request)
                elif verb == "POST":
                    return self._post(request)(environ, start_response)
            elif depth == 3 and verb == "GET":
                return self._list(request, start_response)
        except Refusal as refusal:
            return refusal.response()(environ, start_response)
        return self.app(environ, start_response)

    # Making

    def _make(self, request: Request) -> None:
        """Turn a PUT with X-Symlink-Target into that of a link's object. Raises Refusal."""
        target = read_request(request)
        if target is None:
            return
        place = object_path(request)
        if place is None:
            return
        account_path, container, obj = place
        if request.has_body:
            raise Refusal(400, "A symlink must have a body of zero bytes.")
        own_account = account_path.split("/", 2)[2]
        if (target.account or own_account, target.path) == (own_account, f"{container}/{obj}"):
            raise Refusal(400, "A symlink cannot point at itself.")
        environ = request.environ
        if target.etag is not None:
            target = self._found(request, account_path, target)
        elif not environ.get("CONTENT_TYPE"):
            environ["CONTENT_TYPE"] = CONTENT_TYPE
        for name in (TARGET, ACCOUNT, ETAG):
            request.set_header(name, None)
        for name, value in target.sysmeta().items():
            request.set_header(name, value)
        request.set_header(OVERRIDE, target.row_etag(request.get_header(OVERRIDE)))

    def _found(self, request: Request, account_path: str, target: Target) -> Target:
        """A static link's target with its size, after a look at it. Raises Refusal."""
        path = _path_of(account_path, target)
        head = make_subrequest(request.environ, "HEAD", path, source=SOURCE)
        response = send(self.app, head)
        response.discard_body()
        if response.status_int == 404:
            raise Refusal(409, f"{TARGET} does not exist.")
        if not is_success(response.status_int):
            raise Refusal(response.status_int, None, _challenge(response))
        etag = (response.get_header("ETag") or "").strip('"')
        if etag != target.etag:
            raise Refusal(
                409, f"Object Etag {etag!r} does not match {ETAG} header {target.etag!r}."
            )
        nested = read_sysmeta(response.get_header)
        size = nested.size if nested else response.get_header("X-Object-Sysmeta-Slo-Size")
        slo_etag = response.get_header("X-Object-Sysmeta-Slo-Etag")
        if slo_etag and request.get_header(OVERRIDE) is None:
            request.set_header(OVERRIDE, f"{NO_BYTES_ETAG}; slo_etag={slo_etag}")
        if not request.environ.get("CONTENT_TYPE"):
            request.environ["CONTENT_TYPE"] = response.get_header("Content-Type") or CONTENT_TYPE
        size = size or response.get_header("Content-Length")
        return Target(target.container, target.obj, target.account, etag, size)

    # Following

    def _read(self, request: Request, start_response: StartResponse) -> Iterable[bytes]:
        environ = request.environ
        query = environ.get("QUERY_STRING")
        itself = bool(query) and request.params_text.get("symlink") == "get"
        if "HTTP_RANGE" in environ and not itself:
            add_name(environ, _IGNORE_RANGE, SYS_TARGET)
        status, headers, body = call(self.app, environ)
        if not _is_link(headers):
            start_response(status, headers)
            return body
        link = as_response(status, headers, body)
        target = read_sysmeta(link.get_header)
        if itself or target is None:
            link.headerlist = _shown(link.headerlist, target)
            return link(environ, start_response)
        place = object_path(request)
        assert place is not None
        return self._followed(request, link, target, place[0])(environ, start_response)

    def _followed(
        self, request: Request, link: Response, target: Target, account_path: str
    ) -> Response:
        """The answer of what a link leads to. Raises Refusal."""
        hops = 0
        while True:
            link.discard_body()
            if not target.extends:
                hops += 1
            if hops > self.hops:
                raise Refusal(
                    409, f"Too many levels of symbolic links, maximum allowed is {self.hops}."
                )
            path = _path_of(account_path, target)
            environ = request.environ.copy()
            environ["PATH_INFO"] = text_to_wsgi(path)
            environ["RAW_PATH_INFO"] = quote_path(path)
            environ.pop(_POLICY, None)
            link = send(self.app, Request(environ))
            beyond = read_sysmeta(link.get_header)
            if target.etag is not None and is_success(link.status_int):
                _check_etag(link, beyond, target)
            if beyond is None:
                link.headerlist.append(("Content-Location", quote_path(path)))
                return link
            account_path, target = path.rsplit("/", path.count("/") - 2)[0], beyond

    # The rest

    def _post(self, request: Request) -> Response:
        """A POST is carried out on the link, and the client sent on to the target."""
        if request.get_header(TARGET) is not None:
            raise Refusal(400, f"A POST cannot change where a symlink points ({TARGET}).")
        response = send(self.app, request)
        target = read_sysmeta(response.get_header)
        place = object_path(request)
        if target is None or place is None or not is_success(response.status_int):
            return response
        response.discard_body()
        path = quote_path(_path_of(place[0], target))
        message = (
            "The requested POST was applied to a symlink. POST directly to the target to apply "
            "requested metadata."
        )
        request.environ["swift.leave_relative_location"] = True
        headers = {"Content-Type": "text/plain; charset=UTF-8", "Location": path}
        return Response(307, headers, message)

    def _list(self, request: Request, start_response: StartResponse) -> Iterable[bytes]:
        answer = send(self.app, request)
        kind = (answer.get_header("Content-Type") or "").partition(";")[0]
        if answer.status_int != 200 or kind != "application/json":
            return answer(request.environ, start_response)
        body = b"".join(answer.app_iter)
        answer.discard_body()
        if b"symlink_target=" in body:
            segments = request.environ["PATH_INFO"].split("/", 3)
            body = _with_targets(body, segments[1], segments[2])
        kept = [item for item in answer.headerlist if item[0].lower() != "content-length"]
        return Response(200, kept, body)(request.environ, start_response)


def _path_of(account_path: str, target: Target) -> str:
    """`/v1/AUTH_x/container/object` of a target, seen from a link in an account."""
    if target.account is None:
        return f"{account_path}/{target.path}"
    version = account_path.split("/", 2)[1]
    return f"/{version}/{target.account}/{target.path}"


def _check_etag(found: Response, beyond: Target | None, wanted: Target) -> None:
    etag = (found.get_header("ETag") or "").strip('"')
    if beyond is not None and beyond.etag is not None:
        etag = beyond.etag
    if etag != wanted.etag:
        found.discard_body()
        raise Refusal(409, f"Object Etag {etag!r} does not match {ETAG} header {wanted.etag!r}.")


def _shown(headers: HeaderList, target: Target | None) -> HeaderList:
    """A link's own headers, with where it points."""
    shown = [item for item in headers if not item[0].lower().startswith(_SYSMETA)]
    if target is not None:
        shown.append((TARGET, quote_path(target.path)))
        if target.account is not None:
            shown.append((ACCOUNT, quote_path(target.account)))
        if target.etag is not None:
            shown.append((ETAG, text_to_wsgi(target.etag)))
        if target.size is not None:
            shown.append((BYTES, target.size))
    return shown


def _with_targets(body: bytes, version: str, account: str) -> bytes:
    """Rows with where links point."""

    def tell(row: Row, parameters: dict[str, str]) -> bool:
        told = {name: unquote_path(value) for name, value in parameters.items()}
        if "symlink_target" not in told:
            return False
        owner = quote_path(told.get("symlink_target_account") or "") or account
        row["symlink_path"] = f"/{version}/{owner}/{quote_path(told['symlink_target'])}"
        if "symlink_target_etag" in told:
            row["symlink_etag"] = told["symlink_target_etag"]
        size = told.get("symlink_target_bytes", "")
        if size.isdigit() and len(size) < 20:
            row["symlink_bytes"] = int(size)
        return True

    return tell_rows(body, "symlink_target", tell, "symlink_")


def _challenge(response: Response) -> dict[str, str]:
    told = response.get_header("Www-Authenticate")
    return {"Www-Authenticate": told} if told else {}


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(SymlinkOptions.SECTION, global_conf, local_conf)
    options = conf.options(SymlinkOptions)
    hops = options.symloop_max if options.symloop_max >= 1 else DEFAULT_HOPS
    register("symlink", symloop_max=hops, static_links=True)
    return lambda app: Symlinks(app, options)
