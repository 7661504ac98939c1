"""Keeps the cluster's own headers inside: clients can neither send nor see them.

Both ways: sysmeta, transient sysmeta, everything X-Backend, and the headers that tell a storage
server where to send its updates (a client that could set those made the object server call any
address: CVE-2026-50221). A client's X-Timestamp is set aside, because a backend would believe it
(CVE-2013-4155). This filter stands left of everything that trusts such a header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from urllib.parse import urlsplit

from swiftlite.config.option import opt
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.vocab.headers import INTERNAL_NAMES, INTERNAL_PREFIXES
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp

KNOWN_LIMIT = 4096  # names remembered in each direction; clients choose some of them

_PREFIXES = (*INTERNAL_PREFIXES, "x-backend")

_name_of = itemgetter(0)


@dataclass(frozen=True, slots=True)
class GatekeeperOptions:
    SECTION = "filter:gatekeeper"
    shunt_inbound_x_timestamp: bool = opt(
        True, "Move a client's X-Timestamp to X-Backend-Inbound-X-Timestamp."
    )
    allow_reserved_names_header: bool = opt(
        False, "Let clients reach reserved names with X-Allow-Reserved-Names; for debugging only."
    )


def is_internal(header: str) -> bool:
    """Whether a header, in any case and with either kind of dash, belongs to the cluster alone."""
    name = header.lower().replace("_", "-")
    return name in INTERNAL_NAMES or name.startswith(_PREFIXES)


class _Verdicts(dict[str, bool]):
    """Response header name to whether clients see it; bounded, because users make some names."""

    def __missing__(self, name: str) -> bool:
        verdict = not is_internal(name)
        if len(self) < KNOWN_LIMIT:
            self[name] = verdict
        return verdict


class Gatekeeper:
    """WSGI filter. A request of known names costs one comparison of key sets."""

    def __init__(self, app: WsgiApp, options: GatekeeperOptions) -> None:
        self.app = app
        self.shunt = options.shunt_inbound_x_timestamp
        self.allow_reserved = options.allow_reserved_names_header
        self._harmless: set[str] = set()
        self._verdicts = _Verdicts()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.keys() <= self._harmless:
            self._clean(environ)
        if self.shunt and "HTTP_X_TIMESTAMP" in environ:
            environ["HTTP_X_BACKEND_INBOUND_X_TIMESTAMP"] = environ.pop("HTTP_X_TIMESTAMP")
        if self.allow_reserved and "HTTP_X_ALLOW_RESERVED_NAMES" in environ:
            environ["HTTP_X_BACKEND_ALLOW_RESERVED_NAMES"] = environ.pop(
                "HTTP_X_ALLOW_RESERVED_NAMES"
            )
        is_shown = self._verdicts.__getitem__

        def start(status: str, headers: HeaderList, exc_info: object = None) -> Callable[..., None]:
            shown = list(compress(headers, map(is_shown, map(_name_of, headers))))
            if environ.get("swift.leave_relative_location"):
                shown = _with_relative_location(shown)
            result: Callable[..., None] = start_response(status, shown, exc_info)
            return result

        return self.app(environ, start)

    def _clean(self, environ: Environ) -> None:
        for key in environ.keys() - self._harmless:
            if key.startswith("HTTP_") and is_internal(key[5:]):
                del environ[key]
            elif len(self._harmless) < KNOWN_LIMIT:
                self._harmless.add(key)


def _with_relative_location(headers: HeaderList) -> HeaderList:
    """Location without scheme and host, as a filter asked for that answers under another name."""
    return [
        (name, _relative(value)) if name.lower() == "location" else (name, value)
        for name, value in headers
    ]


def _relative(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return location
    return parts._replace(scheme="", netloc="").geturl()


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf("filter:gatekeeper", global_conf, local_conf)
    options = conf.options(GatekeeperOptions)
    return lambda app: Gatekeeper(app, options)
