"""CPU of the HTTP core alone: a tiny GET and a 4 KiB PUT served, a pooled PUT to three peers, and
a large file sent (file) and relayed from a peer (relay).

Server CPU is utime+stime of the server process over the load (wrk), divided by the requests
answered; client CPU that of this process over the calls. Shared machines inflate both: quote
medians, and run again beside what you compare with.

Usage: python tools/bench/http_core.py [--seconds 2] [--rounds 3] [--connections 32]
           [get put peers file relay]
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from swiftlite.host import bundle, green
from swiftlite.host.net import Address, FileSpan, Stream
from swiftlite.httpd.acceptor import Acceptor
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import StreamSink
from swiftlite.peers.call import render_head
from swiftlite.peers.pool import Pool
from swiftlite.peers.relay import Relay

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PUT_SCRIPT = """
wrk.method = "PUT"
wrk.body = string.rep("x", 4096)
"""
FILE_BYTES = 64 << 20
SMALL_PATH = "/v1/AUTH_test/container/object"
ANSWER_HEADERS = [
    ("Content-Type", "application/octet-stream"),
    ("Content-Length", "2"),
    ("ETag", "0123456789abcdef0123456789abcdef"),
    ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("X-Timestamp", "1767225600.00000"),
]
REQUEST_HEADERS = {
    "User-Agent": "bench",
    "Accept": "*/*",
    "X-Auth-Token": "AUTH_tk0123456789abcdef0123456789abcdef",
    "X-Trans-Id-Extra": "bench",
    "Accept-Encoding": "gzip",
}


class LargeFile:
    """Sends the same unnamed file every time."""

    fd = -1

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("not sent by itself")

    def send_to(self, stream: Stream) -> int:
        return FileSpan(self.fd, 0, FILE_BYTES).send_to(stream)

    def close(self) -> None:
        pass


class Peers:
    """The server's own pool, made after the fork."""

    pool: Pool | None = None
    spliced = True


def relayed(address: Address, start_response: Callable[..., object]) -> Relay:
    if Peers.pool is None:
        Peers.pool = Pool(bundle.installed())
    head = render_head("GET", "/file", [], address)
    answer = Peers.pool.open(address, head, deadline=None).answer(None)
    start_response("200 OK", [("Content-Length", str(answer.length))])
    return Relay(answer, bundle.installed().net.conduit(spliced=Peers.spliced))


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/file":
        start_response("200 OK", [("Content-Length", str(FILE_BYTES))])
        return LargeFile()
    if path.startswith("/relay"):
        return relayed(("127.0.0.1", int(path[7:])), start_response)
    if environ["REQUEST_METHOD"] == "PUT":
        environ["wsgi.input"].read(-1)
    start_response("200 OK", ANSWER_HEADERS)
    return [b"ok"]


def start_server() -> tuple[int, int]:
    """Fork a server; returns its pid and port."""
    host = bundle.install(green.make_host())
    listener = host.net.listen(("127.0.0.1", 0))
    assert not isinstance(listener.address, str)
    port = listener.address[1]
    pid = os.fork()
    if pid == 0:
        try:
            Acceptor(listener, app, host=host, log=Log("bench", sink=StreamSink(2))).run()
        finally:
            os._exit(1)
    listener.close()
    return pid, port


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def load(
    port: int, seconds: float, connections: int, script: str | None, path: str = SMALL_PATH
) -> int:
    """Run wrk; returns the requests answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for name, value in REQUEST_HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
        command.append(f"http://127.0.0.1:{port}{path}")
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"the load met errors:\n{output}")
    found = re.search(r"(\d+) requests in", output)
    assert found is not None
    return int(found[1])


def served(pid: int, port: int, options: argparse.Namespace, script: str | None) -> float:
    """Server CPU in µs per request."""
    before = cpu_of(pid)
    count = load(port, options.seconds, options.connections, script)
    return (cpu_of(pid) - before) / count * 1e6


def sent(pid: int, port: int, path: str, options: argparse.Namespace) -> float:
    """Server CPU in ms per GB of a large body, one client."""
    before = cpu_of(pid)
    count = load(port, options.seconds, 1, None, path)
    return (cpu_of(pid) - before) / (count * FILE_BYTES) * 1e12


def peers(ports: list[int], seconds: float) -> float:
    """Client CPU in µs per PUT of 1 KiB to three peers: send to all, then read from all."""
    host = green.make_host()
    pool = Pool(host, conn_timeout=1.0)
    body = b"x" * 1024
    addresses = [("127.0.0.1", port) for port in ports]
    headers = [(name, value) for name, value in REQUEST_HEADERS.items()]

    def one_put() -> None:
        head = render_head("PUT", "/sda/1/a/c/o", headers, addresses[0], content_length=len(body))
        deadline = host.clock.monotonic() + 10
        exchanges = [pool.open(a, head, body=body, deadline=deadline) for a in addresses]
        for exchange in exchanges:
            answer = exchange.answer(deadline)
            answer.read_all(1024)
            answer.close()

    def worker() -> int:
        count = 0
        while time.monotonic() < end:
            one_put()
            count += 1
        return count

    end = time.monotonic() + seconds
    before = own_cpu()
    tasks = [host.tasks.spawn(worker) for _ in range(16)]
    count = sum(task.wait() for task in tasks)
    pool.close()
    return (own_cpu() - before) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--copying", action="store_true", help="relay through a buffer")
    parser.add_argument("what", nargs="*", default=["get", "put", "peers"])
    options = parser.parse_args()
    Peers.spliced = not options.copying
    LargeFile.fd = os.open("/var/tmp", os.O_TMPFILE | os.O_RDWR)
    for _ in range(FILE_BYTES >> 20):
        os.write(LargeFile.fd, bytes(1 << 20))
    servers = [start_server() for _ in range(3)]
    try:
        pid, port = servers[0]
        works: dict[str, Callable[[], float]] = {
            "get": lambda: served(pid, port, options, None),
            "put": lambda: served(pid, port, options, PUT_SCRIPT),
            "peers": lambda: peers([port for _, port in servers], options.seconds),
            "file": lambda: sent(pid, port, "/file", options),
            "relay": lambda: sent(pid, port, f"/relay/{servers[1][1]}", options),
        }
        for name in options.what:
            figures = [works[name]() for _ in range(options.rounds)]
            shown = " ".join(f"{figure:.1f}" for figure in figures)
            unit = "ms/GB" if name in ("file", "relay") else "µs"
            median = statistics.median(figures)
            print(f"{name:6} {median:6.1f} {unit} CPU   ({shown})", flush=True)
    finally:
        for pid, _ in servers:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
