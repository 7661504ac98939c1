"""How the cost of a request grows: with objects, rows, clients, body sizes and workers.

    python tools/bench/growth.py objects --dir DIR --json growth.json [--at 10000,100000,1000000]
    python tools/bench/growth.py rows    --dir DIR --json growth.json [--at 10000,…,10000000]
    python tools/bench/growth.py clients --dir DIR --json growth.json [--at 1,10,100,1000]
    python tools/bench/growth.py sizes   --dir DIR --json growth.json [--at 0,1K,1M,1G]
    python tools/bench/growth.py workers --dir DIR --json growth.json [--at 1,2,3,4]
    python tools/bench/growth.py plot --json growth.json --plots doc/performance

Each starts an embedded cluster in DIR (kept, so that one that has been filled is filled further),
and measures at each place: utime + stime of the servers over --seconds, divided by what was
answered well. Daemons stand still meanwhile. `objects` and `rows` have one device, one replica and
one proxy process, the others the cluster as it is made without options. --fill-only prepares and
measures nothing. What is measured takes the place of the same points in the JSON file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, repeat
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from swiftlite.cli.bench.endpoint import log_in  # noqa: E402
from swiftlite.cli.bench.figures import Figures  # noqa: E402
from swiftlite.cli.bench.load import Call, Driver  # noqa: E402
from swiftlite.cli.bench.measuring import measure  # noqa: E402
from swiftlite.cli.bench.processes import cpu_seconds, with_descendants  # noqa: E402
from swiftlite.cli.bench.works import Container  # noqa: E402
from swiftlite.config.units import parse_bytes  # noqa: E402
from swiftlite.host import bundle, green  # noqa: E402
from tools.bench.filling import fill_objects, fill_rows  # noqa: E402
from tools.bench.growth_plots import write_plots  # noqa: E402
from tools.bench.rows import Replicas  # noqa: E402
from tools.embedded import Embedded  # noqa: E402

HOST = bundle.install(green.make_host())
SINGLE = ("--devices", "1", "--replicas", "1", "--workers", "1")
FILLED = "filled"
SMALL = 1024
LARGE = 1 << 20
PAGE = 10_000
Point = dict[str, Any]


class Growth:
    """One kind of growth: a cluster, and what is measured on it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        root = options.dir.absolute() / options.what
        single = SINGLE if options.what in ("objects", "rows") else ()
        self.cluster = Embedded(root, options.port, options.storage_port, *single)
        self.points: list[Point] = []

    def run(self) -> None:
        works: dict[str, Callable[[int], None]] = {
            "objects": self.objects,
            "rows": self.rows,
            "clients": self.clients,
            "sizes": self.sizes,
            "workers": self.workers,
        }
        for at in self.options.at:
            works[self.options.what](at)

    # What grows

    def objects(self, objects: int) -> None:
        """So many objects on one device; GET and HEAD of any, PUT of new ones."""
        self._filled("objects", range(objects), partial(fill_objects, size=SMALL))
        if self.options.fill_only:
            return
        with self.cluster.without_daemons():
            driver = self._driver()
            chance = random.Random(objects)
            for verb in ("GET", "HEAD"):
                calls = (
                    Call(verb, f"/{FILLED}/o{chance.randrange(objects)}", 0, (200,))
                    for _ in count()
                )
                self._measure(objects, verb, driver, calls)
            container = Container(driver, f"put-{objects}", pause=HOST.tasks.sleep)
            container.make()
            self._measure(objects, "PUT", driver, container.calls("put", SMALL))
            container.remove()
            driver.close()

    def rows(self, rows: int) -> None:
        """So many rows in one container: even numbers; new ones go between them."""
        self._filled("rows", range(0, 2 * rows, 2), fill_rows)
        if self.options.fill_only:
            return
        with self.cluster.without_daemons():
            driver = self._driver()
            account = driver.endpoint.root.rpartition("/")[2]
            replicas = Replicas(HOST, self.cluster.swift_dir, account, FILLED)
            middle = f"photos/2026/{rows:010d}.jpg"
            pages = {
                "first page of 10,000": f"limit={PAGE}",
                "page of 10,000 in the middle": f"limit={PAGE}&marker={middle}",
                "page of 100 in the middle": f"limit=100&marker={middle}",
                "100 folders below a prefix": "limit=100&prefix=photos/2026/00000&delimiter=.",
                "the one folder of all": "delimiter=/",
            }
            for name, query in pages.items():
                call = Call("GET", f"/{FILLED}?format=json&{query}", 0, (200,))
                self._measure(rows, name, driver, repeat(call), clients=2)
            self._measure(rows, "HEAD", driver, repeat(Call("HEAD", f"/{FILLED}", 0, (204,))))
            self._rows_told(rows, replicas)
            driver.close()

    def clients(self, clients: int) -> None:
        with self.cluster.without_daemons():
            driver = self._driver()
            container = Container(driver, f"clients-{clients}", pause=HOST.tasks.sleep)
            container.make()
            container.seed(SMALL, 200)
            for work in ("get", "put"):
                calls = container.calls(work, SMALL)
                self._measure(clients, work.upper(), driver, calls, clients=clients)
            container.remove()
            driver.close()

    def sizes(self, size: int) -> None:
        with self.cluster.without_daemons():
            driver = self._driver()
            container = Container(driver, f"sizes-{size}", pause=HOST.tasks.sleep)
            container.make()
            container.seed(size, 2 if size >= LARGE else 100)
            for work in ("get", "put"):
                calls = container.calls(work, size)
                self._measure(size, work.upper(), driver, calls, clients=2, size=size)
            container.remove()
            driver.close()

    def workers(self, workers: int) -> None:
        """So many processes of the proxy, or of each storage server; the other has one."""
        for name, proxies, storage in (("proxy", workers, 0), ("storage", 1, workers)):
            root = self.cluster.root.with_name(f"{name}-{workers}")
            self.cluster = Embedded(
                root, self.options.port, self.options.storage_port, "--workers", str(proxies)
            )
            with self.cluster:
                pass  # makes the folder
            self.cluster.configure("workers", storage, "*-server/*.conf")
            with self.cluster.without_daemons():
                driver = self._driver()
                container = Container(driver, "workers", pause=HOST.tasks.sleep)
                container.make()
                container.seed(SMALL, 200)
                for work in ("get", "put"):
                    label = f"{work.upper()}, {name} workers"
                    calls = container.calls(work, SMALL)
                    self._measure(workers, label, driver, calls, clients=64)
                container.remove()
                driver.close()

    # How it is measured

    def _measure(
        self,
        at: int,
        name: str,
        driver: Driver,
        calls: Iterator[Call],
        *,
        clients: int = 16,
        size: int = SMALL,
    ) -> None:
        pids = self.cluster.servers()
        found = measure(
            HOST, driver, name, calls, size=size, concurrency=clients,
            seconds=self.options.seconds, pids=pids,
        )  # fmt: skip
        self._point(at, name, _facts(found))

    def _rows_told(self, rows: int, replicas: Replicas) -> None:
        chance = random.Random(rows)
        numbers = (2 * chance.randrange(rows) + 1 for _ in count())
        pids = with_descendants(self.cluster.servers())
        before, start = cpu_seconds(pids), HOST.clock.monotonic()
        told = replicas.load(self.options.seconds, 4, numbers)
        used, took = cpu_seconds(pids) - before, HOST.clock.monotonic() - start
        facts = {"cpu_ms": used / told.rows * 1e3, "per_second": told.rows / took,
                 "errors": {"failed": told.failed} if told.failed else {}}  # fmt: skip
        self._point(rows, "a row told, 200 in a call", facts)

    def _point(self, at: int, name: str, facts: Point) -> None:
        point = {"what": self.options.what, "at": at, "name": name, **facts}
        self.points.append(point)
        say(f"{self.options.what} {at}: {name}: {json.dumps(facts)}")

    def _driver(self) -> Driver:
        return Driver(HOST, log_in(HOST, self.cluster.auth_url, "test:tester", "testing"))

    def _filled(self, what: str, numbers: range, fill: Callable[..., None]) -> None:
        """Have these objects or rows; what earlier runs have filled in is there already."""
        root, mark = self.cluster.root, self.cluster.root / f"{what}.filled"
        if not mark.exists():
            with self.cluster:
                driver = self._driver()
                driver.one(Call("PUT", f"/{FILLED}"))
                account = driver.endpoint.root.rpartition("/")[2]
                driver.close()
            mark.write_text(f"{account} 0\n")
        account, known = mark.read_text().split()
        missing = numbers[int(known) :]
        if missing:
            fill(
                self.cluster.swift_dir, root / "srv" / "node1", (account, FILLED), missing,
                tell=lambda done: say(f"{int(known) + done} {what} are there"),
            )  # fmt: skip
            mark.write_text(f"{account} {len(numbers)}\n")


