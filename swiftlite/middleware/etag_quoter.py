"""ETags in quotes, as HTTP wants them, for those whose clients can stand it.

Swift's ETags have never had quotes. Accounts and containers choose by X-Account- and
X-Container-Rfc-Compliant-Etags (true, false, or empty for what the next larger one says).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.config.units import is_true
from swiftlite.infocache import get_account_info, get_container_info
from swiftlite.middleware.calling import HeaderFinder, call
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.web.info_registry import register
from swiftlite.web.request import Request
from swiftlite.web.subrequest import send
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "EQ"
_KEY = "rfc-compliant-etags"
_HEADER = "Rfc-Compliant-Etags"
_has_etag = HeaderFinder("etag")


@dataclass(frozen=True, slots=True)
class EtagQuoterOptions:
    SECTION = "filter:etag-quoter"
    enable_by_default: bool = opt(
        False, "Quote ETags where neither account nor container says anything."
    )


class EtagQuoter:
    """WSGI filter; objects' answers are looked at when they have an ETag without quotes."""

    def __init__(self, app: WsgiApp, options: EtagQuoterOptions) -> None:
        self.app = app
        self.by_default = options.enable_by_default

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        segments = environ["PATH_INFO"].split("/", 4)
        if len(segments) < 3 or segments[0] or not segments[2] or segments[1] not in ("v1", "v1.0"):
            return self.app(environ, start_response)
        if len(segments) == 5 and segments[4]:
            return self._object(environ, start_response)
        kind = "Container" if len(segments) > 3 and segments[3] else "Account"
        return self._choice(environ, start_response, kind)

    def _choice(
        self, environ: Environ, start_response: StartResponse, kind: str
    ) -> Iterable[bytes]:
        """A request for an account or a container, which may set or see what was chosen."""
        request = Request(environ)
        header, sysmeta = f"X-{kind}-{_HEADER}", f"X-{kind}-Sysmeta-{_HEADER}"
        if request.verb in ("PUT", "POST"):
            chosen = request.get_header(header)
            if chosen is not None:
                request.set_header(sysmeta, str(is_true(chosen)) if chosen.strip() else "")
        response = send(self.app, request)
        stored = response.get_header(sysmeta)
        if stored:
            response.headerlist.append((header, stored))
        return response(environ, start_response)

    def _object(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = call(self.app, environ)
        if _has_etag(headers):
            headers = [
                (name, f'"{value}"')
                if name.lower() == "etag" and not _is_quoted(value) and self._wanted(environ)
                else (name, value)
                for name, value in headers
            ]
        start_response(status, headers)
        return body

    def _wanted(self, environ: Environ) -> bool:
        container = get_container_info(environ, self.app, source=SOURCE)
        chosen = container.sysmeta.get(_KEY, "").strip()
        if not chosen:
            account = get_account_info(environ, self.app, source=SOURCE)
            chosen = account.sysmeta.get(_KEY, "").strip()
        return is_true(chosen) if chosen else self.by_default


def _is_quoted(etag: str) -> bool:
    return etag.startswith(('"', 'W/"')) and etag.endswith('"')


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(EtagQuoterOptions.SECTION, global_conf, local_conf)
    options = conf.options(EtagQuoterOptions)
    register("etag_quoter", enable_by_default=options.enable_by_default)
    return lambda app: EtagQuoter(app, options)
