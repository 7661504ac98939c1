"""The filter: what a browser without a token gets from a container that its owner made a site.

Settings are the container's metadata: Web-Index, Web-Error (a suffix: `404error.html`),
Web-Listings, Web-Listings-CSS, Web-Listings-Label, Web-Directory-Type. Requests with a user are
left alone, unless they say X-Web-Mode: true.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from swiftlite.config.option import opt
from swiftlite.config.units import is_true
from swiftlite.infocache import get_container_info
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.segments import CONDITIONS
from swiftlite.middleware.staticweb.page import Style, css_url, disabled_page, listing_page
from swiftlite.middleware.tempurl import REMOTE_USER as TEMPURL_USER
from swiftlite.vocab.names import quote_path, text_to_wsgi, wsgi_quote
from swiftlite.vocab.status import is_redirection, is_success
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal, standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_subrequest, read_small_body, send
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "SW"
AGENT = "%(orig)s StaticWeb"
GENERATOR = ("X-Backend-Content-Generator", "staticweb")
LISTING_BYTES_MAX = 64 * 1024 * 1024
DIRECTORY_TYPE = "application/directory"
_GRANT = ("temp_url_prefix", "temp_url_expires", "temp_url_sig", "temp_url_ip_range")


def _url_base(text: str) -> str:
    if text:
        parts = urlsplit(text)
        if parts.path not in ("", "/") or parts.query or not (parts.scheme or parts.netloc):
            raise ValueError("must be a scheme, a host, or both, such as https://example.org")
    return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class StaticWebOptions:
    SECTION = "filter:staticweb"
    url_base: str = opt(
        "",
        "Scheme and host that redirects name, where a proxy in front hides them.",
        parse=_url_base,
    )


class StaticWeb:
    """WSGI filter; requests with a user pass after three look-ups."""

    def __init__(self, app: WsgiApp, options: StaticWebOptions) -> None:
        self.app = app
        self.url_base = options.url_base

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.app(environ, start_response)
        if "swift.authorize" not in environ:
            return self.app(environ, start_response)  # it stands left of authentication
        user = environ.get("REMOTE_USER")
        if user and user != TEMPURL_USER and not is_true(environ.get("HTTP_X_WEB_MODE")):
            return self.app(environ, start_response)
        if environ["PATH_INFO"].count("/") < 3:
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            version, account, container, obj = request.split(1, 4, rest=True)
            if not (version and account and container) or not version.startswith("v1"):
                return self.app(environ, start_response)
            site = _Site(self.app, request, f"/{version}/{account}/{container}", self.url_base)
            answer = site.object(obj) if obj else site.container()
        except Refusal as refusal:
            answer = refusal.response()
        if answer is None:
            return self.app(environ, start_response)
        return answer(environ, start_response)


class _Site:
    """One request for a page of one container. path: `/v1/a/c`, text."""

    def __init__(self, app: WsgiApp, request: Request, path: str, url_base: str) -> None:
        self._app = app
        self._request = request
        self._path = path
        self._url_base = url_base
        self._container = path.rpartition("/")[2]
        info = get_container_info(request.environ, app, source=SOURCE)
        meta = info.meta if info.ok else {}
        self._index = meta.get("web-index", "").strip()
        self._error = meta.get("web-error", "").strip()
        self._listings = is_true(meta.get("web-listings"))
        self._css = meta.get("web-listings-css", "").strip()
        self._label = meta.get("web-listings-label", "").strip()
        self._directory_type = meta.get("web-directory-type", "").strip() or DIRECTORY_TYPE

    @property
    def _is_site(self) -> bool:
        return bool(self._index) or self._listings

    @property
    def _has_slash(self) -> bool:
        return bool(self._request.environ["PATH_INFO"].endswith("/"))

    def container(self) -> Response | None:
        """The container's own page; None where it is no site."""
        if not self._is_site:
            if is_true(self._request.get_header("X-Web-Mode")):
                return standard_answer(404)
            return None
        if not self._has_slash:
            return self._with_slash()
        if not self._index:
            return self._listing("")
        response = self._fetch(f"{self._path}/{self._index}")
        if response.status_int == 404:
            response.discard_body()
            return self._listing("")
        return self._good_or_error(response)

    def object(self, obj: str) -> Response | None:
        """An object, or the page that stands for a directory of that name; None as above."""
        if not self._is_site and not self._error:
            return None
        response = self._fetch(None)
        status = response.status_int
        if _went_well(status) and not self._is_marker(response):
            return response
        if not _went_well(status) and status != 404:
            return self._error_page(response)
        if not self._is_site:
            return response
        response.discard_body()
        directory = obj if obj.endswith("/") else obj + "/"
        if self._index:
            page = self._fetch(f"{self._path}/{directory}{self._index}")
            if _went_well(page.status_int):
                if self._has_slash:
                    return page
                page.discard_body()
                return self._with_slash()
            page.discard_body()
        if self._has_slash:
            return self._listing(directory)
        if self._rows(directory, limit=1):
            return self._with_slash()
        return self._error_page(standard_answer(404))

    def _is_marker(self, response: Response) -> bool:
        """Whether an object stands for a directory, having no content of its own."""
        length = response.get_header("Content-Length") or "0"
        kind = (response.get_header("Content-Type") or "").partition(";")[0].strip()
        return kind == self._directory_type and length in ("0", "1")

    def _fetch(self, path: str | None, *, plain: bool = False) -> Response:
        """The request itself, or the same for another path; plain: without its conditions."""
        environ = self._request.environ.copy()
        if path is not None:
            environ["PATH_INFO"] = text_to_wsgi(path)
            environ["RAW_PATH_INFO"] = quote_path(path)
        if plain:
            for key in (*CONDITIONS, "HTTP_RANGE", "HTTP_IF_RANGE"):
                environ.pop(key, None)
        environ["swift.source"] = SOURCE
        environ["HTTP_USER_AGENT"] = AGENT.replace("%(orig)s", environ.get("HTTP_USER_AGENT", ""))
        return send(self._app, Request(environ))

    def _good_or_error(self, response: Response) -> Response:
        return response if _went_well(response.status_int) else self._error_page(response)

    def _error_page(self, response: Response) -> Response:
        """The owner's page for a status, under that status; else the answer as it is."""
        if not self._error or response.status_int in (304, 412, 416):
            return response
        page = self._fetch(f"{self._path}/{response.status_int}{self._error}", plain=True)
        if not is_success(page.status_int):
            page.discard_body()
            return response
        response.discard_body()
        challenge = response.get_header("Www-Authenticate")
        if challenge:
            page.headerlist.append(("Www-Authenticate", challenge))
        page.status_int = response.status_int
        return page

    def _with_slash(self) -> Response:
        """301 to the same path with a slash, so that relative links work.

        The path begins with one slash and the API's version, so it cannot name another host.
        """
        environ = self._request.environ
        location = wsgi_quote(environ["PATH_INFO"] + "/")
        query = environ.get("QUERY_STRING")
        if query and environ.get("REMOTE_USER") == TEMPURL_USER:
            location += f"?{query}"
        if self._url_base:
            base = urlsplit(self._url_base)
            scheme = base.scheme or environ.get("wsgi.url_scheme", "http")
            host = base.netloc or environ.get("HTTP_HOST", "localhost")
            location = f"{scheme}://{host}{location}"
        return standard_answer(301, {"Location": location})

    def _listing(self, prefix: str) -> Response:
        label = self._label_of(prefix)
        style = Style(css_url(self._css, prefix.count("/")) if self._css else "")
        headers = [("Content-Type", "text/html; charset=UTF-8"), GENERATOR]
        if not self._listings:
            return self._error_page(Response(404, headers, disabled_page(label, style)))
        query, linked = self._grant()
        rows = self._rows(prefix)
        if prefix and not rows:
            return self._error_page(standard_answer(404))
        page = listing_page(label, prefix, rows, style, query=query, linked_prefix=linked)
        return Response(200, headers, page.encode("utf-8", "replace"))

    def _label_of(self, prefix: str) -> str:
        if self._label:
            return f"{self._label.rstrip('/')}/{prefix}"
        return f"{self._path}/{prefix}"

    def _rows(self, prefix: str, limit: int | None = None) -> list[dict[str, Any]]:
        """The names below a prefix, a level deep. Refusal for whatever keeps them away."""
        query = f"format=json&delimiter=/&prefix={quote_path(prefix, safe='')}"
        if limit is not None:
            query += f"&limit={limit}"
        request = make_subrequest(
            self._request.environ, "GET", self._path, query=query, source=SOURCE, agent=AGENT
        )
        response = send(self._app, request)
        if not is_success(response.status_int):
            response.discard_body()
            challenge = response.get_header("Www-Authenticate")
            raise _Page(
                self._error_page(
                    standard_answer(
                        response.status_int,
                        {"Www-Authenticate": challenge} if challenge else None,
                    )
                )
            )
        try:
            rows = json.loads(read_small_body(response, LISTING_BYTES_MAX) or b"[]")
        except ValueError:
            raise Refusal(503, "A listing could not be read.") from None
        return [row for row in rows if isinstance(row, dict)]

    def _grant(self) -> tuple[str, str]:
        """What links need behind them for a bearer of a temporary URL, and below which prefix."""
        if self._request.environ.get("REMOTE_USER") != TEMPURL_USER:
            return "", ""
        params = self._request.params_text
        if "temp_url_prefix" not in params:
            return "", ""
        items = [f"{name}={quote_path(params[name], safe='')}" for name in _GRANT if name in params]
        return "?" + "&".join(items), params["temp_url_prefix"]


class _Page(Refusal):
    """A refusal whose answer is a page already made."""

    def __init__(self, page: Response) -> None:
        super().__init__(page.status_int)
        self._page = page

    def response(self) -> Response:
        return self._page


def _went_well(status: int) -> bool:
    return is_success(status) or is_redirection(status)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(StaticWebOptions.SECTION, global_conf, local_conf)
    options = conf.options(StaticWebOptions)
    register("staticweb")
    return lambda app: StaticWeb(app, options)
