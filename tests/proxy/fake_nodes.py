"""Storage nodes that live in the test: real HTTP over loopback, storage in a dict, faults on order.

A node serves accounts, containers and objects at once, by the depth of the path. It answers as
FORMATS' backend HTTP has it, no more: enough to see what the proxy makes of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

from swiftlite.formats.lent_file import LentFile, render_lent
from swiftlite.formats.put_trailer import PutTrailer, decode_trailer, trailer_bytes
from swiftlite.host.bundle import Host
from swiftlite.host.net import Stream
from swiftlite.httpd.acceptor import Acceptor, serve
from swiftlite.ring import Device
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_LEND as LEND
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_LENT as LENT
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_TRAILER as TRAILER
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.ranges import answer as answer_ranges
from swiftlite.web.ranges import wanted_spans
from swiftlite.web.wsgi import Environ
from tests.httpd.conftest import TestLog

KINDS = {3: "account", 4: "container", 5: "object"}


@dataclass
class Item:
    """An account, container or object, or what is left of a deleted one."""

    timestamp: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    deleted: bool = False


@dataclass
class Seen:
    """A request as the node got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: str


Fault = Callable[["FakeNode", Request], Response | None]
"""Called before a request is carried out: an answer instead, or None to go on."""


class FakeNode:
    def __init__(self, host: Host, device: Device, ring_of: Callable[[], Any]) -> None:
        self.host = host
        self.device = device
        self.items: dict[str, Item] = {}
        self.seen: list[Seen] = []
        self.fault: Fault | None = None
        self.takes_trailers = False
        self.trailers: list[PutTrailer] = []
        self.lends: str | None = None  # the path of a file that bodies are to be written into
        self.lent_body: LentFile | None = None  # what is told instead of a body that is read
        self.hanging = 0  # requests
        self.log = TestLog()
        self._acceptor: Acceptor | None = None
        self._released = host.tasks.event()

    def start(self) -> None:
        listener = self.host.net.listen((self.device.ip, self.device.port))
        self._acceptor = serve(listener, self, host=self.host, log=self.log)

    def stop(self) -> None:
        """Dead: connections are refused, those that were open are cut."""
        self._released.set()
        if self._acceptor is not None:
            self._acceptor.drain(self.host.clock.monotonic())
            self._acceptor = None

    @property
    def connections(self) -> int:
        return 0 if self._acceptor is None else self._acceptor.connections

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:  # noqa: ANN401  # PEP 3333
        request = Request(environ)
        try:
            response = self.fault(self, request) if self.fault is not None else None
            if response is None:
                response = self._answer(request)
        except Refusal as refusal:
            response = refusal.response()
        return response(environ, start_response)

    def saw(self, method: str, kind: str = "object") -> list[Seen]:
        """Requests of a verb, for one kind of thing."""
        return [one for one in self.seen if one.method == method and kind_of(one.path) == kind]

    def hang(self) -> None:
        """Until the node is stopped."""
        self.hanging += 1
        self._released.wait()
        raise Refusal(503)

    def _answer(self, request: Request) -> Response:
        verb, path = request.verb, request.environ["PATH_INFO"]
        headers = dict(request.header_items())
        name = path.split("/", 3)[3]
        trailer = 0
        if verb == "PUT" and kind_of(path) == "object":
            self._check_before_body(request, self.items.get(name))
            trailer = self._ask_for_trailer(request)
        lent = trailer and self.lends is not None and LEND in headers
        body = b""
        if not lent and verb in ("PUT", "POST", "UPDATE"):
            body = request.read_body(1 << 26)
        if trailer:
            self.trailers.append(decode_trailer(request.body_reader.read(trailer)))
        if lent:
            body = Path(str(self.lends)).read_bytes()
        self.seen.append(Seen(verb, path, headers, body, request.environ["QUERY_STRING"]))
        kind = kind_of(path)
        if verb in ("GET", "HEAD"):
            return self._read(request, kind, name)
        return self._change(request, kind, name, headers, body)

    def _ask_for_trailer(self, request: Request) -> int:
        """Bytes that come behind the body then."""
        length = request.body_length
        if not (self.takes_trailers and length and request.get_header(TRAILER) == "1"):
            return 0
        told, count = [(TRAILER, "1")], trailer_bytes(length)
        if self.lends is not None and request.get_header(LEND):
            facts = os.stat(self.lends)
            lent = LentFile(facts.st_dev, facts.st_ino, length, False, self.lends)
            told.append((LENT, render_lent(lent)))
            request.environ["wsgi.input"].extend(-length)
        request.environ["swiftlite.continue"](told)
        request.environ["wsgi.input"].extend(count)
        return count

    @staticmethod
    def _check_before_body(request: Request, item: Item | None) -> None:
        if item is None:
            return
        if not item.deleted and request.get_header("If-None-Match") == "*":
            raise Refusal(412)
        if item.timestamp >= request.timestamp.internal:
            raise Refusal(409, None, {"X-Backend-Timestamp": item.timestamp})

    def _read(self, request: Request, kind: str, name: str) -> Response:
        item = self.items.get(name)
        if item is None or item.deleted:
            headers = {} if item is None else {"X-Backend-Timestamp": item.timestamp}
            if item is not None and kind == "account":
                headers["X-Account-Status"] = "Deleted"
            return Response(404, headers)
        timestamp = Timestamp.from_text(item.timestamp)
        headers = {
            **item.headers,
            "X-Timestamp": timestamp.normal,
            "X-Backend-Timestamp": timestamp.internal,
        }
        if kind == "object":
            etag = item.headers["ETag"]
            headers["ETag"] = f'"{etag}"'
            headers["Last-Modified"] = "Tue, 14 Nov 2023 22:13:21 GMT"
            headers["Accept-Ranges"] = "bytes"
            seconds = float(timestamp.ceil())
            headers["X-Backend-Data-Timestamp"] = timestamp.internal
            if self.lent_body is not None and request.get_header(LEND):
                return self._lent(request, headers, len(item.body))
            return answer_ranges(
                request, headers, InMemory(item.body), etag=etag, last_modified=seconds
            )
        headers["X-Put-Timestamp"] = timestamp.internal
        if request.verb == "HEAD":
            return Response(204, headers)
        return Response(200, {**headers, "Content-Type": "application/json"}, item.body or b"[]")

    def _lent(self, request: Request, headers: dict[str, str], length: int) -> Response:
        assert self.lent_body is not None
        headers[LENT] = render_lent(self.lent_body)
        spans = wanted_spans(request, length, etag=None, last_modified=None)
        if spans is None:
            return Response(200, headers)
        ((start, stop),) = spans
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
        return Response(206, headers)

    def _change(
        self, request: Request, kind: str, name: str, headers: dict[str, str], body: bytes
    ) -> Response:
        verb, item = request.verb, self.items.get(name)
        timestamp = headers["X-Timestamp"]
        there = item is not None and not item.deleted
        if kind == "object" and item is not None and item.timestamp >= timestamp:
            return Response(409, {"X-Backend-Timestamp": item.timestamp})
        if verb == "DELETE":
            self.items[name] = Item(timestamp, deleted=True)
            return Response(204 if there else 404, {"X-Backend-Timestamp": timestamp})
        if verb == "POST":
            if not there:
                return Response(404)
            assert item is not None
            item.headers.update(_kept(headers))
            item.timestamp = timestamp
            return Response(202 if kind == "object" else 204)
        if verb == "UPDATE":
            return Response(202)
        if kind == "object":
            return self._put_object(name, headers, body)
        kept = dict(item.headers) if there and item is not None else {}
        kept.update(_kept(headers))
        default = headers.get("X-Backend-Storage-Policy-Default", "0")
        if kind == "container":
            index = headers.get("X-Backend-Storage-Policy-Index", default)
            kept.setdefault("X-Backend-Storage-Policy-Index", index)
        self.items[name] = Item(timestamp, kept, b"[]")
        return Response(202 if there else 201)

    def _put_object(self, name: str, headers: dict[str, str], body: bytes) -> Response:
        etag = md5(body).hexdigest()
        if headers.get("ETag", etag).strip('"') != etag:
            return Response(422)
        kept = {**_kept(headers), "Content-Type": headers["Content-Type"], "ETag": etag}
        self.items[name] = Item(headers["X-Timestamp"], kept, body)
        return Response(201, {"ETag": f'"{etag}"'})


