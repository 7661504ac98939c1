"""CPU of the object updater that sends container updates from disk, ours beside OpenStack Swift's.

    tools/bench/updates.py [--count 20000] [--containers 20] [--swift-python PYTHON]

The same files for both, three container servers that do nothing but answer. Ours sends many rows in
a call to servers of its kind, and one by one to any other; both are measured. CPU is of the updater
alone, with its children.
"""

from __future__ import annotations

import argparse
import getpass
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from swiftlite.formats.async_pending import AsyncPending, async_pending_name, encode_async_pending
from swiftlite.host import green
from swiftlite.httpd.acceptor import Acceptor
from swiftlite.httpd.limits import HttpLimits
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.ring import RingBuilder
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.timestamp import Timestamp

REPOSITORY = Path(__file__).resolve().parents[2]
HASH_PATH = HashPath(b"", b"bench")
MOMENT = Timestamp.from_text("1700000000")


def serve(port: int, takes_rows: bool) -> int:
    """A container server that agrees to everything; its pid."""
    pid = os.fork()
    if pid:
        return pid
    host = green.make_host()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - PEP 3333
        environ["wsgi.input"].read()
        many = [("X-Backend-Swiftlite", "rows")] if takes_rows else []
        start_response("201 Created", [("Content-Length", "0"), *many])
        return []

    log = Log("bench", sink=NullSink())
    listener = host.net.listen(("127.0.0.1", port))
    Acceptor(listener, app, host=host, limits=HttpLimits(), log=log).run()
    os._exit(0)


def prepare(root: Path, count: int, containers: int, ports: list[int]) -> Path:
    """A node's conf, rings and waiting updates; the conf's path."""
    builder = RingBuilder.create(8, 3, 1)
    for n, port in enumerate(ports):
        builder.add_device(zone=n, ip="127.0.0.1", port=port, device="sdb", weight=1.0)
    builder.rebalance(0.0)
    builder.ring(HASH_PATH).save(str(root / "container.ring.gz"))
    (root / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = bench\n")
    device = root / "srv" / "sda"
    for n in range(count):
        name, container = f"object-{n:07}", f"container-{n % containers}"
        headers = {
            "X-Size": "1234", "X-Content-Type": "application/octet-stream", "X-Etag": "e" * 32,
            "X-Timestamp": MOMENT.plus(n).internal, "X-Trans-Id": "tx0123456789abcdef",
            "Referer": f"PUT http://localhost/v1/AUTH_test/{container}/{name}",
            "User-Agent": "object-server 1234", "X-Backend-Storage-Policy-Index": "0",
        }  # fmt: skip
        update = AsyncPending("PUT", "AUTH_test", container, name, headers)
        name_hash = HASH_PATH.hex("AUTH_test", container, name)
        path = device / "async_pending" / async_pending_name(name_hash, MOMENT.plus(n))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_async_pending(update))
    conf = root / "object-server.conf"
    conf.write_text(
        f"[DEFAULT]\nswift_dir = {root}\ndevices = {root}/srv\nmount_check = false\n"
        f"recon_cache_path = {root}\nuser = {getpass.getuser()}\nlog_file = {root}/log\n"
        "[object-updater]\nobjects_per_second = 1000000\nconcurrency = 8\n"
    )
    return conf


def measure(words: list[str], device: Path) -> tuple[float, float]:
    """CPU and wall seconds of a command that must leave nothing waiting."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, cwd=REPOSITORY, check=True, capture_output=True)
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    left = sum(len(files) for _, _, files in os.walk(device / "async_pending"))
    assert left == 0, f"{left} updates were not delivered"
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--containers", type=int, default=20)
    parser.add_argument("--port", type=int, default=17_300)
    parser.add_argument("--swift-python", default="")
    options = parser.parse_args()
    ours = [sys.executable, str(REPOSITORY / "bin" / "swiftlite-object-updater")]
    program = str(REPOSITORY / "tools" / "interop" / "swift_program.py")
    cases = [("ours, to our servers", True, ours), ("ours, one by one", False, ours)]
    if options.swift_python:
        cases.append(("OpenStack Swift", False, [options.swift_python, program]))
    for what, takes_rows, words in cases:
        for count in (0, options.count):
            root = Path(tempfile.mkdtemp(prefix="updates-"))
            ports = [options.port + n for n in range(3)]
            conf = prepare(root, count, options.containers, ports)
            pids = [serve(port, takes_rows) for port in ports]
            more = [str(root), "object-updater"] if words is not ours else []
            try:
                cpu, took = measure([*words, *more, str(conf), "once"], root / "srv" / "sda")
            finally:
                for pid in pids:
                    os.kill(pid, 9)
                    os.waitpid(pid, 0)
                shutil.rmtree(root)
            print(f"{what:24} {count:7} updates: {cpu:7.2f} s CPU, {took:7.2f} s", flush=True)


if __name__ == "__main__":
    main()
