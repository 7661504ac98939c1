"""A container update that waits on disk: `async_pending[-N]/<suffix>/<hash>-<timestamp>`.

Content is a protocol-0 pickle of a dict; the newest file of one hash supersedes the others.
Header values in it are WSGI strings, names are text. Source: doc/formats/async-pending.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from swiftlite.formats import swift_pickle
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.headers import title_case
from swiftlite.vocab.names import text_to_wsgi, wsgi_to_text
from swiftlite.vocab.timestamp import Timestamp


class PendingUnreadable(SwiftliteError):
    """The file is damaged; it is to be set aside."""


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class AsyncPending:
    """One update. successes are ids of devices that have it; container_path names a shard.

    redirect_history holds the container paths that it was sent on to, oldest first.
    """

    op: str
    account: str
    container: str
    obj: str
    headers: dict[str, str]
    db_state: str | None = None
    container_path: str | None = None
    successes: tuple[int, ...] = ()
    redirect_history: tuple[str, ...] = field(default=())


def encode_async_pending(pending: AsyncPending) -> bytes:
    """The file's content, as Swift's object server writes it."""
    assert pending.op in ("PUT", "DELETE")
    content: dict[str, object] = {
        "op": pending.op,
        "account": pending.account,
        "container": pending.container,
        "obj": pending.obj,
        "headers": {text_to_wsgi(k): text_to_wsgi(v) for k, v in pending.headers.items()},
        "db_state": pending.db_state,
    }
    if pending.container_path is not None:
        content["container_path"] = pending.container_path
    if pending.successes:
        content["successes"] = list(pending.successes)
    if pending.redirect_history:
        content["redirect_history"] = list(pending.redirect_history)
    return swift_pickle.dumps(content, protocol=0)


def decode_async_pending(blob: bytes) -> AsyncPending:
    """Undo encode_async_pending, or read what a Swift node left. Raises PendingUnreadable."""
    try:
        content = swift_pickle.loads(blob)
        if not isinstance(content, dict):
            raise TypeError("it is not a dict")
        content = {_text(key): value for key, value in content.items()}
        if content.get("op") not in ("PUT", "DELETE", b"PUT", b"DELETE"):
            raise ValueError(f"its op is {content.get('op')!r}")
        return AsyncPending(
            op=_text(content["op"]),
            account=_text(content["account"]),
            container=_text(content["container"]),
            obj=_text(content["obj"]),
            headers=_headers(content["headers"]),
            db_state=_optional(content.get("db_state")),
            container_path=_optional(content.get("container_path")),
            successes=_numbers(content.get("successes") or []),
            redirect_history=_redirects(content.get("redirect_history") or []),
        )
    except swift_pickle.PickleUnreadable as error:
        raise PendingUnreadable(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise PendingUnreadable(f"not an async pending: {error}") from error


def async_pending_name(name_hash: str, timestamp: Timestamp) -> str:
    """`<suffix>/<hash>-<timestamp>`, below the policy's async_pending directory."""
    return f"{name_hash[-3:]}/{name_hash}-{timestamp.internal}"


def parse_async_pending_name(name: str) -> tuple[str, Timestamp]:
    """Hash and timestamp of a file's own name. Raises ValueError."""
    name_hash, dash, moment = name.partition("-")
    if len(name_hash) != 32 or not dash or set(name_hash) - set("0123456789abcdef"):
        raise ValueError(f"not the name of an async pending: {name[:120]!r}")
    return name_hash, Timestamp.from_text(moment)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return value
    raise TypeError(f"a {type(value).__name__} where text was expected")


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _headers(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("its headers are not a dict")
    return {
        _header_name(key): item if type(item) is str and item.isascii() else _wsgi(item)
        for key, item in value.items()
    }


@lru_cache(maxsize=1024)
def _header_name(key: object) -> str:
    return title_case(_wsgi(key))


def _wsgi(value: object) -> str:
    """Header text: numbers are written as such by some versions, bytes by Python 2."""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, bytes):
        return _text(value)
    text = _text(value)
    try:
        return wsgi_to_text(text)
    except UnicodeEncodeError:
        return text


def _numbers(value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("its successes are not a list")
    return tuple(item for item in value if isinstance(item, int))


def _redirects(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("its redirect history is not a list")
    return tuple(_text(path) for path in value)
