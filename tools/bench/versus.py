"""CPU of two (or more) Swift clusters for the same work, measured in turn in one run.

For every round and every work the sides get the same load, one after the other; what counts is
utime + stime of all server processes over the load, divided by what was answered well. Shared
machines drift, so quote medians and ratios of one run, never one side alone.

    python tools/bench/versus.py --rounds 3 \\
        --side ours=http://127.0.0.1:8080/auth/v1.0,tree:1234,/srv/cluster/etc \\
        --side theirs=http://127.0.0.1:8081/auth/v1.0,pidfiles:/run/swift,/etc/swift

A side is NAME=AUTH_URL,PROCESSES[,SWIFT_DIR]. Processes: tree:PID (it and its descendants),
pids:1+2+3, pidfiles:DIR (first word of each *.pid, with descendants), or servers:DIR (of those, the
proxy, account, container and object servers; what each kind took of users' and of the kernel's time
is told too). SWIFT_DIR (rings and swift.conf) is needed for `listing` and `rows`.

Works: put get head delete (--size, --clients); get-wrk (the same by wrk); get-large, put-large
(--large, 4 clients), get-stream (one client); listing (10,000 of --rows rows as JSON); rows (into
one container, to its server); pss; idle; tiny (our HTTP server alone; needs wrk).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from swiftlite.cli.bench.endpoint import log_in  # noqa: E402
from swiftlite.cli.bench.figures import Figures  # noqa: E402
from swiftlite.cli.bench.load import Call, Driver  # noqa: E402
from swiftlite.cli.bench.measuring import measure  # noqa: E402
from swiftlite.cli.bench.processes import (  # noqa: E402
    CpuTime,
    cpu_seconds,
    cpu_time,
    pss_mib,
    with_descendants,
)
from swiftlite.cli.bench.works import Container  # noqa: E402
from swiftlite.config.units import parse_bytes  # noqa: E402
from swiftlite.host import bundle, green  # noqa: E402
from tools.bench.rows import Replicas  # noqa: E402

HOST = bundle.install(green.make_host())
LARGE_CLIENTS = 4
ROWS_CONTAINER = "versus-rows"
_SERVER = re.compile(r"(proxy|account|container|object|memcached)(?:-server)?(?:-\d+)?")
LUA = """
local headers = { ["X-Auth-Token"] = "%s" }
local serial = 0
function request()
  serial = (serial + 1) %% %d
  return wrk.format("GET", "%s/seed-%d-" .. serial, headers)
