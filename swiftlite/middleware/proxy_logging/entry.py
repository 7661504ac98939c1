"""One finished request, as the fields of a log line. A field is worked out when a template uses
it, so that a line costs what it shows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import new as new_hash
from time import asctime, gmtime, strftime
from typing import Any

from swiftlite.middleware.proxy_logging.redact import redact_header, redact_query, redact_url
from swiftlite.middleware.proxy_logging.redact import shortened as _shortened
from swiftlite.vocab.names import wsgi_quote
from swiftlite.web.request import title_of
from swiftlite.web.wsgi import Environ, HeaderList

_POLICY = "x-backend-storage-policy-index"


@dataclass(frozen=True, slots=True)
class LineOptions:
    """What lines show of secrets and headers."""

    shown: int = 16
    anonymization_method: str = "md5"
    anonymization_salt: bytes = b""
    headers: bool = False
    headers_only: frozenset[str] = field(default_factory=frozenset)


class Moment:
    """A time in the forms that templates name."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __str__(self) -> str:
        return f"{self.seconds:.9f}"

    @property
    def datetime(self) -> str:
        return _datetime(int(self.seconds))

    @property
    def asctime(self) -> str:
        return asctime(gmtime(self.seconds))

    @property
    def iso8601(self) -> str:
        return strftime("%Y-%m-%dT%H:%M:%S", gmtime(self.seconds))

    @property
    def s(self) -> str:
        return str(int(self.seconds))

    @property
    def ms(self) -> str:
        return str(int(self.seconds * 1e3))

    @property
    def us(self) -> str:
        return str(int(self.seconds * 1e6))

    @property
    def ns(self) -> str:
        return str(int(self.seconds * 1e9))


class _Datetimes(dict[int, str]):
    """Whole seconds to `31/Jan/2026/12/00/00`; the latest few are kept."""

    def __missing__(self, second: int) -> str:
        if len(self) > 8:
            self.clear()
        text = self[second] = strftime("%d/%b/%Y/%H/%M/%S", gmtime(second))
        return text


_DATETIMES = _Datetimes()


def _datetime(second: int) -> str:
    return _DATETIMES[second]


class Entry:
    """Fields by their names in log_msg_template; text fields are WSGI strings, "" when absent."""

    __slots__ = (
        "_options",
        "bytes_recvd",
        "bytes_sent",
        "end_time",
        "environ",
        "response_headers",
        "seconds",
        "start_time",
        "status_int",
        "ttfb_seconds",
        "wire_status_int",
    )

    def __init__(
        self,
        environ: Environ,
        options: LineOptions,
        *,
        status_int: int,
        wire_status_int: int,
        response_headers: HeaderList,
        bytes_recvd: int,
        bytes_sent: int,
        started: float,
        seconds: float,
        ttfb_seconds: float,
    ) -> None:
        """started: wall time; seconds: how long the request took, by the monotonic clock."""
        self.environ = environ
        self._options = options
        self.status_int = status_int
        self.wire_status_int = wire_status_int
        self.response_headers = response_headers
        self.bytes_recvd = bytes_recvd
        self.bytes_sent = bytes_sent
        self.start_time = Moment(started)
        self.end_time = Moment(started + seconds)
        self.seconds = seconds
        self.ttfb_seconds = ttfb_seconds

    @property
    def client_ip(self) -> str:
        """Who asked, as proxies in front say; any client may lie about it."""
        environ = self.environ
        client = environ.get("HTTP_X_CLUSTER_CLIENT_IP")
        if not client and "HTTP_X_FORWARDED_FOR" in environ:
            client = environ["HTTP_X_FORWARDED_FOR"].partition(",")[0].strip()
        return client or self.remote_addr

    @property
    def remote_addr(self) -> str:
        return str(self.environ.get("REMOTE_ADDR") or "")

    @property
    def domain(self) -> str:
        return str(self.environ.get("HTTP_HOST") or "")

    @property
    def method(self) -> str:
        """What the client sent; a COPY is run as a PUT."""
        environ = self.environ
        if "swift.orig_req_method" in environ and "swift.source" not in environ:
            return str(environ["swift.orig_req_method"])
        return str(environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        """Path and query, signatures shortened."""
        environ = self.environ
        path = environ.get("RAW_PATH_INFO")
        if path is None:
            path = wsgi_quote(environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"])
        query = environ.get("QUERY_STRING")
        return f"{path}?{redact_query(query, self._options.shown)}" if query else str(path)

    @property
    def protocol(self) -> str:
        return str(self.environ.get("SERVER_PROTOCOL") or "")

    @property
    def referer(self) -> str:
        referer = self.environ.get("HTTP_REFERER")
        return redact_url(referer, self._options.shown) if referer else ""

    @property
    def user_agent(self) -> str:
        return str(self.environ.get("HTTP_USER_AGENT") or "")

    @property
    def auth_token(self) -> str:
        token = self.environ.get("HTTP_X_AUTH_TOKEN")
        return _shortened(token, self._options.shown) if token else ""

    @property
    def client_etag(self) -> str:
        return str(self.environ.get("HTTP_ETAG") or "")

    @property
    def transaction_id(self) -> str:
        return str(self.environ.get("swift.trans_id") or "")

    @property
    def headers(self) -> str:
        """Request headers a line each, if the conf asks for them; secrets hidden."""
        options = self._options
        if not options.headers:
            return ""
        lines = []
        for key, value in self.environ.items():
            if not key.startswith("HTTP_") and key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                continue
            name = title_of(key.removeprefix("HTTP_"))
            if not options.headers_only or name.lower() in options.headers_only:
                lines.append(f"{name}: {redact_header(name, str(value), options.shown)}")
        return "\n".join(lines)

    @property
    def request_time(self) -> str:
        return f"{self.seconds:.4f}"

    @property
    def ttfb(self) -> str:
        return f"{self.ttfb_seconds:.4f}"

    @property
    def source(self) -> str:
        """The filter that made this request for itself: SLO, SSC, ..."""
        return str(self.environ.get("swift.source") or "")

    @property
    def log_info(self) -> str:
        return ",".join(self.environ.get("swift.log_info") or ())

    @property
    def policy_index(self) -> str:
        for name, value in self.response_headers:
            if len(name) == len(_POLICY) and name.lower() == _POLICY:
                return value
        return str(self.environ.get("HTTP_X_BACKEND_STORAGE_POLICY_INDEX") or "")

    @property
    def pid(self) -> int:
        return os.getpid()

    @property
    def account(self) -> str:
        return self._in_path(2)

    @property
    def container(self) -> str:
        return self._in_path(3)

    @property
    def object(self) -> str:
        return self._in_path(4)

    def _in_path(self, index: int) -> str:
        segments = self.environ["PATH_INFO"].split("/", 4)
        if len(segments) <= index or segments[0] or not segments[1].startswith("v1"):
            return ""
        return str(segments[index])

    def anonymized(self, value: Any) -> str:  # noqa: ANN401  # any field
        """A digest in place of a value, the same for equal values; "" stays empty."""
        text = str(value)
        if not text:
            return ""
        method, salt = self._options.anonymization_method, self._options.anonymization_salt
        digest = new_hash(method, salt, usedforsecurity=False)
        digest.update(text.encode("latin-1", "replace"))
        return f"{{{'S' if salt else ''}{method.upper()}}}{digest.hexdigest()}"
