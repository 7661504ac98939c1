"""Times the ring, beside an installed OpenStack Swift when one is named.

    ring.py [--swift-python /path/to/python] [--large] [--json FILE]

CPU seconds of one process, medians where a thing is repeated. --large adds part powers 20 and 22.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import timeit
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any

from swiftlite.ring import Ring, RingBuilder
from swiftlite.ring.device import Device
from swiftlite.vocab.hashing import HashPath

HASH_PATH = HashPath(b"changeme", b"changeme")
HOUR = 3600.0


def add_devices(builder: RingBuilder, count: int, first: int = 0) -> None:
    """2 regions, 10 zones, 10 devices a server, every fourth server of half weight."""
    for number in range(first, first + count):
        server = number // 10
        builder.add_device(
            region=1 + server % 2,
            zone=1 + server // 2 % 5,
            ip=f"10.0.{server // 250}.{server % 250 + 1}",
            port=6200,
            device=f"d{number % 10}",
            weight=100 if server % 4 else 50,
        )


def rebalanced(builder: RingBuilder, now: float) -> dict[str, float]:
    """One rebalance, timed."""
    begin = process_time()
    done = builder.rebalance(now, seed="1")
    return {
        "cpu": process_time() - begin,
        "moved": done.moved,
        "balance": done.balance,
        "dispersion": done.dispersion,
    }


def build(power: int, count: int) -> dict[str, Any]:
    """First rebalance, five devices more, five less, then half as much weight again on a tenth."""
    builder = RingBuilder.create(power, 3, 1)
    add_devices(builder, count)
    results = {"first": rebalanced(builder, 1e9)}
    add_devices(builder, 5, count)
    results["plus5"] = rebalanced(builder, 1e9 + 2 * HOUR)
    for number in range(5):
        builder.remove_device(number * 37)
    results["minus5"] = rebalanced(builder, 1e9 + 4 * HOUR)
    for device in builder.listed()[::10]:
        builder.set_weight(device.id, device.weight * 1.5)
    results["weights"] = rebalanced(builder, 1e9 + 6 * HOUR)
    assert not list(builder.violations())
    return results


def huge() -> dict[str, Any]:
    """Part power 22, 10,000 devices in 5 regions, 4-byte ids, written as format 2."""
    builder = RingBuilder.create(22, 3, 1)
    builder.set_id_bytes(4)
    for number in range(10_000):
        region, rest = number % 5, number // 5
        builder.add_device(
            region=1 + region,
            zone=1 + rest // 200,
            ip=f"10.{region}.{rest // 200}.{rest // 10 % 20}",
            port=6200,
            device=f"d{rest % 10}",
            weight=100 if rest % 3 else 150,
            id=60_000 if number == 0 else None,  # Else the ids would be narrowed to two bytes.
        )
    result: dict[str, Any] = {"first": rebalanced(builder, 1e9)}
    assert builder.id_bytes == 4
    with tempfile.TemporaryDirectory() as folder:
        begin = process_time()
        builder.write_ring(f"{folder}/object.ring.gz", format_version=2)
        result["write_cpu"] = process_time() - begin
        begin = process_time()
        builder.save(f"{folder}/object.builder", new_id="0" * 32)
        result["save_cpu"] = process_time() - begin
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def make_ring(path: str, power: int, count: int) -> None:
    """A ring file to load."""
    builder = RingBuilder.create(power, 3, 1)
    add_devices(builder, count)
    builder.rebalance(1e9, seed="1")
    builder.write_ring(path)


def look_up(path: str) -> dict[str, float]:
    """Name to primaries and the first handoff, in seconds each."""
    ring = Ring.load(path, HASH_PATH)
    names = [f"object-{number}" for number in range(2000)]
    nodes = ring.nodes

    def all_names() -> None:
        for name in names:
            nodes("AUTH_test", "container", name)

    def all_handoffs() -> None:
        for partition in range(2000):
            next(ring.handoffs(partition))

    runs = timeit.repeat(all_names, number=5, repeat=9, timer=process_time)
    walks = timeit.repeat(all_handoffs, number=1, repeat=5, timer=process_time)
    return {
        "look_up": statistics.median(runs) / 5 / len(names),
        "first_handoff": statistics.median(walks) / 2000,
    }


def load(path: str, map_dir: str | None) -> float:
    """CPU seconds of one load in a process that has not loaded it before."""
    Device(0, 0, 0, "", 0, "", 0, "", 0.0)
    begin = process_time()
    Ring.load(path, HASH_PATH, map_dir=map_dir)
    return process_time() - begin


def loads(path: str, map_dir: str | None, workers: int = 8) -> list[float]:
    """The same in each of eight fresh workers, one after another."""
    with get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        return [pool.apply(load, (path, map_dir)) for _ in range(workers)]


def peer(python: str, *words: object) -> dict[str, Any]:
    """The same work by OpenStack Swift."""
    script = Path(__file__).with_name("ring_peer.py")
    done = subprocess.run(
        [python, str(script), *map(str, words)], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift-python")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        small, large = f"{folder}/small.ring.gz", f"{folder}/large.ring.gz"
        make_ring(small, 16, 500)
        make_ring(large, 18, 1000)
        results["ours"] = look_up(small) | {
            "load_plain": statistics.median(loads(large, None)),
            "load_mapped": statistics.median(loads(large, folder)[1:]),
            "16/500": build(16, 500),
        }
        if options.swift_python:
            results["swift"] = peer(options.swift_python, "look_up", large) | {
                "16/500": peer(options.swift_python, "build", 16, 500)
            }
    if options.large:
        results["ours"]["20/2000"] = build(20, 2000)
        with get_context("fork").Pool(1, maxtasksperchild=1) as pool:
            results["ours"]["22/10000"] = pool.apply(huge)
    text = json.dumps(results, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
