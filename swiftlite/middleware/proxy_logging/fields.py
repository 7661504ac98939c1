"""The fields of an access line, worked out of a request's environ and its answer.

Text comes as WSGI strings, "" where there is nothing to tell. A line takes only what its template
names (template.py), so a field costs nothing where it is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import new as new_hash
from time import asctime as render_asctime
from time import gmtime, strftime

from swiftlite.middleware.proxy_logging.redact import (
    redact_header,
    redact_query,
    redact_url,
    shortened,
)
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX
from swiftlite.vocab.names import wsgi_quote
from swiftlite.web.request import title_of
from swiftlite.web.wsgi import Environ, HeaderList


@dataclass(frozen=True, slots=True)
class LineOptions:
    """What lines show of secrets and headers."""

    shown: int = 16
    anonymization_method: str = "md5"
    anonymization_salt: bytes = b""
    headers: bool = False
    headers_only: frozenset[str] = field(default_factory=frozenset)


def client_ip(environ: Environ) -> str:
    """Who asked, as proxies in front say; any client may lie about it."""
    if "HTTP_X_CLUSTER_CLIENT_IP" in environ:
        client = environ["HTTP_X_CLUSTER_CLIENT_IP"]
    elif "HTTP_X_FORWARDED_FOR" in environ:
        client = environ["HTTP_X_FORWARDED_FOR"].partition(",")[0].strip()
    else:
        client = ""
    return client or str(environ.get("REMOTE_ADDR", ""))


def method(environ: Environ) -> str:
    """What the client sent; a COPY is run as a PUT."""
    if "swift.orig_req_method" in environ and "swift.source" not in environ:
        return str(environ["swift.orig_req_method"])
    return str(environ["REQUEST_METHOD"])


def path(environ: Environ, options: LineOptions) -> str:
    """Path and query as they were sent, signatures shortened."""
    shown: str | None = environ.get("RAW_PATH_INFO")
    if shown is None:
        shown = wsgi_quote(environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"])
    query = environ.get("QUERY_STRING")
    return f"{shown}?{redact_query(query, options.shown)}" if query else shown


def referer(environ: Environ, options: LineOptions) -> str:
    return redact_url(environ.get("HTTP_REFERER", ""), options.shown)


def auth_token(environ: Environ, options: LineOptions) -> str:
    token = environ.get("HTTP_X_AUTH_TOKEN")
    return shortened(token, options.shown) if token else ""


def headers(environ: Environ, options: LineOptions) -> str:
    """Request headers a line each, if the conf asks for them; secrets hidden."""
    if not options.headers:
        return ""
    lines = []
    for key, value in environ.items():
        if not key.startswith("HTTP_") and key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            continue
        name = title_of(key.removeprefix("HTTP_"))
        if not options.headers_only or name.lower() in options.headers_only:
            lines.append(f"{name}: {redact_header(name, str(value), options.shown)}")
    return "\n".join(lines)


def log_info(environ: Environ) -> str:
    return ",".join(environ.get("swift.log_info") or ())


def policy_index(environ: Environ, response_headers: HeaderList) -> str:
    told = dict(response_headers).get(X_BACKEND_STORAGE_POLICY_INDEX)
    return told or str(environ.get("HTTP_X_BACKEND_STORAGE_POLICY_INDEX") or "")


def in_path(environ: Environ, index: int) -> str:
    """The account (2), container (3) or object (4) of a path of the object API."""
    segments = environ["PATH_INFO"].split("/", 4)
    if len(segments) <= index or segments[0] or not segments[1].startswith("v1"):
        return ""
    return str(segments[index])


def anonymized(text: str, options: LineOptions) -> str:
    """A digest in place of a text, the same for equal texts; "" stays empty."""
    if not text:
        return ""
    name, salt = options.anonymization_method, options.anonymization_salt
    digest = new_hash(name, salt, usedforsecurity=False)
    digest.update(text.encode("latin-1", "replace"))
    return f"{{{'S' if salt else ''}{name.upper()}}}{digest.hexdigest()}"


class _Datetimes(dict[int, str]):
    """Whole seconds to `31/Jan/2026/12/00/00`; the latest few are kept."""

    def __missing__(self, second: int) -> str:
        if len(self) > 8:
            self.clear()
        text = self[second] = strftime("%d/%b/%Y/%H/%M/%S", gmtime(second))
        return text


_datetimes = _Datetimes()


def datetime(seconds: float) -> str:
    return _datetimes[int(seconds)]


def asctime(seconds: float) -> str:
    return render_asctime(gmtime(seconds))


def iso8601(seconds: float) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))
