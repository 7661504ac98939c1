"""The object server under fire: each disk call of a request fails in turn, for once or for good.

Whatever fails, the client is told whose fault it is: 507 or 503, so that the proxy goes on to
another node, or a success where the disk mended itself; 500 would be a mistake of ours.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from swiftlite.cluster.conf import ClusterConf
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.obj.server.app import ObjectServer
from swiftlite.observe.log import DEBUG, Log
from swiftlite.policies import parse_policies
from swiftlite.testing.sim_faults import Faults
from swiftlite.testing.sim_host import World
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.request import environ_key
from tests.obj.servers import HASH_PATH, NOW, ListSink
from tests.web.environs import Answer

LARGE = bytes(range(256)) * 10_240  # three blocks
NOBODY = {
    "X-Container-Host": "10.0.0.9:6201", "X-Container-Device": "sdc1", "X-Container-Partition": "9"
}  # fmt: skip
CALLS_MAX = 600
EXPECTED = (200, 201, 202, 204, 404, 409, 503, 507)


class Server:
    """An object server on a device of its own, which holds one object."""

    def __init__(self, seed: int) -> None:
        self._world = World(seed, ordered_disks=bool(seed % 2))
        self._node = self._world.node("10.0.0.1")
        self.disk = self._node.disk
        self.disk.makedirs("/srv/sda1")
        self.sink = ListSink()
        self.app = ObjectServer(
            self._node.host,
            ObjectServerOptions(devices="/srv", mount_check=False),
            ClusterConf("", HASH_PATH, Limits(), parse_policies({})),
            Log("object", level=DEBUG, sink=self.sink),
        )
        assert self.put(0, b"old").status == 201
        self.disk.cut_power()
        self.disk.power_on("nothing")
        self.sink.lines.clear()

    def ask(
        self, verb: str, seconds: int = 0, body: bytes | None = None,
        headers: dict[str, str] | None = None, path: str = "/sda1/7/a/c/o",
    ) -> Answer:  # fmt: skip
        environ: dict[str, Any] = {
            "REQUEST_METHOD": verb,
            "PATH_INFO": path,
            "RAW_PATH_INFO": path,
            "QUERY_STRING": "",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body or b""),
            "HTTP_X_TIMESTAMP": NOW.plus(seconds * 100_000).internal,
        }
        if body is not None:
            environ["CONTENT_LENGTH"] = str(len(body))
        for name, value in (headers or {}).items():
            environ[environ_key(name)] = value
        return self._world.run(self._node, Answer, self.app, environ)

    def put(self, seconds: int, body: bytes, **more: str) -> Answer:
        headers = {
            "Content-Type": "text/plain",
            **{k.replace("_", "-"): v for k, v in more.items()},
        }
        return self.ask("PUT", seconds, body, headers)


def expiry() -> str:
    return str(int(Timestamp(NOW.raw).seconds) + 5000)


REQUESTS: dict[str, Callable[[Server], Answer]] = {
    "PUT": lambda s: s.put(1, b"new"),
    "large PUT": lambda s: s.put(1, LARGE),
    "PUT whose row is kept": lambda s: s.ask("PUT", 1, b"new", {"Content-Type": "a/b", **NOBODY}),
    "PUT that expires": lambda s: s.put(1, b"new", X_Delete_At=expiry()),
    "PUT of another": lambda s: s.ask(
        "PUT", 1, b"new", {"Content-Type": "a/b"}, path="/sda1/6/a/c/p"
    ),
    "POST": lambda s: s.ask("POST", 1, b"", {"X-Object-Meta-A": "b"}),
    "POST that expires": lambda s: s.ask("POST", 1, b"", {"X-Delete-At": expiry()}),
    "DELETE": lambda s: s.ask("DELETE", 1),
    "DELETE whose row is kept": lambda s: s.ask("DELETE", 1, headers=NOBODY),
    "DELETE of nothing": lambda s: s.ask("DELETE", 1, path="/sda1/6/a/c/p"),
    "GET": lambda s: s.ask("GET"),
    "HEAD": lambda s: s.ask("HEAD"),
    "GET of nothing": lambda s: s.ask("GET", path="/sda1/6/a/c/p"),
    "REPLICATE": lambda s: s.ask("REPLICATE", path="/sda1/7"),
    "REPLICATE of a suffix": lambda s: s.ask("REPLICATE", path="/sda1/7/abc"),
}


def tries() -> Iterator[int]:
    yield from range(1, CALLS_MAX)
    raise AssertionError(f"more than {CALLS_MAX} calls")


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS, errno.ENODEV, errno.ENOENT])
@pytest.mark.parametrize("name", REQUESTS)
def test_no_failing_call_is_our_mistake(name: str, code: int, sticky: bool) -> None:
    for number in tries():
        server = Server(number)
        faults = server.disk.faults = Faults(fail_at=number, fail_with=code, sticky=sticky)
        answer = REQUESTS[name](server)
        server.disk.faults = Faults()
        what = f"{faults.calls[-1] if faults.calls else ''}: {server.sink.lines[-3:]}"
        assert answer.status in EXPECTED, (answer.status, what)
        assert not any("Traceback" in line for line in server.sink.lines), what
        assert server.disk.open_descriptors() == [], what
        if not faults.fired:
            break
