"""A change inside an SSYNC conversation, as a request of its own."""

from __future__ import annotations

from swiftlite.protocols.ssync.receive import Change
from swiftlite.vocab.errors import ClientFault, ClientGone
from swiftlite.vocab.names import unquote_path, wsgi_to_text
from swiftlite.web import Request
from swiftlite.web.request import BodyReader, environ_key
from swiftlite.web.wsgi import Environ

_OF_THE_CONVERSATION = (
    "REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SCRIPT_NAME",
    "wsgi.version", "wsgi.url_scheme", "wsgi.errors", "wsgi.multithread", "wsgi.multiprocess",
    "wsgi.run_once", "swift.trans_id", "HTTP_X_TRANS_ID", "HTTP_HOST", "HTTP_USER_AGENT",
    "HTTP_X_BACKEND_STORAGE_POLICY_INDEX",
)  # fmt: skip
_NOT_KEPT = frozenset(("etag", "x-backend-no-commit"))
"""Headers that are no metadata: the server makes the ETag anew, under its own spelling."""


class CutBody:
    """The next length bytes of a conversation, as the body of one change."""

    def __init__(self, whole: BodyReader, length: int) -> None:
        self._whole = whole
        self._left = length
        self._fault: ClientFault | None = None

    def readinto(self, view: memoryview, /) -> int:
        if not self._left:
            return 0
        room = view[: self._left] if len(view) > self._left else view
        try:
            count = self._whole.readinto(room)
            if not count:
                raise ClientGone("The conversation ended in the middle of a change.")
        except ClientFault as fault:
            self._fault = fault  # a handler makes an answer of it, which is not the end of it
            raise
        self._left -= count
        return count

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        block = bytearray(min(wanted, 1 << 16))
        return bytes(block[: self.readinto(memoryview(block))]) if wanted else b""

    def readline(self, size: int = -1, /) -> bytes:
        line = b""
        while not line.endswith(b"\n") and (size < 0 or len(line) < size):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        return line

    def whole(self) -> bytes:
        """All of it. Raises ClientFault."""
        blocks = []
        while block := self.read(self._left):
            blocks.append(block)
        return b"".join(blocks)

    def finish(self) -> None:
        """Read what the handler left, so that the next change can be read. Raises ClientFault."""
        if self._fault is not None:
            raise self._fault
        while self._left:
            self.read(1 << 16)


def change_request(conversation: Request, change: Change, body: BodyReader) -> Request:
    """PUT, POST or DELETE of an object in the conversation's partition.

    All metadata that the peer sent is to be kept, whatever headers this server would keep.
    """
    outer = conversation.environ
    environ: Environ = {key: outer[key] for key in _OF_THE_CONVERSATION if key in outer}
    place = outer["PATH_INFO"].rstrip("/")
    environ["REQUEST_METHOD"] = change.verb
    environ["PATH_INFO"] = place + _unquoted(change.target)
    environ["RAW_PATH_INFO"] = place + change.target
    environ["QUERY_STRING"] = ""
    environ["wsgi.input"] = body
    kept = []
    for name, value in change.headers:
        environ[environ_key(wsgi_to_text(name))] = value
        if name.lower() not in _NOT_KEPT:
            kept.append(name)
    environ["HTTP_X_BACKEND_REPLICATION"] = "True"
    environ["HTTP_X_BACKEND_REPLICATION_HEADERS"] = " ".join(kept)
    return Request(environ)


def _unquoted(target: str) -> str:
    """As a WSGI string."""
    return unquote_path(target).encode("utf-8", "surrogateescape").decode("latin-1")