def _facts(found: Figures) -> Point:
    return {
        "cpu_ms": found.cpu_ms,
        "cpu_s_per_gb": found.cpu_s_per_gb,
        "per_second": round(found.per_second, 2),
        "requests": found.requests,
        **{f"{name}_ms": round(value, 2) for name, value in found.latency_ms.items()},
        "own_cpu_share": round(found.own_cpu_s / found.seconds, 2),
        "errors": found.errors,
    }


PLACES = {
    "objects": "10000,30000,100000,300000,1000000",
    "rows": "10000,100000,1000000,10000000",
    "clients": "1,3,10,30,100,300,1000",
    "sizes": "0,1K,16K,64K,256K,1M,4M,16M,64M,256M,1G",
    "workers": "1,2,3,4",
}


def merged(old: list[Point], new: list[Point]) -> list[Point]:
    """New points in the place of the same ones."""
    keys = {(one["what"], one["at"], one["name"]) for one in new}
    return [one for one in old if (one["what"], one["at"], one["name"]) not in keys] + new


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("what", choices=[*PLACES, "plot"])
    add("--at", help="where it is measured: " + "; ".join(PLACES.values()))
    add("--dir", type=Path, default=Path("growth"))
    add("--json", type=Path, required=True)
    add("--plots", type=Path, default=Path("doc/performance"))
    add("--seconds", type=float, default=4.0)
    add("--port", type=int, default=18_082)
    add("--storage-port", type=int, default=18_300)
    add("--fill-only", action="store_true")
    options = parser.parse_args()
    known: list[Point] = json.loads(options.json.read_text()) if options.json.exists() else []
    if options.what == "plot":
        write_plots(options.plots, known)
        return 0
    options.at = [parse_bytes(one) for one in (options.at or PLACES[options.what]).split(",")]
    growth = Growth(options)
    try:
        growth.run()
    finally:
        if growth.points:
            points = merged(known, growth.points)
            options.json.write_text(json.dumps(points, indent=1) + "\n")
    return 1 if any(point["errors"] for point in growth.points) else 0


if __name__ == "__main__":
    sys.exit(main())
