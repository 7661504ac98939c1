"""Heads of requests to storage servers, out of a client's request.

What a client sent was checked when its head was read; whatever a filter put in since is checked
here, because a line break in a header is a request of somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import unquote_plus

from swiftlite.protocols.http1.controls import are_plain
from swiftlite.protocols.http1.render import header_lines
from swiftlite.proxy.plan import Header
from swiftlite.ring import Device
from swiftlite.vocab.names import quote_path, wsgi_quote
from swiftlite.web import Refusal, Request
from swiftlite.web.shapes import Keys
from swiftlite.web.wsgi import Environ

_READ_KEYS = {
    "HTTP_RANGE": "Range",
    "HTTP_IF_MATCH": "If-Match",
    "HTTP_IF_NONE_MATCH": "If-None-Match",
    "HTTP_IF_MODIFIED_SINCE": "If-Modified-Since",
    "HTTP_IF_UNMODIFIED_SINCE": "If-Unmodified-Since",
    "HTTP_IF_RANGE": "If-Range",
}
# Of the connection, of the client's identity, or written anew for every node.
_NEVER_SENT = frozenset(
    "HTTP_" + name
    for name in (
        "ACCEPT",
        "ACCEPT_ENCODING",
        "ACCEPT_LANGUAGE",
        "AUTHORIZATION",
        "CONNECTION",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "COOKIE",
        "EXPECT",
        "HOST",
        "KEEP_ALIVE",
        "ORIGIN",
        "PROXY_AUTHORIZATION",
        "PROXY_CONNECTION",
        "REFERER",
        "TE",
        "TRAILER",
        "TRANSFER_ENCODING",
        "UPGRADE",
        "USER_AGENT",
        "X_AUTH_TOKEN",
        "X_BACKEND_STORAGE_POLICY_INDEX",
        "X_SERVICE_TOKEN",
        "X_STORAGE_TOKEN",
        "X_TIMESTAMP",
        "X_TRANS_ID",
    )
)
_KEPT_MAX = 4096


class _HeaderNames(dict[str, str]):
    """Environ key to header name, ASCII letters alone changing case; bounded."""

    def __missing__(self, key: str) -> str:
        name = key[5:].replace("_", "-")
        titled = name.title() if name.isascii() else _ascii_title(name)
        titled = "ETag" if titled == "Etag" else titled
        if len(self) < _KEPT_MAX:
            self[key] = titled
        return titled


_NAMES = _HeaderNames()


def _ascii_title(wsgi: str) -> str:
    return wsgi.encode("latin-1").title().decode("latin-1")


def header_name(environ_key: str) -> str:
    """HTTP_X_OBJECT_META_COLOR -> X-Object-Meta-Color."""
    return _NAMES[environ_key]


class _Passed(dict[str, str]):
    """Environ key to the name under which a header is passed on, "" for what is not; bounded."""

    def __init__(self, name_of: Callable[[str], str]) -> None:
        super().__init__()
        self._name_of = name_of

    def __missing__(self, key: str) -> str:
        name = self._name_of(key)
        if len(self) < _KEPT_MAX:
            self[key] = name
        return name


def _name_in_read(key: str) -> str:
    return _NAMES[key] if key.startswith("HTTP_X_BACKEND_") else _READ_KEYS.get(key, "")


def _name_in_change(key: str) -> str:
    return _NAMES[key] if key.startswith("HTTP_") and key not in _NEVER_SENT else ""


_READ_NAMES = _Passed(_name_in_read)
_CHANGE_NAMES = _Passed(_name_in_change)
_PASSED_IN_READ = Keys(lambda key: bool(_name_in_read(key)))
_PASSED_IN_CHANGE = Keys(lambda key: bool(_name_in_change(key)))


def read_headers(environ: Environ) -> list[Header]:
    """What a GET or HEAD passes on: conditions, ranges, and what filters tell the servers."""
    names = _READ_NAMES
    return [(names[key], environ[key]) for key in _PASSED_IN_READ.of(environ)]


def object_headers(environ: Environ) -> list[Header]:
    """What a change of an object passes on: everything but what belongs to the connection, since
    which headers are kept is the object servers' setting."""
    names = _CHANGE_NAMES
    found = [(names[key], environ[key]) for key in _PASSED_IN_CHANGE.of(environ)]
    content_type = environ.get("CONTENT_TYPE")
    if content_type:
        found.append(("Content-Type", content_type))
    return found


