"""Temporary URLs: a signature in the query gives its bearer one method on one object, for a while.

Everything in the query that the signature does not cover is dropped, and so are headers by which
a request reaches beyond its object (CVE-2015-5223: a PUT that made a manifest read anything).
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from time import strptime
from typing import Any
from urllib.parse import quote, urlencode

from swiftlite.config.option import opt
from swiftlite.host.clock import Clock
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.signatures import (
    ACCOUNT,
    DEPRECATED_DIGESTS,
    Key,
    digest_option,
    keys_of,
    matching_key,
    parse_signature,
)
from swiftlite.observe.log import Log
from swiftlite.vocab.http_date import format_http_date
from swiftlite.vocab.names import split_path, wsgi_to_text
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp

SOURCE = "TU"
REMOTE_USER = ".wsgi.tempurl"
DATE_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
EXPIRES_MAX = 1 << 40
# A PUT or POST with one of these would let its bearer read, or point at, other objects.
REFUSED_HEADERS = (
    "X-Object-Manifest",
    "X-Symlink-Target",
    "X-Symlink-Target-Account",
    "X-Copy-From",
    "X-Copy-From-Account",
)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


@dataclass(frozen=True, slots=True)
class TempUrlOptions:
    SECTION = "filter:tempurl"
    methods: list[str] = opt(
        ["GET", "HEAD", "PUT", "POST", "DELETE"],
        "Methods that may be signed.",
        parse=lambda text: [word.upper() for word in _words(text)],
    )
    incoming_remove_headers: list[str] = opt(
        ["x-timestamp", "x-open-expired"],
        "Headers taken from such requests; a star at the end stands for anything.",
        parse=_words,
    )
    incoming_allow_headers: list[str] = opt(
        [], "Exceptions to incoming_remove_headers.", parse=_words
    )
    outgoing_remove_headers: list[str] = opt(
        ["x-object-meta-*"], "Headers taken from the answers.", parse=_words
    )
    outgoing_allow_headers: list[str] = opt(
        ["x-object-meta-public-*"], "Exceptions to outgoing_remove_headers.", parse=_words
    )
    allowed_digests: list[str] = opt(
        ["sha1", "sha256", "sha512"],
        "Digests of signatures; sha1 is deprecated.",
        parse=digest_option,
    )


class HeaderRule:
    """Which headers are removed: those of one list that are not in the other."""

    def __init__(self, removed: Iterable[str], allowed: Iterable[str]) -> None:
        self._removed = _patterns(removed)
        self._allowed = _patterns(allowed)

    def removes(self, name: str) -> bool:
        lower = name.lower().replace("_", "-")
        return _matches(lower, self._removed) and not _matches(lower, self._allowed)


Patterns = tuple[frozenset[str], tuple[str, ...]]


def _patterns(names: Iterable[str]) -> Patterns:
    lowered = [name.lower().replace("_", "-") for name in names]
    exact = frozenset(name for name in lowered if not name.endswith("*"))
    return exact, tuple(name[:-1] for name in lowered if name.endswith("*"))


def _matches(lower: str, patterns: Patterns) -> bool:
    exact, prefixes = patterns
    return lower in exact or (bool(prefixes) and lower.startswith(prefixes))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a temporary URL says in its query. expires: seconds since 1970."""

    signature: str
    expires: int
    prefix: str | None
    filename: str | None
    inline: bool
    ip_range: str | None


