"""Container updates that wait on a device: either program delivers what the other put there."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from swiftlite.formats.async_pending import AsyncPending
from swiftlite.ring import RingBuilder
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp
from tests.objectstore.stores import Store

REPOSITORY = Path(__file__).parents[2]
PROGRAM = REPOSITORY / "tools" / "interop" / "swift_program.py"
PEER = REPOSITORY / "tools" / "interop" / "update_peer.py"
NOW = Timestamp.from_text("1700000000.12345")
NAMES = ("plain", "with space", "Ü/日本", "100%", "a\nb")
pytestmark = pytest.mark.interop


class ContainerServers:
    """Three of OpenStack Swift's kind: they take one row a call and know nothing of more."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
        rows = self.rows

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                _, device, _, path = unquote(self.path).split("/", 3)
                rows[device, path] = (self.command, {k.title(): v for k, v in self.headers.items()})
                self.send_response(201 if self.command == "PUT" else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_DELETE = do_PUT

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Setting:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.servers = ContainerServers()
        builder = RingBuilder.create(4, 3, 1)
        for n in range(3):
            builder.add_device(
                zone=n, ip="127.0.0.1", port=self.servers.port, device=f"sd{n}", weight=1.0
            )
        builder.rebalance(0.0)
        builder.ring(HashPath(b"", b"changeme")).save(str(root / "container.ring.gz"))
        (root / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = changeme\n")
        self.store = Store(root / "srv")
        self.conf = root / "object-server.conf"
        self.conf.write_text(
            f"[DEFAULT]\nswift_dir = {root}\ndevices = {root}/srv\nmount_check = false\n"
            f"recon_cache_path = {root}\nlog_level = DEBUG\nuser = {getpass.getuser()}\n"
            "[object-updater]\n"
        )

    def updates(self) -> list[AsyncPending]:
        put = {
            "X-Timestamp": NOW.internal, "X-Size": "3", "X-Etag": "e" * 32,
            "X-Content-Type": "text/plain; name=Ü", "X-Trans-Id": "tx1",
        }  # fmt: skip
        made = [AsyncPending("PUT", "AUTH_ä", "c ü", name, put) for name in NAMES]
        gone = AsyncPending("DELETE", "AUTH_ä", "c ü", "gone", {"X-Timestamp": NOW.internal})
        shard = AsyncPending("PUT", "AUTH_ä", "c ü", "s", put, container_path=".shards_AUTH_ä/c-0")
        return [*made, gone, shard]

    def check(self) -> None:
        """Every server has every row, and nothing waits any more."""
        expected = {(f"sd{n}", f"AUTH_ä/c ü/{name}") for n in range(3) for name in (*NAMES, "gone")}
        expected |= {(f"sd{n}", ".shards_AUTH_ä/c-0/s") for n in range(3)}
        assert set(self.servers.rows) == expected
        op, headers = self.servers.rows["sd1", "AUTH_ä/c ü/plain"]
        assert op == "PUT"
        assert headers["X-Content-Type"].encode("latin-1").decode() == "text/plain; name=Ü"
        assert headers["X-Timestamp"] == NOW.internal
        assert headers["X-Backend-Storage-Policy-Index"] == "0"
        assert self.servers.rows["sd2", "AUTH_ä/c ü/gone"][0] == "DELETE"
        left = [
            path for path in (self.root / "srv/sda1/async_pending").rglob("*") if path.is_file()
        ]
        assert left == []


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path)
    yield made
    made.servers.server.shutdown()


def test_swift_delivers_what_we_left(setting: Setting, swift_python: str) -> None:
    for update in setting.updates():
        setting.store.manager.save_pending("sda1", 0, NOW, update)
    words = [swift_python, str(PROGRAM), str(setting.root), "object-updater", str(setting.conf)]
    done = subprocess.run([*words, "once", "-v"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    setting.check()


def test_we_deliver_what_swift_left(setting: Setting, swift_python: str) -> None:
    updates = [
        [one.op, one.account, one.container, one.obj,
         {key: value.encode().decode("latin-1") for key, value in one.headers.items()},
         NOW.internal, one.container_path]
        for one in setting.updates()
    ]  # fmt: skip
    devices = str(setting.root / "srv")
    words = [swift_python, str(PEER), str(setting.root), devices, "sda1"]
    subprocess.run(words, input=json.dumps(updates), text=True, check=True)
    ours = [
        sys.executable,
        str(REPOSITORY / "bin/swiftlite-object-updater"),
        str(setting.conf),
        "--once",
    ]
    done = subprocess.run(ours, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    setting.check()
