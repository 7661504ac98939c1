"""One answer on its way: start_response, head, body, and whether both kept their promises.

The head leaves together with the first block in one send, up to 64 KiB; above that it is corked.
A body that is shorter or longer than its Content-Length is the app's mistake: it is logged, never
more than the promised bytes are sent, and the connection is closed so that the client can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from operator import itemgetter
from types import TracebackType
from typing import ClassVar, TypeAlias

from swiftlite.host.net import Stream
from swiftlite.protocols.http1.chunked import LAST_CHUNK, chunk_head
from swiftlite.protocols.http1.connection import answer_framing
from swiftlite.protocols.http1.framing import CHUNKED, UNTIL_CLOSE
from swiftlite.protocols.http1.render import answer_head

ONE_SEND_BYTES = 65536

ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)
Headers: TypeAlias = list[tuple[str, str]]

_LENGTH, _DATE, _CONNECTION, _FRAMING = "content-length", "date", "connection", "hop"


class AppMistake(Exception):
    """The app broke a rule of WSGI or of HTTP."""


class _Kinds(dict[str, str]):
    """Header name -> which of the few that the server itself has to do with; "" for the rest."""

    KINDS: ClassVar = {
        "content-length": _LENGTH,
        "date": _DATE,
        "connection": _CONNECTION,
        "transfer-encoding": _FRAMING,
        "keep-alive": _FRAMING,
        "trailer": _FRAMING,
    }

    def __missing__(self, name: str) -> str:
        kind = self.KINDS.get(name.lower(), "")
        if len(self) < 4096 and len(name) <= 128:
            self[name] = kind
        return kind


_kind_of = _Kinds().__getitem__  # of a dict's subclass, [] takes a detour
_name_of = itemgetter(0)


class Answer:
    """The answer to one request of a connection; used once."""

    __slots__ = (
        "_date",
        "_framing",
        "_head_only",
        "_headers",
        "_http11",
        "_keep",
        "_left",
        "_method",
        "_status",
        "_stream",
        "closes",
        "complete",
        "head_sent",
        "mistake",
    )

    def __init__(
        self,
        stream: Stream,
        method: str,
        http11: bool,
        date: Callable[[], str],
        keep: Callable[[], bool],
    ) -> None:
        self._stream = stream
        self._method = method
        self._http11 = http11
        self._date = date
        self._keep = keep  # whether the connection could go on; asked when the head is made
        self._status = ""
        self._headers: Headers = []
        self._framing = 0
        self._left = 0  # bytes still owed to Content-Length
        self._head_only = False
        self.head_sent = False
        self.complete = False  # the client has the whole answer and knows it
        self.closes = False  # the head has said so
        self.mistake = ""  # what the app promised and did not keep

    def start_response(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and exc_info[1] is not None:
            if self.head_sent:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self._status:
            raise AppMistake("start_response was called twice without exc_info")
        self._status = status
        self._headers = headers
        return self.write

    def write(self, block: bytes) -> None:
        """PEP 3333's older way to send; also what __call__ does for each block."""
        if not self.head_sent:
            self._send_first(block, None)
        elif block:
            self._send_block(block)

    def send(self, result: Iterable[bytes]) -> None:
        """Send what the app returned. Does not close it."""
        if type(result) is list or type(result) is tuple:
            if not self.head_sent:
                body = result[0] if len(result) == 1 else b"".join(result)
                self._send_first(body, len(body))
                self._end()
                return
        elif (send_to := getattr(result, "send_to", None)) is not None and self._send_self(send_to):
            return
        self._send_blocks(iter(result))

    def _send_blocks(self, blocks: Iterator[bytes]) -> None:
        if not self.head_sent:
            first = b""
            for first in blocks:
                if first:
                    break
            self._send_first(first, None if first else 0)
        if not self._head_only:
            for block in blocks:
                if block:
                    self._send_block(block)
        self._end()

    def _send_self(self, send_to: Callable[[Stream], int]) -> bool:
        """A body that sends itself, if its length was promised; false if it must be iterated."""
        if self.head_sent or _LENGTH not in map(_kind_of, map(_name_of, self._headers)):
            return False
        head = self._make_head(None)
        self.head_sent = True
        if self._head_only or self._left == 0:
            self._stream.send_all(head)
        else:
            self._stream.send_all(head, True)
            sent = send_to(self._stream)
            if sent != self._left:
                self.mistake = f"a body of {sent} bytes where {self._left} were promised"
            self._left = max(0, self._left - sent)
        self._end()
        return True

    def _send_first(self, block: bytes, body_size: int | None) -> None:
        head = self._make_head(body_size)
        self.head_sent = True
        if self._head_only or not block:
            self._stream.send_all(head)
        elif self._framing >= 0 and len(block) <= ONE_SEND_BYTES:
            if len(block) > self._left:
                block = self._cut(block)
            self._left -= len(block)
            self._stream.send_all(head + block)
        elif self._framing == CHUNKED and len(block) <= ONE_SEND_BYTES:
            self._stream.send_all(b"%b%x\r\n%b\r\n" % (head, len(block), block))
        else:
            self._stream.send_all(head, True)
            self._send_block(block)

    def _send_block(self, block: bytes) -> None:
        if self._head_only:
            return
        stream = self._stream
        if self._framing == CHUNKED:
            if len(block) <= ONE_SEND_BYTES:
                stream.send_all(b"%x\r\n%b\r\n" % (len(block), block))
            else:
                stream.send_all(chunk_head(len(block)), True)
                stream.send_all(block, True)
                stream.send_all(b"\r\n")
            return
        if self._framing != UNTIL_CLOSE:
            if len(block) > self._left:
                block = self._cut(block)
            self._left -= len(block)
        stream.send_all(block)

    def _cut(self, block: bytes) -> bytes:
        self.mistake = "a body longer than its Content-Length"
        return block[: self._left]

    def _end(self) -> None:
        if self._framing == CHUNKED:
            if not self._head_only:
                self._stream.send_all(LAST_CHUNK)
        elif self._left and not self._head_only:
            self.mistake = self.mistake or f"a body {self._left} bytes short of its Content-Length"
        self.complete = not self.mistake

    def _make_head(self, body_size: int | None) -> bytes:
        """Decide how the answer ends and whether the connection goes on, and say both."""
        status = self._status
        if not status:
            raise AppMistake("the app returned without calling start_response")
        headers = self._headers
        length: str | None = None
        dated = False
        keep = self._keep()
        foreign = False
        for name, value in compress(headers, map(_kind_of, map(_name_of, headers))):
            kind = _kind_of(name)
            if kind is _LENGTH:
                if length is not None:
                    raise AppMistake("two Content-Length headers")
                length = value
            elif kind is _DATE:
                dated = True
            else:  # hop by hop: the server's business, except for the wish to close
                foreign = True
                if kind is _CONNECTION and "close" in value.lower():
                    keep = False
        if foreign:
            headers = [h for h in headers if _kind_of(h[0]) not in (_CONNECTION, _FRAMING)]
        code = _codes[status]
        framing = answer_framing(self._method, code, self._http11, length, body_size)
        self._framing = framing
        self._head_only = code == 204 or code == 304 or self._method == "HEAD"
        self._left = framing if framing > 0 else 0
        own = "" if dated else self._date()
        if framing == CHUNKED:
            own += "Transfer-Encoding: chunked\r\n"
        elif framing == UNTIL_CLOSE:
            keep = False
        elif length is None and not self._head_only:
            own += f"Content-Length: {framing}\r\n"
        if not keep:
            self.closes = True
            own += "Connection: close\r\n"
        elif not self._http11:
            own += "Connection: keep-alive\r\n"
        return answer_head(status, headers, own + "\r\n")


class _Codes(dict[str, int]):
    """`200 OK` -> 200. Raises AppMistake."""

    def __missing__(self, status: str) -> int:
        digits = status[:3]
        number = digits.isascii() and digits.isdigit() and status[3:4] in (" ", "")
        if not number or digits < "200":
            raise AppMistake(f"not a status: {status!r}")
        if len(self) < 1024 and len(status) < 128:
            self[status] = int(digits)
        return int(digits)


_codes = _Codes()