class TempUrl:
    """WSGI filter; a request without a signature in its query passes after one look."""

    def __init__(self, app: WsgiApp, options: TempUrlOptions, *, clock: Clock, log: Log) -> None:
        self.app = app
        self.options = options
        self.clock = clock
        self.log = log
        self.methods = frozenset(options.methods)
        self.inbound = HeaderRule(options.incoming_remove_headers, options.incoming_allow_headers)
        self.outbound = HeaderRule(options.outgoing_remove_headers, options.outgoing_allow_headers)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING")
        if not query or environ["REQUEST_METHOD"] == "OPTIONS" or not _may_be_signed(query):
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            params = request.params_text
            if "temp_url_sig" not in params and "temp_url_expires" not in params:
                return self.app(environ, start_response)
            grant = self._checked(request, params)
        except Refusal as refusal:
            return refusal.response()(environ, start_response)
        return self.app(environ, self._answering(environ, grant, start_response))

    def _checked(self, request: Request, params: dict[str, str]) -> Grant:
        """The grant, after the environ has been made a request of its bearer. Raises Refusal."""
        environ = request.environ
        grant = _read_grant(params)
        signature = parse_signature(grant.signature, self.options.allowed_digests)
        place = _object_in(environ)
        if signature is None or place is None or request.verb not in self.methods:
            raise _invalid()
        if grant.expires <= self.clock.wall() or not _address_fits(environ, grant.ip_range):
            raise _invalid()
        account, container, obj = place
        path = wsgi_to_text(environ["PATH_INFO"])
        if grant.prefix is not None:
            if not obj.startswith(grant.prefix):
                raise _invalid()
            path = f"prefix:/v1/{account}/{container}/{grant.prefix}"
        verbs = ("HEAD", "GET", "POST", "PUT") if request.verb == "HEAD" else (request.verb,)
        texts = [signed_text(verb, grant.expires, path, grant.ip_range) for verb in verbs]
        key = matching_key(signature, texts, keys_of(environ, self.app, SOURCE))
        if key is None:
            raise _invalid()
        self._clean_headers(request)
        environ["swift.authorize"] = _authorize_within(account, container, key)
        environ["swift.authorize_override"] = True
        environ["REMOTE_USER"] = REMOTE_USER
        environ["QUERY_STRING"] = _covered_query(params)
        return grant

    def _clean_headers(self, request: Request) -> None:
        """Refusal 400 for headers that reach too far; others are just removed."""
        if request.verb in ("PUT", "POST"):
            for name in REFUSED_HEADERS:
                if request.get_header(name) is not None:
                    raise Refusal(400, f"The header {name} is not allowed in this temporary URL.")
        environ = request.environ
        for key in [key for key in environ if key.startswith("HTTP_")]:
            if self.inbound.removes(key[5:]):
                del environ[key]

    def _answering(
        self, environ: Environ, grant: Grant, start_response: StartResponse
    ) -> StartResponse:
        """start_response for the bearer: no private metadata, a name to save the body under."""
        reading = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        path = environ["PATH_INFO"]

        def start(status: str, headers: HeaderList, exc_info: object = None) -> Any:  # noqa: ANN401  # PEP 3333
            shown = [item for item in headers if not self.outbound.removes(item[0])]
            if reading and status.startswith("2"):
                shown = _with_disposition(shown, grant, path)
                shown.append(("Expires", format_http_date(grant.expires)))
            return start_response(status, shown)

        return start


def signed_text(verb: str, expires: int, path: str, ip_range: str | None = None) -> bytes:
    """What is signed. path: text, `/v1/a/c/o`, or `prefix:/v1/a/c/…` for all below a prefix."""
    text = f"{verb}\n{expires}\n{path}"
    if ip_range:
        text = f"ip={ip_range}\n{text}"
    return text.encode("utf-8", "surrogateescape")


def _may_be_signed(query: str) -> bool:
    return "temp_url" in query or "%" in query


def _read_grant(params: dict[str, str]) -> Grant:
    signature, expires = params.get("temp_url_sig"), params.get("temp_url_expires")
    moment = parse_expires(expires or "")
    if not signature or moment is None:
        raise _invalid()
    return Grant(
        signature=signature,
        expires=moment,
        prefix=params.get("temp_url_prefix"),
        filename=params.get("filename"),
        inline="inline" in params,
        ip_range=params.get("temp_url_ip_range"),
    )


