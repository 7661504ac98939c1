"""The hot paths, one request each, so that their instructions can be counted.

Run under callgrind (test_instructions.py does), or alone for a look at their CPU. Whole requests
through the pipeline that `swiftlite server` writes, with nodes that give ready answers; the object
and container servers without a socket or thread. What a path costs beside what is measured (the
client, the ready answers) is small and does not change.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from swiftlite.cli.embedded.layout import Layout
from swiftlite.host import bundle, green, plain
from swiftlite.host.bundle import Host
from swiftlite.host.net import Address, PeerGone, Stream
from swiftlite.httpd.acceptor import serve
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.service.pipeline import load_pipeline
from tests.bench.counter import Counter
from tests.container.servers import make_server
from tests.functional.cluster import made_beforehand
from tests.obj.servers import NOW, Server
from tests.web.environs import Answer, make_environ

Ask = Callable[[], object]
WARM_UP, REQUESTS = 20, 40
BODY = b"x" * 1024
MOMENT = "1700000000.00000"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
DESCRIBED = (
    f"X-Timestamp: {MOMENT}\r\nX-Put-Timestamp: {MOMENT}\r\nX-Backend-Timestamp: {MOMENT}\r\n"
    f"X-Backend-Put-Timestamp: {MOMENT}\r\nX-Backend-Storage-Policy-Index: 0\r\n"
    "X-Container-Object-Count: 1\r\nX-Container-Bytes-Used: 1\r\nX-Account-Container-Count: 1\r\n"
    "X-Account-Object-Count: 1\r\nX-Account-Bytes-Used: 1\r\n"
)
OBJECT = (
    f'ETag: "{ETAG}"\r\nContent-Type: text/plain\r\nX-Timestamp: {MOMENT}\r\n'
    f"X-Backend-Timestamp: {MOMENT}\r\nX-Backend-Data-Timestamp: {MOMENT}\r\n"
    "X-Object-Meta-Color: blue\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
)


ROWS = json.dumps(
    [
        {
            "name": f"o{number:09d}", "bytes": 1024, "hash": ETAG, "content_type": "text/plain",
            "last_modified": "2023-11-14T22:13:20.000000",
        }
        for number in range(100)
    ]
).encode()  # fmt: skip


def ready_answer(method: str, path: str) -> bytes:
    """What a node says, whatever it is asked."""
    of_object = path.count("/") > 4
    if method in ("GET", "HEAD") and of_object:
        body = BODY if method == "GET" else b""
        return f"HTTP/1.1 200 OK\r\n{OBJECT}Content-Length: 1024\r\n\r\n".encode() + body
    if method == "PUT":
        told = f'ETag: "{ETAG}"\r\n' if of_object else ""
        return f"HTTP/1.1 201 Created\r\n{told}Content-Length: 0\r\n\r\n".encode()
    if method == "GET" and path.count("/") == 4:
        told = f"{DESCRIBED}Content-Type: application/json; charset=utf-8\r\n"
        return f"HTTP/1.1 200 OK\r\n{told}Content-Length: {len(ROWS)}\r\n\r\n".encode() + ROWS
    return f"HTTP/1.1 204 No Content\r\n{DESCRIBED}Content-Length: 0\r\n\r\n".encode()


def serve_ready_answers(host: Host, address: Address) -> None:
    listener = host.net.listen(address)

    def talk(stream: Stream) -> None:
        try:
            while data := stream.recv(65536):
                line = data[: data.index(b"\r")].decode()
                method, path, _ = line.split()
                start = data.find(b"\r\nContent-Length: ")
                if start >= 0:
                    size = int(data[start + 18 : data.index(b"\r", start + 18)])
                    missing = data.index(b"\r\n\r\n") + 4 + size - len(data)
                    while missing > 0:
                        missing -= len(stream.recv(missing))
                stream.send_all(ready_answer(method, path))
        except PeerGone:
            stream.close()

    def accept() -> None:
        while True:
            host.tasks.spawn(talk, listener.accept())

    host.tasks.spawn(accept)


class Front:
    """A client of an app behind our HTTP server, on one connection."""

    def __init__(self, host: Host, app: Callable[..., Iterable[bytes]], headers: str = "") -> None:
        listener = host.net.listen(("127.0.0.1", 0))
        serve(listener, app, host=host, log=Log("bench", sink=NullSink()))
        self.stream = host.net.connect(listener.address, 10.0)
        self.headers = headers

    def ask(self, method: str, path: str, body: bytes = b"", more: str = "") -> bytes:
        length = f"Content-Length: {len(body)}\r\n" if method == "PUT" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: h\r\n{self.headers}{more}{length}\r\n"
        self.stream.send_all(head.encode() + body)
        answer = self.stream.recv(65536)
        assert answer.startswith(b"HTTP/1.1 20"), answer
        return answer


def tiny_app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2"), ("Content-Type", "text/plain")])
    return [b"ok"]


def pipeline_paths(host: Host, root: Path) -> dict[str, Ask]:
    """Through all filters and the proxy."""
    layout = Layout(root, 4, free_block())
    made_beforehand(layout, 3, 1, 0)
    for server in layout.servers:
        if server.kind != "proxy":
            serve_ready_answers(host, ("127.0.0.1", layout.port(server)))
    app = load_pipeline(str(layout.conf(next(s for s in layout.servers if not s.node)))).app
    login = Front(host, app, "X-Auth-User: test:tester\r\nX-Auth-Key: testing\r\n")
    answer = login.ask("GET", "/auth/v1.0").decode()
    token = next(line for line in answer.split("\r\n") if line.lower().startswith("x-auth-token"))
    front = Front(host, app, f"{token}\r\nUser-Agent: bench\r\nAccept: */*\r\n")
    return {
        "GET through the pipeline": lambda: front.ask("GET", "/v1/AUTH_test/c/o"),
        "HEAD through the pipeline": lambda: front.ask("HEAD", "/v1/AUTH_test/c/o"),
        "PUT through the pipeline": lambda: front.ask("PUT", "/v1/AUTH_test/c/o", BODY),
        "DELETE through the pipeline": lambda: front.ask("DELETE", "/v1/AUTH_test/c/o"),
        "POST through the pipeline": lambda: front.ask("POST", "/v1/AUTH_test/c/o"),
        "listing of 100 through the pipeline": lambda: front.ask("GET", "/v1/AUTH_test/c"),
    }


def free_block() -> int:
    from tests.functional.cluster import free_block as free

    return free(4)


def object_paths(root: Path) -> dict[str, Ask]:
    server = Server(plain.make_host(), root)
    serial = count(1)

    def put() -> None:
        assert server.put(BODY, at=NOW.plus(next(serial))).status == 201

    def get() -> None:
        assert server.ask("GET").status == 200

    def head() -> None:
        assert server.ask("HEAD").status == 200

    def delete() -> None:
        assert server.ask("DELETE", at=NOW.plus(next(serial))).status in (204, 404)

    return {
        "object server PUT": put,
        "object server GET": get,
        "object server HEAD": head,
        "object server DELETE": delete,
    }


def container_paths(root: Path) -> dict[str, Ask]:
    app = make_server(root)
    stamp = NOW.internal
    path = "/sda1/7/a/c"

    def ask(method: str, body: bytes = b"", query: str = "", **headers: str) -> Answer:
        environ = make_environ(method, path, query=query, body=body, **headers)
        return Answer(app, environ)

    assert ask("PUT", X_Timestamp=stamp).status == 201
    serial = count(1)

    def rows(number: int) -> list[dict[str, object]]:
        return [
            {
                "name": f"o{next(serial):09d}", "created_at": stamp, "size": 1024,
                "content_type": "text/plain", "etag": ETAG, "deleted": 0,
                "storage_policy_index": 0,
            }
            for _ in range(number)
        ]  # fmt: skip

    def update() -> None:
        body = json.dumps(rows(50)).encode()
        assert ask("UPDATE", body, X_Backend_Swiftlite_Rows="1").status == 202

    def row() -> None:
        name = f"{path}/o{next(serial):09d}"
        told = Answer(app, make_environ(
            "PUT", name, X_Timestamp=stamp, X_Size="1024", X_Etag=ETAG, X_Content_Type="text/plain"
        ))  # fmt: skip
        assert told.status == 201

    for _ in range(4):
        update()

    def listing() -> None:
        assert ask("GET", query="format=json&limit=100").status == 200

    def head() -> None:
        assert ask("HEAD").status == 204

    return {
        "container server, 50 rows": update,
        "container server, one row": row,
        "container server, listing of 100": listing,
        "container server HEAD": head,
    }


def hot_paths(host: Host, root: Path) -> dict[str, Ask]:
    """All of them, ready to be asked for one request each."""
    for name in ("cluster", "objects", "containers"):
        (root / name).mkdir()
    front = Front(host, tiny_app, "Accept: */*\r\nUser-Agent: bench\r\n")
    return {
        "tiny GET": lambda: front.ask("GET", "/v1/a/c/o"),
        **pipeline_paths(host, root / "cluster"),
        **object_paths(root / "objects"),
        **container_paths(root / "containers"),
    }


def main() -> None:
    """Count, or (without valgrind) time, each path in turn."""
    gc.disable()
    counter = Counter()
    host = bundle.install(green.make_host())
    with tempfile.TemporaryDirectory() as folder:
        for name, path in hot_paths(host, Path(folder)).items():
            for _ in range(WARM_UP):
                path()
            counter.start()
            before = time.process_time()
            for _ in range(REQUESTS):
                path()
            took = time.process_time() - before
            counter.stop(name)
            print(f"{took / REQUESTS * 1e6:9.1f} µs  {name}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