class InMemory:
    """web.ranges.BodySource over bytes."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.length = len(body)

    def part(self, start: int, stop: int) -> Iterable[bytes]:
        return (self.body[at : min(at + 65536, stop)] for at in range(start, stop, 65536))

    def close(self) -> None: ...


class BrokenBody:
    """Gives some bytes of a body, then cuts the connection or hangs."""

    def __init__(self, node: FakeNode, stream: Stream, first: bytes, hang: bool) -> None:
        self.node, self.stream, self.first, self.hang = node, stream, first, hang

    def __iter__(self) -> Iterator[bytes]:
        yield self.first
        if self.hang:
            self.node.hang()
        self.stream.close()


def kind_of(path: str) -> str:
    return KINDS[len(path.split("/", 5)) - 1]


def _kept(headers: dict[str, str]) -> dict[str, str]:
    """The headers that a server stores."""
    return {
        name: value
        for name, value in headers.items()
        if "-Meta-" in name
        or "-Sysmeta-" in name
        or name in ("X-Container-Read", "X-Container-Write", "X-Container-Sync-Key", "X-Delete-At")
    }


# Faults, to be put in FakeNode.fault. Each concerns requests for objects (or the kind given) and
# the verbs given; others go through.


def answering(status: int, *verbs: str, kind: str = "object", **headers: str) -> Fault:
    def fault(node: FakeNode, request: Request) -> Response | None:
        if not _concerned(request, verbs, kind):
            return None
        return Response(status, {name.replace("_", "-"): text for name, text in headers.items()})

    return fault


def hanging(*verbs: str, kind: str = "object") -> Fault:
    def fault(node: FakeNode, request: Request) -> Response | None:
        if _concerned(request, verbs, kind):
            node.hang()
        return None

    return fault


def closing(*verbs: str, kind: str = "object") -> Fault:
    """The connection is closed without an answer."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if not _concerned(request, verbs, kind):
            return None
        request.environ["swiftlite.stream"].close()
        raise Refusal(500)

    return fault