def parse_expires(text: str) -> int | None:
    """Seconds since 1970 out of digits or an ISO date in UTC; None for anything else."""
    if text.isascii() and text.isdigit():
        return min(int(text), EXPIRES_MAX) if len(text) <= 18 else None
    for form in DATE_FORMS:
        try:
            return timegm(strptime(text, form))
        except ValueError:
            continue
    return None


def _object_in(environ: Environ) -> tuple[str, str, str] | None:
    """Account, container and object of the path, text."""
    try:
        version, account, container, obj = split_path(
            wsgi_to_text(environ["PATH_INFO"]), 4, 4, rest=True
        )
    except ValueError:
        return None
    if version != "v1" or not (account and container and obj and obj.strip("/")):
        return None
    return account, container, obj


def _address_fits(environ: Environ, ip_range: str | None) -> bool:
    if ip_range is None:
        return True
    try:
        return ip_address(environ.get("REMOTE_ADDR", "")) in ip_network(ip_range)
    except ValueError:
        return False


def _authorize_within(
    account: str, container: str, key: Key
) -> Callable[[Request], Response | None]:
    """The callback that lets the request, and what filters ask for it, stay where its key is."""

    def authorize(request: Request) -> Response | None:
        segments = wsgi_to_text(request.environ["PATH_INFO"]).split("/", 4)
        inside = len(segments) > 2 and segments[2] == account
        if key.scope != ACCOUNT:
            inside = inside and len(segments) > 3 and segments[3] == container
        return None if inside else _invalid().response()

    return authorize


def _covered_query(params: dict[str, str]) -> str:
    """The query without what the signature does not cover."""
    names = ("temp_url_sig", "temp_url_expires", "temp_url_prefix", "temp_url_ip_range")
    return urlencode({name: params[name] for name in (*names, "filename") if name in params})


def _with_disposition(headers: HeaderList, grant: Grant, path: str) -> HeaderList:
    """Content-Disposition: what the query says, else what the object has, else its name."""
    existing = None
    others: HeaderList = []
    for name, value in headers:
        lower = name.lower()
        if lower == "content-disposition":
            existing = value
        elif lower == "x-backend-content-generator" and value == "staticweb":
            return headers
        else:
            others.append((name, value))
    if grant.inline:
        value = disposition("inline", grant.filename) if grant.filename else "inline"
    elif grant.filename:
        value = disposition("attachment", grant.filename)
    elif existing:
        value = existing
    else:
        value = disposition("attachment", wsgi_to_text(path).rstrip("/").rpartition("/")[2])
    return [*others, ("Content-Disposition", value)]


def disposition(kind: str, filename: str) -> str:
    """A Content-Disposition with the name in both spellings (RFC 6266), nothing left unquoted."""
    raw = filename.encode("utf-8", "surrogateescape")
    return f"{kind}; filename=\"{quote(raw, safe=' /')}\"; filename*=UTF-8''{quote(raw)}"


def _invalid() -> Refusal:
    return Refusal(
        401,
        "401 Unauthorized: Temp URL invalid\n",
        {"Www-Authenticate": 'Swift realm="unknown"'},
    )


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(TempUrlOptions.SECTION, global_conf, local_conf)
    options = conf.options(TempUrlOptions)
    clock, log = conf.host.clock, conf.log()
    deprecated = [name for name in options.allowed_digests if name in DEPRECATED_DIGESTS]
    register(
        "tempurl",
        methods=options.methods,
        incoming_remove_headers=options.incoming_remove_headers,
        incoming_allow_headers=options.incoming_allow_headers,
        outgoing_remove_headers=options.outgoing_remove_headers,
        outgoing_allow_headers=options.outgoing_allow_headers,
        allowed_digests=sorted(options.allowed_digests),
    )
    if deprecated:
        register("tempurl", deprecated_digests=deprecated)
    return lambda app: TempUrl(app, options, clock=clock, log=log)
