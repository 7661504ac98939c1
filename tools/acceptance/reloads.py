"""Requests at a steady rate while servers reload, the proxy each time and storage servers in turn.

Requests are due at fixed times whatever became of those before them, on connections that are kept
and on new ones; one that is answered with 5xx, wrongly or not at all is counted, none is repeated.
With --beside every reload also takes its server to the other one of two commits, so that both
versions work side by side all the time.

Usage: python -m tools.acceptance.reloads [--seconds 300] [--rate 200] [--every 10]
           [--beside COMMIT]
Exit code 0 when no request failed and every reload went well.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from swiftlite.cli.embedded.confs import Front
from swiftlite.cli.embedded.create import create, new_marker, write_confs
from swiftlite.cli.embedded.layout import HOST, Layout, ServerName
from swiftlite.host import plain

REPOSITORY = Path(__file__).resolve().parents[2]
NODES = 3
CLIENTS = 32
NAMES = 200
USER, KEY = "test:tester", "testing"


class Cluster:
    """Every server a process of its own, with a link of its own to the code that it runs."""

    def __init__(self, root: Path, port: int, codes: list[Path]) -> None:
        self.layout = Layout(root, NODES, port + 1)
        self.port = port
        self._codes = codes
        self._processes: dict[ServerName, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        layout = self.layout
        front = Front(HOST, self.port, 2, True, KEY)
        marker = create(layout, new_marker(NODES, 3, layout.first_port), plain.make_host())
        write_confs(layout, marker, front)
        for server in layout.servers:
            conf = layout.conf(server)
            conf.write_text(conf.read_text().replace("workers = 0", "workers = 1"))
            link = self._link(server)
            link.symlink_to(self._codes[0])
            command = link / "bin" / f"swiftlite-{server.kind}-server"
            with layout.log(server).open("ab") as log:
                self._processes[server] = subprocess.Popen(
                    [sys.executable, str(command), str(conf)], stdout=log, stderr=log
                )
        for server in layout.servers:
            self._wait_until_up(server)

    def _link(self, server: ServerName) -> Path:
        return self.layout.run / f"code-{server.log_name}"

    def _wait_until_up(self, server: ServerName) -> None:
        port = self.port if server.kind == "proxy" else self.layout.port(server)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 5):
                return
            time.sleep(0.1)
        raise SystemExit(f"{server.label} does not start, see {self.layout.log(server)}")

    def reload(self, server: ServerName) -> bool:
        """By the operators' command, which waits until the new workers serve."""
        link = self._link(server)
        current = self._codes.index(link.resolve())
        changed = link.with_suffix(".new")
        changed.symlink_to(self._codes[(current + 1) % len(self._codes)])
        changed.rename(link)
        pid = str(self._processes[server].pid)
        command = [sys.executable, str(REPOSITORY / "bin/swiftlite-reload"), "-t", "60", pid]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # launchers look for python3
        environ = {**os.environ, "PATH": path}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{server.label}: {done.stdout}{done.stderr}".strip(), flush=True)
        return done.returncode == 0

    def stop(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


class Load:
    """Clients that share one timetable. Names are never shared, so each answer is known."""

    def __init__(self, port: int, rate: float) -> None:
        self._port, self._rate = port, rate
        self._due = itertools.count()
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self.stopped = threading.Event()
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.took: list[tuple[float, float, str]] = []  # seconds, when it began, verb
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        head = {"X-Auth-User": USER, "X-Auth-Key": KEY}
        connection.request("GET", "/auth/v1.0", headers=head)
        answer = connection.getresponse()
        self._head = {"X-Auth-Token": answer.headers["X-Auth-Token"]}
        answer.read()
        connection.request("PUT", "/v1/AUTH_test/c", headers=self._head)
        assert connection.getresponse().status == 201

    def run(self) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _client(self, number: int) -> None:
        """Even ones keep their connection, odd ones make one for each request."""
        chance = random.Random(number)
        known: dict[str, bytes] = {}
        kept = http.client.HTTPConnection(HOST, self._port, timeout=60)
        while not self.stopped.is_set():
            with self._lock:
                due = self._began + next(self._due) / self._rate
            time.sleep(max(0.0, due - time.monotonic()))
            fresh = http.client.HTTPConnection(HOST, self._port, timeout=60)
            connection = fresh if number % 2 else kept
            began = time.monotonic()
            name = f"{number}-{chance.randrange(NAMES)}"
            verb, fault = self._act(connection, chance, name, known)
            fresh.close()
            with self._lock:
                self.done[verb] += 1
                took = time.monotonic() - began
                self.took.append((took, began - self._began, verb))
                if fault:
                    at = time.monotonic() - self._began
                    self.wrong.append(
                        f"{at:.1f} s: {verb} on {'new' if number % 2 else 'kept'}: {fault}"
                    )

    def _act(
        self,
        connection: http.client.HTTPConnection,
        chance: random.Random,
        name: str,
        known: dict[str, bytes],
    ) -> tuple[str, str]:
        """One request; its verb, and what was wrong."""
        verb = chance.choices(("GET", "PUT", "HEAD", "DELETE", "LIST"), (50, 25, 15, 7, 3))[0]
        body = chance.randbytes(1024) if verb == "PUT" else b""
        path = "/v1/AUTH_test/c" + (f"/{name}" if verb != "LIST" else "?limit=100")
        try:
            method = "GET" if verb == "LIST" else verb
            connection.request(method, path, body or None, self._head)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return verb, repr(error)
        held = known.get(name)
        wanted = {"PUT": (201,), "LIST": (200, 204), "DELETE": (204,) if held else (404,)}
        if answer.status not in wanted.get(verb, (200,) if held else (404,)):
            return verb, f"{answer.status} for {name}"
        if verb == "GET" and held and content != held:
            return verb, f"other bytes for {name}"
        if verb == "PUT":
            known[name] = body
        elif verb == "DELETE":
            known.pop(name, None)
        return verb, ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--every", type=float, default=10.0, help="seconds from reload to reload")
    parser.add_argument("--beside", metavar="COMMIT", help="reload to and from this commit")
    parser.add_argument("--dir", type=Path, help="the cluster's folder (a temporary one)")
    parser.add_argument("--port", type=int, default=18_280, help="and those that follow")
    options = parser.parse_args()
    root = Path(options.dir or tempfile.mkdtemp(prefix="reloads-"))
    root.mkdir(parents=True, exist_ok=True)
    codes = [REPOSITORY]
    if options.beside:
        codes.append(_checkout(options.beside, root / "beside"))
    cluster = Cluster(root, options.port, codes)
    try:
        cluster.start()
        went_well = _run(cluster, options)
    finally:
        cluster.stop()
    if went_well:
        shutil.rmtree(root)
    else:
        print(f"logs are in {cluster.layout.logs}")
    return 0 if went_well else 1


def _run(cluster: Cluster, options: argparse.Namespace) -> bool:
    load = Load(cluster.port, options.rate)
    threads = load.run()
    began, reloads, failed = time.monotonic(), 0, 0
    for servers in _turns(cluster.layout):
        left = began + (reloads // 2 + 1) * options.every - time.monotonic()
        time.sleep(max(0.0, left))
        if time.monotonic() - began >= options.seconds:
            break
        for server in servers:
            failed += not cluster.reload(server)
            reloads += 1
    load.stopped.set()
    for thread in threads:
        thread.join()
    _report(load, time.monotonic() - began)
    print(f"{reloads} reloads, {failed} failed")
    return not load.wrong and not failed


def _report(load: Load, seconds: float) -> None:
    total = load.done.total()
    print(f"{total} requests in {seconds:.0f} s, {total / seconds:.0f} a second: {dict(load.done)}")
    slowest = sorted(load.took, reverse=True)
    middle, last = slowest[total // 2][0], slowest[total // 100][0]
    print(f"median {middle * 1000:.1f} ms, 99 % {last * 1000:.1f} ms; slowest:")
    for took, at, verb in slowest[:5]:
        print(f"  {verb} at {at:.1f} s: {took:.2f} s")
    print(f"{len(load.wrong)} requests went wrong", *load.wrong[:20], sep="\n  ")


def _turns(layout: Layout) -> Iterator[tuple[ServerName, ServerName]]:
    """The proxy each time, and one storage server after the other."""
    *storage, proxy = layout.servers
    for server in itertools.cycle(storage):
        yield proxy, server


def _checkout(commit: str, folder: Path) -> Path:
    folder.mkdir()
    archive = subprocess.check_output(["git", "archive", "--format=tar", commit], cwd=REPOSITORY)
    subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive, check=True)
    return folder.resolve()


if __name__ == "__main__":
    sys.exit(main())