def closing_once(*verbs: str, carry_out: bool) -> Fault:
    """The first time, the connection is closed without an answer; carry_out: after the work."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if not _concerned(request, verbs, "object"):
            return None
        node.fault = None
        if carry_out:
            node._answer(request)
        request.environ["swiftlite.stream"].close()
        raise Refusal(500)

    return fault


def closing_after_lending() -> Fault:
    """A PUT's connection is closed a moment after its file has been lent."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if not _concerned(request, ("PUT",), "object"):
            return None
        node._ask_for_trailer(request)
        request.environ["swiftlite.stream"].close()
        raise Refusal(500)

    return fault


def closing_after(count: int) -> Fault:
    """A PUT's connection is closed when so many bytes of its body were read."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if not _concerned(request, ("PUT",), "object"):
            return None
        left = count
        while left > 0 and (block := request.body_reader.read(min(left, 65536))):
            left -= len(block)
        request.environ["swiftlite.stream"].close()
        raise Refusal(500)

    return fault


def stalling_after(count: int) -> Fault:
    """Of a PUT's body no more is taken once so many bytes of it were read."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if _concerned(request, ("PUT",), "object"):
            left = count
            while left > 0 and (block := request.body_reader.read(min(left, 65536))):
                left -= len(block)
            node.hang()
        return None

    return fault


def pausing(seconds: float) -> Fault:
    """A PUT's body is asked for, but not read at once."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if _concerned(request, ("PUT",), "object"):
            request.environ["swiftlite.continue"]()
            node.host.tasks.sleep(seconds)
        return None

    return fault


def answering_late(seconds: float, *verbs: str) -> Fault:
    def fault(node: FakeNode, request: Request) -> Response | None:
        if _concerned(request, verbs, "object"):
            node.host.tasks.sleep(seconds)
        return None

    return fault


def breaking(count: int, *, hang: bool = False) -> Fault:
    """Of a GET's body only the first bytes come."""

    def fault(node: FakeNode, request: Request) -> Response | None:
        if not _concerned(request, ("GET",), "object"):
            return None
        node.fault = None
        try:
            whole = node._answer(request)
        finally:
            node.fault = fault
        if whole.status_int not in (200, 206):
            return whole
        body = b"".join(whole.app_iter)
        stream = request.environ["swiftlite.stream"]
        return Response(
            whole.status_int,
            whole.headerlist,
            app_iter=BrokenBody(node, stream, body[:count], hang),
        )

    return fault


def _concerned(request: Request, verbs: tuple[str, ...], kind: str) -> bool:
    return kind_of(request.environ["PATH_INFO"]) == kind and (not verbs or request.verb in verbs)
