"""A request as handlers see it: webob's Request with a direct constructor and cheap readers.

Strings read by `get_header` are WSGI strings (latin-1, as PEP 3333 has them); everything named
`text` is proper text, decoded from UTF-8. Handlers that run once per object keep to the methods
defined here: webob's `.headers` and `.path` cost several times as much. Refuses to know which
server it is in.
"""

from __future__ import annotations

import re
from typing import Protocol, cast
from urllib.parse import unquote_to_bytes

from webob.request import BaseRequest

from swiftlite.vocab.headers import title_case
from swiftlite.vocab.names import split_path, text_to_wsgi
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.refusals import Refusal
from swiftlite.web.wsgi import Environ

TRUE_WORDS = frozenset(("true", "1", "yes", "on", "t", "y"))
"""What Swift takes for true in a header, an option or a query value, in lower case."""

_DIGITS = re.compile(r"[0-9]+\Z")
_MAX_LENGTH_DIGITS = 19  # 2**63 has 19 digits; longer is hostile, and int() of it is not free


class BodyReader(Protocol):
    """The body as it arrives; every call may raise one of vocab.errors.Client*.

    read and readinto may give less than asked; nothing at all (b"", 0) means the end.
    """

    def read(self, size: int = -1, /) -> bytes: ...
    def readinto(self, view: memoryview, /) -> int: ...
    def readline(self, size: int = -1, /) -> bytes: ...


class _EnvironKeys(dict[str, str]):
    """Header name to environ key, each name translated once.

    Bounded, because names may come from clients.
    """

    LIMIT = 4096

    def __missing__(self, name: str) -> str:
        # Upper case in bytes: only ASCII letters change, as in the server that made the environ.
        key = text_to_wsgi(name).replace("-", "_").encode("latin-1").upper().decode("latin-1")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        if len(self) < self.LIMIT:
            self[name] = key
        return key


environ_key = _EnvironKeys().__getitem__  # of a dict's subclass, [] takes a detour
"""The environ key of a header: "X-Timestamp" -> "HTTP_X_TIMESTAMP"."""


