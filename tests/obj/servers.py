"""An object server in this process, on a folder; and container servers that do as they are told."""

# ruff: noqa: ANN401  # dicts of headers are unpacked into calls, which only Any lets mypy pass

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from swiftlite.cluster.conf import ClusterConf
from swiftlite.formats.async_pending import AsyncPending, decode_async_pending
from swiftlite.host.bundle import Host
from swiftlite.httpd.acceptor import Acceptor, serve
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.app import ObjectServer
from swiftlite.objectstore.diskfile import DiskFile, OpenObject
from swiftlite.observe.log import DEBUG, Log
from swiftlite.policies import parse_policies
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.request import environ_key
from tests.web.environs import Answer

NOW = Timestamp(170_000_000_000_000)
PATH = "/sda1/7/a/c/o"
HASH_PATH = HashPath(b"", b"changeme")
POLICIES = {
    "storage-policy:0": {"name": "gold", "default": "yes"},
    "storage-policy:1": {"name": "silver"},
    "storage-policy:2": {
        "name": "ec", "policy_type": "erasure_coding", "ec_type": "liberasurecode_rs_vand",
        "ec_num_data_fragments": "4", "ec_num_parity_fragments": "2",
    },
}  # fmt: skip


class ListSink:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, level: int, line: str) -> None:
        self.lines.append(line)


class Server:
    """The app, and shortcuts to ask it directly."""

    def __init__(self, host: Host, root: Path, **options: Any) -> None:
        self.root = root
        (root / "sda1").mkdir(exist_ok=True)
        self.sink = ListSink()
        defaults: dict[str, Any] = {"devices": str(root), "mount_check": False}
        self.options = ObjectServerOptions(**{**defaults, **options})
        cluster = ClusterConf(str(root), HASH_PATH, Limits(), parse_policies(POLICIES))
        log = Log("object", level=DEBUG, sink=self.sink)
        self.app = ObjectServer(host, self.options, cluster, log)
        self.host = host

    def ask(
        self, verb: str, path: Any = PATH, *, at: Any = NOW, body: Any = None,
        stream: Any = None, **headers: Any,
    ) -> Answer:  # fmt: skip
        """One request, straight to the app. X_If_Match="..." for X-If-Match. stream: wsgi.input
        in the place of one over body."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": verb,
            "PATH_INFO": path,
            "RAW_PATH_INFO": path,
            "QUERY_STRING": "",
            "wsgi.url_scheme": "http",
            "HTTP_HOST": "localhost",
            "wsgi.input": stream or io.BytesIO(body or b""),
        }
        if body is not None:
            environ["CONTENT_LENGTH"] = str(len(body))
        if at is not None:
            environ["HTTP_X_TIMESTAMP"] = at.internal
        for name, value in headers.items():
            environ[environ_key(name.replace("_", "-"))] = value
        return Answer(self.app, environ)

    def put(self, body: Any = b"hello", at: Any = NOW, path: Any = PATH, **headers: Any) -> Answer:
        headers.setdefault("Content_Type", "text/plain")
        return self.ask("PUT", path, at=at, body=body, **headers)

    def diskfile(self, obj: str = "o", policy_index: int = 0) -> DiskFile:
        manager = self.app.context.manager
        return manager.diskfile("sda1", 7, "a", "c", obj, policy_index)

    def metadata(self, obj: str = "o") -> dict[str, str]:
        """Of an object that is there."""
        found = self.diskfile(obj).open(NOW)
        assert isinstance(found, OpenObject)
        try:
            return dict(found.metadata)
        finally:
            found.close()

    def data_path(self) -> Path:
        (path,) = Path(self.diskfile().place.path).glob("*.data")
        return path

    def files(self) -> list[str]:
        place = Path(self.diskfile().place.path)
        return sorted(path.name for path in place.iterdir()) if place.exists() else []

    def pendings(self) -> list[AsyncPending]:
        paths = sorted(self.root.glob("sda1/async_pending*/*/*"))
        return [decode_async_pending(path.read_bytes()) for path in paths]

    def quarantined(self) -> list[str]:
        return sorted(path.name for path in self.root.glob("sda1/quarantined/objects/*"))


class Containers:
    """A container server: keeps what it is sent, answers what it is told to."""

    def __init__(self, host: Host, *, rows: bool = False) -> None:
        self.host = host
        self.rows = rows
        self.status: dict[str, Any] = {"PUT": 201, "DELETE": 204, "UPDATE": 202}
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.gate: Callable[[], None] = lambda: None
        self.breaks_off: bytes | None = None  # what it says to many rows before it dies
        listener = host.net.listen(("127.0.0.1", 0))
        self.address = listener.address
        self.acceptor: Acceptor = serve(listener, self, host=host, log=_Quiet())

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        verb = environ["REQUEST_METHOD"]
        headers = {
            key[5:].replace("_", "-").title(): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        body = environ["wsgi.input"].read()
        self.calls.append((verb, environ["RAW_PATH_INFO"], headers, body))
        self.gate()
        if verb == "UPDATE" and self.breaks_off is not None:
            environ["swiftlite.stream"].send_all(self.breaks_off)
            environ["swiftlite.stream"].close()
        answer = [("Content-Length", "0")]
        if self.rows and headers.get("X-Backend-Swiftlite") == "rows":
            answer.append(("X-Backend-Swiftlite", "rows"))
        status = self.status[verb]
        if callable(status):
            status = status(body)
        start_response(f"{status} Told", answer)
        return []

    @property
    def host_header(self) -> str:
        ip, port = cast(tuple[str, int], self.address)
        return f"{ip}:{port}"

    def headers(self, device: str = "sdc1", partition: str = "9") -> dict[str, str]:
        """What a proxy sends for a PUT, POST or DELETE of an object."""
        return {
            "X_Container_Host": self.host_header,
            "X_Container_Device": device,
            "X_Container_Partition": partition,
        }

    def sent_rows(self) -> list[list[dict[str, Any]]]:
        return [json.loads(body) for verb, _, _, body in self.calls if verb == "UPDATE"]

    def stop(self) -> None:
        self.acceptor.drain(self.host.clock.monotonic() + 5)


class _Quiet:
    def debug(self, message: str) -> None: ...

    warning = error = exception = debug


def after(seconds: int) -> Timestamp:
    return NOW.plus(seconds * 100_000)
