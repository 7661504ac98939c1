"""A proxy in memory: what filters talk to in tests. Reads and writes as the real one does, with
conditions, ranges, metadata and listings, and remembers every call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from swiftlite.vocab.errors import ClientFault
from swiftlite.vocab.headers import ALLOWED_OBJECT_HEADERS
from swiftlite.vocab.http_date import format_http_date
from swiftlite.vocab.names import quote_path, split_path, wsgi_to_text
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.conditional import etag_for_conditions
from swiftlite.web.ranges import answer as ranged
from swiftlite.web.ranges import range_is_ignored
from swiftlite.web.refusals import Refusal, standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse
from tests.middleware.parts import FakeStream

BLOCK = 7  # small and odd, so that blocks never fall on borders


@dataclass
class Stored:
    body: bytes
    headers: dict[str, str]
    etag: str
    modified: int = 1_700_000_000

    @property
    def content_type(self) -> str:
        return self.headers["Content-Type"]


@dataclass
class Bytes:
    """A web.ranges.BodySource that sends itself."""

    body: bytes
    swift: FakeSwift
    path: str
    closed: int = 0

    @property
    def length(self) -> int:
        return len(self.body)

    def part(self, start: int, stop: int) -> Iterable[bytes]:
        return Part(self, start, stop)

    def close(self) -> None:
        self.closed += 1
        self.swift.open -= 1


@dataclass
class Part:
    source: Bytes
    start: int
    stop: int

    def __iter__(self) -> Iterator[bytes]:
        breaks_at = self.source.swift.breaks.get(self.source.path)
        for at in range(self.start, self.stop, BLOCK):
            if breaks_at is not None and at >= breaks_at:
                raise ConnectionError(f"backend gone in {self.source.path}")
            yield self.source.body[at : min(at + BLOCK, self.stop)]

    def send_to(self, stream: FakeStream) -> int:
        self.source.swift.sent_by_themselves += 1
        sent = 0
        for block in self:
            stream.send_all(block)
            sent += len(block)
        return sent


@dataclass
class FakeSwift:
    objects: dict[str, Stored] = field(default_factory=dict)
    containers: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    environs: list[Environ] = field(default_factory=list)
    breaks: dict[str, int] = field(default_factory=dict)
    answers: dict[tuple[str, str], int] = field(default_factory=dict)
    page: int = 10_000
    open: int = 0
    sent_by_themselves: int = 0

    def put(self, path: str, body: bytes = b"", **headers: Any) -> Stored:  # noqa: ANN401  # strings
        """Store an object; path `/a/c/o`, header names with underscores."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        own.setdefault("Content-Type", "application/octet-stream")
        _account, container, _obj = path.removeprefix("/").split("/", 2)
        self.containers.setdefault(f"/{_account}/{container}", {})
        stored = Stored(body, own, md5(body).hexdigest())
        self.objects[path] = stored
        return stored

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            answer = refusal.response()
        except ClientFault:
            answer = standard_answer(499)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        environ = request.environ
        verb = request.verb
        text = wsgi_to_text(environ["PATH_INFO"])
        query = environ.get("QUERY_STRING", "")
        self.calls.append((verb, text + (f"?{query}" if query else "")))
        self.environs.append(environ.copy())
        _version, account, container, obj = split_path(text, 1, 4, rest=True)
        if (verb, text) in self.answers:
            return standard_answer(self.answers[verb, text])
        if container and f"/{account}/{container}" in self.containers:
            acl = self.containers[f"/{account}/{container}"]
            name = "X-Container-Read" if verb in ("GET", "HEAD") else "X-Container-Write"
            request.acl = acl.get(name)
        authorize = environ.get("swift.authorize")
        if authorize is not None and (refused := authorize(request)) is not None:
            return refused  # type: ignore[no-any-return]
        if obj:
            handler: Callable[[Request, str], Response] | None = {
                "GET": self._get,
                "HEAD": self._get,
                "PUT": self._put,
                "POST": self._post,
                "DELETE": self._delete,
            }.get(verb)
            path = f"/{account}/{container}/{obj}"
        else:
            handler = {
                "GET": self._list,
                "HEAD": self._list,
                "PUT": self._put_container,
                "DELETE": self._delete_container,
                "POST": self._put_container,
                "UPDATE": lambda _request, _path: Response(202),
            }.get(verb)
            path = f"/{account}/{container}" if container else f"/{account}"
        if handler is None:
            return standard_answer(405)
        return handler(request, path)

    def _get(self, request: Request, path: str) -> Response:
        stored = self.objects.get(path)
        if stored is None:
            return standard_answer(404)
        headers = {
            **stored.headers,
            "ETag": stored.etag,
            "Last-Modified": format_http_date(stored.modified),
            "X-Timestamp": f"{stored.modified}.00000",
            "Accept-Ranges": "bytes",
        }
        self.open += 1
        return ranged(
            request,
            headers,
            Bytes(stored.body, self, path),
            etag=etag_for_conditions(request, stored.headers, stored.etag),
            last_modified=stored.modified,
            ignore_range=range_is_ignored(request, stored.headers),
        )

    def _put(self, request: Request, path: str) -> Response:
        if path.rsplit("/", path.count("/") - 2)[0] not in self.containers:
            return standard_answer(404)
        if request.environ.get("HTTP_IF_NONE_MATCH") == "*" and path in self.objects:
            return standard_answer(412)
        blocks = []
        while block := request.body_reader.read(BLOCK):
            blocks.append(block)
        body = b"".join(blocks)
        etag = md5(body).hexdigest()
        wanted = (request.get_header("ETag") or etag).strip('"')
        if wanted != etag:
            return standard_answer(422)
        if request.body_length is not None and request.body_length != len(body):
            return standard_answer(499)
        keep = {
            name: value
            for name, value in request.header_items()
            if name in ALLOWED_OBJECT_HEADERS
            or name.startswith(("X-Object-Meta-", "X-Object-Sysmeta-", "X-Object-Transient"))
            or name == "Content-Type"
        }
        keep.setdefault("Content-Type", "application/octet-stream")
        self.objects[path] = Stored(body, keep, etag)
        return Response(201, {"ETag": etag, "Last-Modified": format_http_date(1_700_000_000)}, b"")

    def _post(self, request: Request, path: str) -> Response:
        return standard_answer(202 if path in self.objects else 404)

    def _delete(self, _request: Request, path: str) -> Response:
        return standard_answer(204 if self.objects.pop(path, None) else 404)

    def _put_container(self, request: Request, path: str) -> Response:
        there = path in self.containers
        self.containers.setdefault(path, {}).update(request.header_items("X-Container-"))
        return standard_answer(202 if there else 201)

    def _delete_container(self, _request: Request, path: str) -> Response:
        if path not in self.containers:
            return standard_answer(404)
        if any(name.startswith(path + "/") for name in self.objects):
            return standard_answer(409)
        del self.containers[path]
        return standard_answer(204)

    def _list(self, request: Request, path: str) -> Response:
        if path.count("/") == 1:
            rows: list[dict[str, object]] = [
                {"name": name.rpartition("/")[2], "count": 0, "bytes": 0}
                for name in sorted(self.containers)
                if name.startswith(path + "/")
            ]
            return _json(request, rows)
        if path not in self.containers:
            return standard_answer(404)
        params = request.params_text
        prefix = f"{path}/{params.get('prefix', '')}"
        marker = f"{path}/{params.get('marker', '')}"
        rows = [
            {
                "name": name[len(path) + 1 :],
                "hash": stored.etag,
                "bytes": len(stored.body),
                "content_type": stored.content_type,
                "last_modified": Timestamp.from_seconds(stored.modified).isoformat,
            }
            for name, stored in sorted(self.objects.items())
            if name.startswith(prefix) and name > marker
        ]
        return _json(request, rows[: min(self.page, int(params.get("limit", "10000")))])

    def body(self, path: str) -> bytes:
        return self.objects[path].body


def _json(_request: Request, rows: list[dict[str, object]]) -> Response:
    return Response(
        200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(rows).encode()
    )


def target(path: str) -> str:
    """A text path as a client sends it."""
    return quote_path(path)
