"""An object store in memory as a WSGI app, in the standard library alone, so that Swift's filters
and ours can stand before the same one. Knows objects, containers, metadata, conditions, single
ranges and listings; answers with the headers that a proxy answers with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from hashlib import md5
from typing import Any
from urllib.parse import parse_qs

Environ = dict[str, Any]
KEPT = (
    "CONTENT_DISPOSITION",
    "CONTENT_ENCODING",
    "X_DELETE_AT",
    "X_OBJECT_MANIFEST",
    "X_STATIC_LARGE_OBJECT",
    "CACHE_CONTROL",
    "CONTENT_LANGUAGE",
    "EXPIRES",
    "X_ROBOTS_TAG",
)
REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    304: "Not Modified",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
Answer = tuple[int, list[tuple[str, str]], bytes]


class PlainStore:
    """One store; a step of a scenario at a time."""

    def __init__(self, new_request: Callable[[Environ], Any]) -> None:
        """new_request: makes what the authorise callback is shown, each side its own kind."""
        self._new_request = new_request
        self.objects: dict[str, tuple[bytes, dict[str, str], int]] = {}
        self.containers: dict[str, dict[str, str]] = {}
        self.accounts: dict[str, dict[str, str]] = {}
        self.now = 1_700_000_000
        self.log: list[str] = []

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "surrogateescape")
        query = {k: v[-1] for k, v in parse_qs(environ.get("QUERY_STRING", ""), True).items()}
        verb = environ["REQUEST_METHOD"]
        self.log.append(f"{verb} {path}")
        authorize = environ.get("swift.authorize")
        parts = path.split("/", 4)[2:]
        if authorize is not None:
            request = self._new_request(environ)
            container = self.containers.get("/".join(parts[:2]), {})
            name = "X-Container-Read" if verb in ("GET", "HEAD") else "X-Container-Write"
            request.acl = container.get(name)
            refused = authorize(request)
            if refused is not None:
                return refused(environ, start)  # type: ignore[no-any-return]
        handler = getattr(self, f"_{('account', 'container', 'object')[len(parts) - 1]}")
        status, headers, body = handler(verb, "/".join(parts), environ, query)
        told = [*headers, ("Content-Length", str(len(body)))]
        start(f"{status} {REASONS.get(status, 'Other')}", told)
        return [] if verb == "HEAD" or status in (204, 304) else [body]

    def _account(self, verb: str, name: str, environ: Environ, query: dict[str, str]) -> Answer:
        meta = self.accounts.setdefault(name, {})
        if verb in ("PUT", "POST"):
            meta.update(_meta(environ, "ACCOUNT"))
            return 204, [], b""
        rows = [
            {
                "name": c.split("/", 1)[1],
                "count": 1,
                "bytes": 2,
                "last_modified": "2023-11-14T22:13:20.000000",
            }
            for c in sorted(self.containers)
            if c.startswith(name + "/")
        ]
        own = [
            *meta.items(),
            ("X-Account-Bytes-Used", str(self._used(name + "/"))),
            ("X-Account-Object-Count", str(self._count(name + "/"))),
        ]
        return self._listed(verb, own, rows)

    def _container(self, verb: str, name: str, environ: Environ, query: dict[str, str]) -> Answer:
        if verb == "PUT" or (verb == "POST" and name in self.containers):
            there = name in self.containers
            self.containers.setdefault(name, {}).update(_meta(environ, "CONTAINER"))
            return (204 if verb == "POST" else 202 if there else 201), [], b""
        if name not in self.containers:
            return 404, [], b""
        if verb == "DELETE":
            if self._count(name + "/"):
                return 409, [], b""
            del self.containers[name]
            return 204, [], b""
        own = [
            *self.containers[name].items(),
            ("X-Container-Object-Count", str(self._count(name + "/"))),
            ("X-Container-Bytes-Used", str(self._used(name + "/"))),
            ("X-Backend-Storage-Policy-Index", "0"),
        ]
        return self._listed(verb, own, self._rows(name, query))

    def _rows(self, name: str, query: dict[str, str]) -> list[dict[str, Any]]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        rows: dict[str, dict[str, Any]] = {}
        backwards = query.get("reverse", "") in ("on", "true")
        for full in sorted(self.objects):
            if not full.startswith(f"{name}/{prefix}"):
                continue
            obj = full[len(name) + 1 :]
            head, found, _ = obj[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if found:
                rows[prefix + head + found] = {"subdir": prefix + head + found}
                continue
            body, headers, _when = self.objects[full]
            override = headers.get("X-Object-Sysmeta-Container-Update-Override-Etag")
            rows[obj] = {
                "name": obj,
                "bytes": len(body),
                "hash": override or _etag(body),
                "content_type": headers["Content-Type"].partition(";swift_")[0],
                "last_modified": "2023-11-14T22:13:20.000000",
            }
        names = sorted(rows, reverse=backwards)
        if marker := query.get("marker"):
            names = [n for n in names if (n < marker if backwards else n > marker)]
        return [rows[n] for n in names[: int(query.get("limit", "10000"))]]

    def _object(self, verb: str, name: str, environ: Environ, query: dict[str, str]) -> Answer:
        container = "/".join(name.split("/")[:2])
        if container not in self.containers:
            return 404, [], b""
        if verb == "PUT":
            return self._put(name, environ)
        if name not in self.objects:
            return 404, [], b""
        body, headers, when = self.objects[name]
        if verb == "DELETE":
            del self.objects[name]
            return 204, [], b""
        if verb == "POST":
            return 202, [i for i in headers.items() if "Sysmeta" in i[0]], b""
        return self._read(body, headers, when, environ)

    def _put(self, name: str, environ: Environ) -> Answer:
        blocks = []
        source = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH")
        while block := source.read(1000):
            blocks.append(block)
        body = b"".join(blocks)
        if length not in (None, "", str(len(body))):
            return 422, [], b""
        wanted = environ.get("HTTP_ETAG", "").strip('"')
        if wanted and wanted != _etag(body):
            return 422, [], b""
        headers = {"Content-Type": environ.get("CONTENT_TYPE") or "application/octet-stream"}
        for key in KEPT:
            if "HTTP_" + key in environ:
                headers[key.replace("_", "-").title()] = environ["HTTP_" + key]
        headers.update(_meta(environ, "OBJECT"))
        self.now += 1
        self.objects[name] = (body, headers, self.now)
        return 201, [("Etag", _etag(body)), ("Last-Modified", _date(self.now))], b""

    def _read(self, body: bytes, headers: dict[str, str], when: int, environ: Environ) -> Answer:
        told = [
            *headers.items(),
            ("Etag", _etag(body)),
            ("Last-Modified", _date(when)),
            ("X-Timestamp", f"{when}.00000"),
            ("Accept-Ranges", "bytes"),
        ]
        etag = _etag(body)
        for at in environ.get("HTTP_X_BACKEND_ETAG_IS_AT", "").split(","):
            etag = headers.get(at.strip().title(), etag)
        tags = [t.strip().strip('"') for t in environ.get("HTTP_IF_MATCH", "*").split(",")]
        if etag not in tags and "*" not in tags:
            return 412, told, b""
        tags = [t.strip().strip('"') for t in environ.get("HTTP_IF_NONE_MATCH", "").split(",")]
        if etag in tags or "*" in tags:
            return 304, told, b""
        ignored = environ.get("HTTP_X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT", "").lower()
        present = {n.lower() for n in headers}
        asked = environ.get("HTTP_RANGE", "")
        if not asked.startswith("bytes=") or any(
            n.strip() in present for n in ignored.split(",") if n
        ):
            return 200, told, body
        first, _, last = asked[6:].partition(",")[0].partition("-")
        size = len(body)
        start = int(first) if first else max(0, size - int(last))
        stop = min(size, int(last) + 1) if first and last else size
        if start >= size:
            return 416, [*told, ("Content-Range", f"bytes */{size}")], b""
        return 206, [*told, ("Content-Range", f"bytes {start}-{stop - 1}/{size}")], body[start:stop]

    def _listed(self, verb: str, own: list[tuple[str, str]], rows: list[dict[str, Any]]) -> Answer:
        kind = ("Content-Type", "application/json; charset=utf-8")
        if verb == "HEAD":
            return 204, [*own, kind], b""
        return 200, [*own, kind], json.dumps(rows).encode()

    def _used(self, prefix: str) -> int:
        return sum(len(v[0]) for k, v in self.objects.items() if k.startswith(prefix))

    def _count(self, prefix: str) -> int:
        return sum(k.startswith(prefix) for k in self.objects)


def _etag(body: bytes) -> str:
    return md5(body).hexdigest()


def _date(when: int) -> str:
    import time

    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(when))


def _meta(environ: Environ, kind: str) -> dict[str, str]:
    kinds = ("META", "SYSMETA", "TRANSIENT_SYSMETA")
    heads = tuple(f"HTTP_X_{kind}_{k}_" for k in kinds)
    names = ("HTTP_X_CONTAINER_READ", "HTTP_X_CONTAINER_WRITE")
    return {
        key[5:].replace("_", "-").title(): value
        for key, value in environ.items()
        if key.startswith(heads) or (kind == "CONTAINER" and key in names)
    }