def metadata_headers(
    environ: Environ, server_type: str, passed: Sequence[str] = ()
) -> list[Header]:
    """What a change of an account or container passes on: metadata, and the headers named.

    `X-Remove-Container-Read` and its like become the header with an empty value, unless the
    header itself is there too. passed: names in lower case.
    """
    kind = server_type.upper()
    prefixes = (f"HTTP_X_{kind}_META_", f"HTTP_X_{kind}_SYSMETA_")
    removing = f"HTTP_X_REMOVE_{kind}_META_"
    keys = {"HTTP_" + name.replace("-", "_").upper() for name in passed}
    removing_keys = {key.replace("HTTP_X_", "HTTP_X_REMOVE_", 1): key for key in keys}
    found: dict[str, str] = {}
    for key in environ:
        if key.startswith(removing) and len(key) > len(removing):
            found[key.replace("_REMOVE", "", 1)] = ""
        elif key in removing_keys:
            found[removing_keys[key]] = ""
    found |= {
        key: value
        for key, value in environ.items()
        if key in keys or (key.startswith(prefixes) and key not in prefixes)
    }
    if environ.get("HTTP_X_BACKEND_ALLOW_RESERVED_NAMES"):
        key = "HTTP_X_BACKEND_ALLOW_RESERVED_NAMES"
        found[key] = environ[key]
    return [(_NAMES[key], value) for key, value in found.items()]


def common_headers(request: Request, trans_id: str, agent: str) -> list[Header]:
    """Who asks, for the servers' logs."""
    environ = request.environ
    path = environ.get("RAW_PATH_INFO") or wsgi_quote(environ["PATH_INFO"])
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME") or "-"
    scheme = environ.get("wsgi.url_scheme", "http")
    return [
        ("X-Trans-Id", trans_id),
        ("User-Agent", agent),
        ("Referer", f"{environ['REQUEST_METHOD']} {scheme}://{host}{path}"),
    ]


def listing_query(query: str) -> str:
    """A client's query for a listing, made to ask for JSON; quoted, to follow a `?`."""
    kept = [
        item
        for item in query.split("&")
        if item and unquote_plus(item.partition("=")[0]) != "format"
    ]
    kept.append("format=json")
    joined = "&".join(kept)
    return joined if joined.isascii() else wsgi_quote(joined, safe="&=%+/~!$'()*,;:@?-._")


def block_of(headers: Sequence[Header]) -> bytes:
    """Header lines, ready to be sent. Refusal 400 for a value that is more than a line of text."""
    lines = header_lines(headers)
    if not are_plain(lines):
        raise Refusal(400, "A header of this request holds a control character.")
    text = "\r\n".join([*lines, ""])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def request_head(
    method: str,
    device: Device,
    partition: int,
    target: str,
    block: bytes,
    *,
    query: str = "",
    lane: bytes = b"",
) -> bytes:
    """A whole head. target and query are quoted; block and lane are header lines."""
    place = _places.get(id(device))
    if place is None:
        place = _place_of(device)
    question = f"?{query}" if query else ""
    line = f"{method}{place.path}{partition}{target}{question}{place.ending}"
    return b"".join((line.encode("latin-1"), lane, block, b"\r\n"))


class _Place(NamedTuple):
    """A device's part of a request line, and what follows it. Holds the device, so that its id
    stays its own."""

    device: Device
    path: str
    ending: str


_places: dict[int, _Place] = {}


def _place_of(device: Device) -> _Place:
    ip = f"[{device.ip}]" if ":" in device.ip else device.ip
    ending = f" HTTP/1.1\r\nHost: {ip}:{device.port}\r\n"
    place = _Place(device, f" /{quote_path(device.device)}/", ending)
    if len(_places) >= _KEPT_MAX:
        _places.clear()
    _places[id(device)] = place
    return place
