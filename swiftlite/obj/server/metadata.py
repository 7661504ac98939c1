"""From the headers of a request to stored metadata, and from metadata to those of an answer.

Stored metadata is text, headers are WSGI strings: here is where one becomes the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swiftlite.objectstore.api import Metadata
from swiftlite.vocab.headers import (
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CONTENT_TYPE_TIMESTAMP,
    ETAG,
    LAST_MODIFIED,
    X_BACKEND_CONTAINER_UPDATE_OVERRIDE_PREFIX,
    X_BACKEND_DATA_TIMESTAMP,
    X_BACKEND_DURABLE_TIMESTAMP,
    X_BACKEND_TIMESTAMP,
    X_TIMESTAMP,
    is_object_transient_sysmeta,
    is_sys_or_user_meta,
    is_sysmeta,
    title_case,
)
from swiftlite.vocab.http_date import format_http_date
from swiftlite.vocab.names import text_to_wsgi, wsgi_to_text
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Request
from swiftlite.web.request import environ_key, title_of
from swiftlite.web.shapes import Keys

_USER, _SYS, _TRANSIENT = (
    "HTTP_X_OBJECT_META_", "HTTP_X_OBJECT_SYSMETA_", "HTTP_X_OBJECT_TRANSIENT_SYSMETA_",
)  # fmt: skip


def _keys_of(*prefixes: str) -> Keys:
    return Keys(lambda key: key.startswith(prefixes) and key not in prefixes)


_OF_A_PUT = _keys_of(_USER, _SYS, _TRANSIENT)
_OF_A_POST = _keys_of(_USER, _TRANSIENT)
_OVERRIDES = Keys(lambda key: key.startswith("HTTP_X_") and "CONTAINER_UPDATE_OVERRIDE_" in key)
_NEVER_SENT = frozenset(
    ("name", CONTENT_LENGTH, CONTENT_TYPE, ETAG, X_TIMESTAMP, CONTENT_TYPE_TIMESTAMP)
)
"""Keys of stored metadata that have headers of their own, or none."""
_PLAINLY_META = ("X-Object-Meta-", "X-Object-Sysmeta-", "X-Object-Transient-Sysmeta-")
_OVERRIDE_PREFIXES = (
    X_BACKEND_CONTAINER_UPDATE_OVERRIDE_PREFIX.lower(),
    "x-object-sysmeta-container-update-override-",
)
"""Later ones win over earlier ones."""


class AllowedHeaders:
    """The headers beside metadata that an object keeps."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        by_key = {environ_key(name): name for name in self.names}
        self._name_of = by_key.__getitem__
        self._keys = Keys(by_key.__contains__)

    def of(self, request: Request) -> Iterator[tuple[str, str]]:
        """Those that a request has, and those that a replicating peer asks to keep."""
        environ = request.environ
        for key in self._keys.of(environ):
            yield self._name_of(key), wsgi_to_text(environ[key])
        named = environ.get("HTTP_X_BACKEND_REPLICATION_HEADERS")
        if named:
            for name in wsgi_to_text(named).split():
                value = environ.get(environ_key(name))
                if value is not None:
                    yield title_case(name), wsgi_to_text(value)


def metadata_of_put(request: Request, allowed: AllowedHeaders) -> Metadata:
    """What the headers of a PUT say; without size, ETag and name."""
    return _metadata(request, _OF_A_PUT, allowed)


def metadata_of_post(request: Request, allowed: AllowedHeaders) -> Metadata:
    return _metadata(request, _OF_A_POST, allowed)


def _metadata(request: Request, keys: Keys, allowed: AllowedHeaders) -> Metadata:
    environ = request.environ
    found: Metadata = {
        wsgi_to_text(title_of(key[5:])): wsgi_to_text(environ[key]) for key in keys.of(environ)
    }
    found.update(allowed.of(request))
    return found


def metadata_of_footers(footers: Mapping[str, str]) -> Metadata:
    """What of the headers behind a body is kept with it."""
    return {
        title_case(name): value
        for name, value in footers.items()
        if is_sys_or_user_meta("object", name) or is_object_transient_sysmeta(name)
    }


def answer_headers(
    metadata: Metadata, allowed: AllowedHeaders, timestamp: Timestamp, data_timestamp: Timestamp
) -> list[tuple[str, str]]:
    """Headers of a GET or HEAD, without Content-Length."""
    etag = metadata.get(ETAG, "")
    normal = timestamp.normal
    internal = timestamp.internal if timestamp.offset else normal
    data_time = internal if data_timestamp == timestamp else data_timestamp.internal
    headers = [
        (CONTENT_TYPE, text_to_wsgi(metadata.get(CONTENT_TYPE) or "application/octet-stream")),
        (ETAG, f'"{etag}"'),
        (LAST_MODIFIED, format_http_date(timestamp.ceil())),
        (X_TIMESTAMP, normal),
        (X_BACKEND_TIMESTAMP, internal),
        (X_BACKEND_DATA_TIMESTAMP, data_time),
        (X_BACKEND_DURABLE_TIMESTAMP, data_time),
    ]
    names = allowed.names
    for name, value in metadata.items():
        if name in _NEVER_SENT:
            continue
        if name.startswith(_PLAINLY_META) or name in names or _is_kept(name, names):
            headers.append((text_to_wsgi(name), text_to_wsgi(value)))
    return headers


def _is_kept(name: str, allowed: frozenset[str]) -> bool:
    """The same for names in an unusual case, as a foreign writer may have stored them."""
    return (
        is_sys_or_user_meta("object", name)
        or is_object_transient_sysmeta(name)
        or title_case(name) in allowed
    )


def sysmeta_headers(metadata: Metadata) -> list[tuple[str, str]]:
    """System metadata, as the answer to a POST tells it."""
    return [
        (text_to_wsgi(name), text_to_wsgi(value))
        for name, value in metadata.items()
        if is_sysmeta("object", name)
    ]


def with_overrides(row: Metadata, *sources: Mapping[str, str]) -> Metadata:
    """A listing row's headers, with what middleware wants listed instead.

    Encryption lists the client's ETag and a large object its own size. Sources are request
    headers, footers or stored metadata, later ones first in rank; whatever its source, system
    metadata outranks the older X-Backend- form.
    """
    changed = dict(row)
    if not any(sources):
        return changed
    for prefix in _OVERRIDE_PREFIXES:
        for source in sources:
            for name, value in source.items():
                if name.lower().startswith(prefix):
                    changed[title_case(f"X-{name[len(prefix) :]}")] = value
    return changed


def override_headers(request: Request) -> Metadata:
    """The headers of a request that with_overrides may heed."""
    environ = request.environ
    return {
        wsgi_to_text(title_of(key[5:])): wsgi_to_text(environ[key])
        for key in _OVERRIDES.of(environ)
    }