end
function done(summary)
  local wrong = summary.errors
  io.write(string.format("RESULT %%d %%d\\n", summary.requests,
    wrong.status + wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
"""


class Result(NamedTuple):
    """cost: in the work's unit. rate: of what the work counts, a second."""

    cost: float
    rate: float
    failed: int
    parts: dict[str, CpuTime] | None = None
    """Of the cost, by kind of server, where those are known."""


def _pid_in(file: Path) -> int:
    return int(file.read_text().split()[0])


@dataclass(slots=True)
class Side:
    name: str
    processes: str
    swift_dir: str
    driver: Driver
    container: Container
    path: str  # of the container, with the account's
    filled: Replicas | None = None

    @classmethod
    def parse(cls, text: str, options: argparse.Namespace) -> Side:
        name, _, rest = text.partition("=")
        auth_url, processes, *swift_dir = rest.split(",")
        endpoint = log_in(HOST, auth_url, options.user, options.key)
        driver = Driver(HOST, endpoint)
        bench = f"versus-{int(HOST.clock.wall())}"
        container = Container(driver, bench, pause=HOST.tasks.sleep)
        container.make()
        side = cls(name, processes, "".join(swift_dir), driver, container, "")
        side.path = f"{endpoint.root}/{bench}"
        return side

    def pids(self) -> list[int]:
        kind, _, what = self.processes.partition(":")
        if kind == "pids":
            return [int(pid) for pid in what.split("+")]
        if kind == "tree":
            return [int(what)]
        if kind == "pidfiles":
            return [_pid_in(path) for path in Path(what).glob("*.pid")]
        if kind == "servers":
            return [pid for pids in self.kinds().values() for pid in pids]
        raise SystemExit(
            f"{self.name}: processes are tree:PID, pids:1+2, pidfiles:DIR or servers:DIR"
        )

    def kinds(self) -> dict[str, list[int]]:
        """Server processes by what they serve; empty when that is not known."""
        kind, _, what = self.processes.partition(":")
        found: dict[str, list[int]] = {}
        for path in sorted(Path(what).glob("*.pid")) if kind == "servers" else ():
            if server := _SERVER.fullmatch(path.stem):
                found.setdefault(server[1], []).append(_pid_in(path))
        return found

    def cpu_by_kind(self) -> dict[str, CpuTime]:
        return {kind: cpu_time(with_descendants(pids)) for kind, pids in self.kinds().items()}

    def rows(self, options: argparse.Namespace) -> Replicas:
        """The replicas of a container that holds --rows rows; kept between runs."""
        if self.filled is None:
            if not self.swift_dir:
                raise SystemExit(f"{self.name}: listing and rows need its SWIFT_DIR")
            account = self.path.split("/")[2]
            self.driver.one(Call("PUT", f"/{ROWS_CONTAINER}"))
            self.filled = Replicas(HOST, self.swift_dir, account, ROWS_CONTAINER)
            last = f"photos/2026/{options.rows - 1:010d}.jpg"
            there = Call("GET", f"/{ROWS_CONTAINER}?limit=1&prefix={last}")
            if self.driver.one(there) != 200:  # nothing of that name: 204
                self.filled.fill(
                    range(options.rows), lambda done: say(f"{self.name}: {done} rows are there")
                )
        return self.filled


@dataclass(slots=True)
class Works:
    """What each work does to one side."""

    options: argparse.Namespace
    all: dict[str, tuple[str, Callable[[Side], Result]]] = field(init=False)

    def __post_init__(self) -> None:
        small, large = self.options.size, self.options.large
        clients = self.options.clients
        self.all = {
            "put": ("ms", lambda side: self.bench(side, "put", small, clients)),
            "get": ("ms", lambda side: self.bench(side, "get", small, clients)),
            "head": ("ms", lambda side: self.bench(side, "head", small, clients)),
            "delete": ("ms", lambda side: self.bench(side, "delete", small, clients)),
            "get-wrk": ("ms", self.wrk),
            "get-large": ("s/GB", lambda side: self.bench(side, "get", large, LARGE_CLIENTS)),
            "get-stream": ("s/GB", lambda side: self.bench(side, "get", large, 1)),
            "put-large": ("s/GB", lambda side: self.bench(side, "put", large, LARGE_CLIENTS)),
            "listing": ("ms", self.listing),
            "rows": ("µs", self.rows),
            "pss": ("MiB", lambda side: Result(pss_mib(with_descendants(side.pids())), 0, 0)),
            "idle": ("% of a core", self.idle),
            "tiny": ("µs", self.tiny),
        }

    def bench(self, side: Side, work: str, size: int, clients: int) -> Result:
        is_large = size >= 1 << 20
        if work in ("get", "head"):
            side.container.seed(size, 4 if is_large else self.options.objects)
        if work == "delete":
            side.container.ready_to_delete(size, self.options.objects)
        before = side.cpu_by_kind()
        found = self.measured(side, work, side.container.calls(work, size), size, clients)
        after = side.cpu_by_kind()
        if is_large:
            cost, done = found.cpu_s_per_gb, found.body_bytes / 1e9
            rate = done / found.seconds
        else:
            cost, done = found.cpu_ms, found.requests / 1e3
            rate = found.per_second
        if cost is None:
            raise SystemExit(f"{side.name}: not one {work} was answered well: {found.errors}")
        parts = {
            kind: CpuTime((now.user - then.user) / done, (now.system - then.system) / done)
            for (kind, then), now in zip(before.items(), after.values(), strict=True)
        }
        return Result(cost, rate, sum(found.errors.values()), parts)

    def measured(
        self, side: Side, work: str, calls: Iterator[Call], size: int, clients: int
    ) -> Figures:
        return measure(
            HOST,
            side.driver,
            work,
            calls,
            size=size,
            concurrency=clients,
            seconds=self.options.seconds,
            pids=side.pids(),
        )

    def listing(self, side: Side) -> Result:
        side.rows(self.options)
        step = max(1, self.options.rows // 97)
        calls = (
            Call(
                "GET",
                f"/{ROWS_CONTAINER}?format=json&limit=10000&marker=photos/2026/"
                f"{n * step % max(1, self.options.rows - 10_000):010d}.jpg",
                wanted=(200,),
            )
            for n in count()
        )
        found = self.measured(side, "listing", calls, 0, 2)
        if found.cpu_ms is None:
            raise SystemExit(f"{side.name}: not one listing was answered well: {found.errors}")
        return Result(found.cpu_ms, found.per_second, sum(found.errors.values()))

    def rows(self, side: Side) -> Result:
        replicas = side.rows(self.options)
        pids, start = with_descendants(side.pids()), HOST.clock.monotonic()
        before = cpu_seconds(pids)
        told = replicas.load(self.options.seconds, 4 if replicas.takes_many else 16)
        took = HOST.clock.monotonic() - start
        return Result((cpu_seconds(pids) - before) / told.rows * 1e6, told.rows / took, told.failed)

    def wrk(self, side: Side) -> Result:
        side.container.seed(self.options.size, self.options.objects)
        endpoint = side.driver.endpoint
        script = LUA % (endpoint.token, self.options.objects, side.path, self.options.size)
        pids = with_descendants(side.pids())
        before = cpu_seconds(pids)
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script)
            file.flush()
            host, port = endpoint.address[0], endpoint.address[1]
            command = ["wrk", "-t1", f"-c{self.options.clients}", f"-d{self.options.seconds:g}s"]
            command += ["--timeout=30s", "-s", file.name, f"http://{host}:{port}/"]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        requests, failed = map(int, re.findall(r"RESULT (\d+) (\d+)", output)[0])
        good = requests - failed
        cost = (cpu_seconds(pids) - before) / good * 1e3
        return Result(cost, good / self.options.seconds, failed)

    def idle(self, side: Side) -> Result:
        pids = with_descendants(side.pids())
        before = cpu_seconds(pids)
        HOST.tasks.sleep(self.options.idle_seconds)
        used = cpu_seconds(pids) - before
        return Result(used / self.options.idle_seconds * 100, 0, 0)

    def tiny(self, side: Side) -> Result:
        """Does not depend on the side."""
        tool = [sys.executable, str(HERE.with_name("http_core.py")), "get", "--rounds", "1"]
        output = subprocess.run(tool, check=True, capture_output=True, text=True).stdout
        return Result(float(output.split()[1]), 0, 0)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(parts: Mapping[str, CpuTime]) -> str:
    """User and system time by kind of server: `, object 0.892 + 0.741`."""
    return "".join(f", {kind} {part.user:.3f} + {part.system:.3f}" for kind, part in parts.items())


def run(sides: Sequence[Side], works: Works) -> dict[str, dict[str, list[Result]]]:
    results: dict[str, dict[str, list[Result]]] = {}
    for number in range(works.options.rounds):
        for work in works.options.works:
            unit, measure_one = works.all[work]
            for side in sides if number % 2 == 0 else sides[::-1]:
                if work == "tiny" and side is not sides[0]:
                    continue
                found = measure_one(side)
                results.setdefault(work, {}).setdefault(side.name, []).append(found)
                say(
                    f"{number + 1}: {work:10} {side.name:10} {found.cost:10.3f} {unit:11}"
                    f" {found.rate:10.2f}/s, {found.failed} failed{_told(found.parts or {})}"
                )
    return results


def summary(works: Works, results: dict[str, dict[str, list[Result]]]) -> str:
    """A table in Markdown: medians, the spread between the rounds, and how many times as dear the
    last side is as each other one."""
    names = list(next(iter(results.values())))
    lines = ["| work | " + " | ".join(names) + " | |", "|" + " --- |" * (len(names) + 2)]
    for work, by_side in results.items():
        unit = works.all[work][0]
        cells, medians = [], []
        for found in by_side.values():
            costs = [one.cost for one in found]
            medians.append(statistics.median(costs))
            cells.append(f"{medians[-1]:.3g} {unit} ({min(costs):.3g} to {max(costs):.3g})")
        cells += [""] * (len(names) - len(cells))
        ratios = ", ".join(f"{medians[-1] / one:.1f}×" for one in medians[:-1] if one)
        lines.append(f"| {work} | " + " | ".join(cells) + f" | {ratios} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--side", action="append", required=True, help="NAME=AUTH_URL,PROCESSES[,SWIFT_DIR]")
    add("--user", default="test:tester")
    add("--key", default="testing")
    add("--works", type=lambda text: text.split(","), default=["get", "head", "put", "delete"])
    add("--rounds", type=int, default=3)
    add("--seconds", type=float, default=4.0)
    add("--idle-seconds", type=float, default=20.0)
    add("--clients", type=int, default=32)
    add("--size", type=parse_bytes, default=1024)
    add("--large", type=parse_bytes, default=256 << 20)
    add("--objects", type=int, default=200, help="that GET and HEAD turn to")
    add("--rows", type=int, default=1_000_000, help="in the container that is listed")
    add("--json", type=Path, help="write every figure there")
    options = parser.parse_args()
    works = Works(options)
    if strange := set(options.works) - set(works.all):
        parser.error(f"no such work: {', '.join(strange)}")
    sides = [Side.parse(text, options) for text in options.side]
    try:
        results = run(sides, works)
    finally:
        for side in sides:
            say(f"{side.name}: cleaning up")
            side.container.remove()
    print(summary(works, results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