class Request(BaseRequest):  # type: ignore[misc]  # webob has no types
    """One request over its WSGI environ; nothing is copied, parsed or checked on construction.

    webob.Request keeps foreign attributes inside the environ, and so makes every look at an
    attribute ten times as dear; what it is made of has plain ones.
    """

    environ: Environ

    def __init__(self, environ: Environ) -> None:
        self.__dict__["environ"] = environ

    @property
    def verb(self) -> str:
        """The method, without webob's descriptor between."""
        return cast(str, self.environ["REQUEST_METHOD"])

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """The header as a WSGI string; None (or the default) when it was not sent."""
        return self.environ.get(environ_key(name), default)

    def text_header(self, name: str, default: str | None = None) -> str | None:
        """The header as text. Refusal 400 when it is not UTF-8."""
        value = self.environ.get(environ_key(name))
        if value is None:
            return default
        if value.isascii():
            return cast(str, value)
        try:
            return cast(str, value.encode("latin-1").decode("utf-8"))
        except UnicodeDecodeError:
            raise Refusal(400, f"The value of the header {name} is not UTF-8.") from None

    def true_header(self, name: str) -> bool:
        """Whether the header holds one of Swift's words for true."""
        value = self.environ.get(environ_key(name))
        return value is not None and value.strip().lower() in TRUE_WORDS

    def set_header(self, name: str, value: str | None) -> None:
        """Put a header (a WSGI string) in the environ; None removes it."""
        key = environ_key(name)
        if value is None:
            self.environ.pop(key, None)
        else:
            self.environ[key] = value

    def header_items(self, prefix: str = "") -> list[tuple[str, str]]:
        """Headers whose name starts with prefix (Title-Case), as (Title-Case name, WSGI value).

        The environ has lost the difference between "-" and "_" and all upper case, so names come
        back in lower case with a capital after each dash. Names stay WSGI strings.
        """
        environ_prefix = environ_key(prefix) if prefix else "HTTP_"
        found = [
            (title_of(key[5:]), value)
            for key, value in self.environ.items()
            if key.startswith(environ_prefix)
        ]
        if not prefix:
            for key, name in (
                ("CONTENT_TYPE", "Content-Type"),
                ("CONTENT_LENGTH", "Content-Length"),
            ):
                if self.environ.get(key):
                    found.append((name, self.environ[key]))
        return found

    @property
    def path_text(self) -> str:
        """The unquoted path as text. Refusal 412 when it is not UTF-8."""
        path: str = self.environ["PATH_INFO"]
        if path.isascii():
            return path
        try:
            return path.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            raise Refusal(412, "The path is not valid UTF-8.") from None

    def split(
        self, minimum: int, maximum: int | None = None, rest: bool = False
    ) -> list[str | None]:
        """The path's segments as text, None for those not there; Refusal 400 for a bad path."""
        try:
            return split_path(self.path_text, minimum, maximum or minimum, rest)
        except ValueError:
            raise Refusal(400, f"Invalid path: {self.environ['PATH_INFO']!r}") from None

    @property
    def timestamp(self) -> Timestamp:
        """X-Timestamp, which every change between servers carries; Refusal 400 without one."""
        text = self.environ.get("HTTP_X_TIMESTAMP")
        if text is None:
            raise Refusal(400, "This request needs an X-Timestamp header.")
        try:
            return Timestamp.from_text(text)
        except ValueError:
            raise Refusal(400, f"X-Timestamp is not a timestamp: {text!r}") from None

    @property
    def params_text(self) -> dict[str, str]:
        """Query parameters as text, the last of equal names; Refusal 400 when not UTF-8."""
        query = self.environ.get("QUERY_STRING", "")
        if not query:
            return {}
        params = {}
        for item in query.split("&"):
            name, _, value = item.partition("=")
            if name:
                params[_query_text(name, name)] = _query_text(value, name)
        return params

    @property
    def policy_index(self) -> int:
        """X-Backend-Storage-Policy-Index; 0 when absent, Refusal 400 when not a number."""
        text = self.environ.get("HTTP_X_BACKEND_STORAGE_POLICY_INDEX")
        if text is None:
            return 0
        if not _DIGITS.match(text):
            raise Refusal(400, f"X-Backend-Storage-Policy-Index is not a number: {text!r}")
        return int(text[:_MAX_LENGTH_DIGITS])

    @property
    def body_length(self) -> int | None:
        """Content-Length; None when absent (a chunked body, or none); Refusal 400 when invalid."""
        text = self.environ.get("CONTENT_LENGTH")
        if text is None or text == "":
            return None
        if not _DIGITS.match(text) or len(text) > _MAX_LENGTH_DIGITS:
            raise Refusal(400, f"Content-Length is not a length: {text!r}")
        return int(text)

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks, its length unknown until its end."""
        return str(self.environ.get("HTTP_TRANSFER_ENCODING", "")).strip().lower() == "chunked"

    @property
    def has_body(self) -> bool:
        """Whether a body was announced; a body of no bytes counts only when chunked."""
        return self.chunked or bool(self.body_length)

    @property
    def body_reader(self) -> BodyReader:
        """wsgi.input."""
        return cast(BodyReader, self.environ["wsgi.input"])

    def read_body(self, limit: int) -> bytes:
        """The whole body of at most `limit` bytes; Refusal 413 above."""
        length = self.body_length
        if length is not None and length > limit:
            raise Refusal(413, f"The body may have at most {limit} bytes.")
        if not self.has_body:
            return b""
        blocks = []
        left = limit + 1 if length is None else length
        while left > 0 and (block := self.body_reader.read(min(left, 65536))):
            blocks.append(block)
            left -= len(block)
        body = b"".join(blocks)
        if len(body) > limit:
            raise Refusal(413, f"The body may have at most {limit} bytes.")
        return body

    @property
    def trans_id(self) -> str:
        """The transaction id this request runs under, or "-"."""
        environ = self.environ
        return cast(str, environ.get("swift.trans_id") or environ.get("HTTP_X_TRANS_ID") or "-")


def title_of(environ_name: str) -> str:
    """X_OBJECT_META_COLOR -> X-Object-Meta-Color."""
    return title_case(environ_name.replace("_", "-"))


def _query_text(quoted: str, name: str) -> str:
    """Unquote one piece of a query string, + for a space, to text."""
    if "%" not in quoted and "+" not in quoted and quoted.isascii():
        return quoted
    raw = unquote_to_bytes(quoted.replace("+", " ").encode("latin-1"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(400, f"The query parameter {name!r} is not valid UTF-8.") from None
