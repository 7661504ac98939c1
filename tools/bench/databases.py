#!/usr/bin/env python3
"""What rows and listings cost: CPU of this process, databases on a folder of your choice.

    tools/bench/databases.py [--folder DIR] [--rows N] [--listing-rows N]

CPU is utime + stime over the work; wall time is given beside it and means little on a shared
machine. Rows are durable when they count, as they are for a client.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

from swiftlite.config.units import Reserve
from swiftlite.container.answers import listing_response
from swiftlite.dbstore import (
    CONTAINER_KIND,
    ContainerBroker,
    Devices,
    Engine,
    StoreSettings,
    Window,
)
from swiftlite.dbstore.container import Put
from swiftlite.dbstore.rows import ObjectRow, object_row, object_row_from_json
from swiftlite.host import green
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.timestamp import Timestamp

HASH_PATH = HashPath(b"", b"bench")
HOST = green.make_host()
NOW = Timestamp.from_seconds(1_700_000_000)


def engine(folder: Path, **settings: object) -> Engine[ObjectRow]:
    (folder / "d").mkdir(parents=True, exist_ok=True)
    devices = Devices(HOST.disk, str(folder), False, Reserve())
    chosen = dataclasses.replace(StoreSettings(HASH_PATH), **settings)  # type: ignore[arg-type]  # names of settings
    return Engine(CONTAINER_KIND, devices, HOST, chosen, Log("bench", sink=NullSink()))


def container(made: Engine[ObjectRow], name: str) -> ContainerBroker:
    broker = ContainerBroker(made, made.place("d", "1", HASH_PATH.hex("a", name)))
    broker.put("a", name, Put(NOW, None, 0, {}), Limits(), NOW)
    return broker


def wire_rows(count: int, seed: int, later: int = 0) -> list[dict[str, object]]:
    chance = random.Random(seed)
    return [
        {
            "name": f"{chance.getrandbits(64):016x}/object-{number:08d}",
            "created_at": NOW.plus(number + later).normal,
            "size": number,
            "content_type": "application/octet-stream",
            "etag": f"{chance.getrandbits(128):032x}",
            "deleted": 0,
            "storage_policy_index": 0,
        }
        for number in range(count)
    ]


def measure(title: str, count: int, work: Callable[[], object]) -> None:
    cpu, wall = process_time(), perf_counter()
    work()
    cpu, wall = process_time() - cpu, perf_counter() - wall
    print(f"{title:58} {cpu / count * 1e6:8.1f} µs CPU  {count / wall:10,.0f} /s wall")


def at_once(jobs: Sequence[Callable[[], object]], tasks: int) -> None:
    """Run jobs, so many at a time."""
    waiting = iter(jobs)

    def work() -> None:
        for job in waiting:
            job()

    for task in [HOST.tasks.spawn(work) for _ in range(tasks)]:
        task.wait()


def bench_rows(folder: Path, count: int) -> None:
    for index in ("covering", "swift"):
        made = engine(folder / index, listing_index=index)
        for tasks in (1, 16, 64, 256):
            broker = container(made, f"single-{tasks}")
            rows = [object_row(**row) for row in wire_rows(count, tasks)]  # type: ignore[arg-type]  # columns
            jobs = [partial(broker.merge_rows, [row]) for row in rows]
            measure(
                f"one row a request, {tasks} at once, {index}", count, partial(at_once, jobs, tasks)
            )
        for size in (64, 512):
            broker = container(made, f"batch-{size}")
            bodies = batches(wire_rows(count, size), size)
            for title in ("new", "the same again, later"):
                jobs = [partial(take, broker, body) for body in bodies]
                measure(f"{size} rows a call, {title}, {index}", count, partial(at_once, jobs, 4))
                bodies = batches(wire_rows(count, size, later=10**6), size)
        made.close()


def batches(rows: Sequence[dict[str, object]], size: int) -> list[bytes]:
    return [json.dumps(rows[at : at + size]).encode() for at in range(0, len(rows), size)]


def take(broker: ContainerBroker, body: bytes) -> None:
    broker.merge_rows([object_row_from_json(item) for item in json.loads(body)])


def bench_listings(folder: Path, count: int) -> None:
    for index in ("covering", "swift"):
        made = engine(folder / f"list-{index}", listing_index=index)
        broker = container(made, "large")
        rows = [object_row_from_json(row) for row in wire_rows(count, 7)]
        for at in range(0, count, 20_000):
            broker.merge_rows(rows[at : at + 20_000])
        names = sorted(row.name for row in rows)
        marker = names[len(names) // 2]

        def listing(broker: ContainerBroker = broker, **window: object) -> int:
            chosen = Window(**{"limit": 10_000, **window})  # type: ignore[arg-type]  # its fields
            facts, entries = broker.listing(chosen, None)
            listing_response(facts, entries, "application/json", [])
            return len(entries)

        listing(marker=marker)
        for title, window in (
            ("10,000 rows as JSON", {"marker": marker}),
            ("10,000 rows as JSON, reverse", {"marker": marker, "reverse": True}),
            ("10,000 folders as JSON", {"delimiter": "/"}),
            ("256 folders as JSON", {"prefix": marker[:2], "delimiter": marker[3]}),
            ("100 rows as JSON", {"marker": marker, "limit": 100}),
        ):
            run = partial(repeat, partial(listing, **window), 5)
            measure(f"{title} of {count:,}, {index}", 5, run)
        made.close()


def repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--listing-rows", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        if options.rows:
            bench_rows(folder, options.rows)
        if options.listing_rows:
            bench_listings(folder, options.listing_rows)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
