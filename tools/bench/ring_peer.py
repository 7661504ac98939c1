"""Times OpenStack Swift's ring: runs under the Python that has it; see ring.py beside this file.

Prints one JSON object: CPU seconds (medians where a thing is repeated).
"""

from __future__ import annotations

import json
import statistics
import sys
import timeit
from time import process_time
from typing import Any


def devices(count: int) -> list[dict[str, Any]]:
    """The same cluster as in ring.py: 2 regions, 10 zones, 10 devices a server, two weights."""
    made = []
    for number in range(count):
        server = number // 10
        made.append(
            {
                "region": 1 + server % 2,
                "zone": 1 + server // 2 % 5,
                "ip": f"10.0.{server // 250}.{server % 250 + 1}",
                "port": 6200,
                "replication_ip": f"10.0.{server // 250}.{server % 250 + 1}",
                "replication_port": 6200,
                "device": f"d{number % 10}",
                "weight": 100.0 if server % 4 else 50.0,
                "meta": "",
            }
        )
    return made


def build(power: int, count: int) -> dict[str, Any]:
    """First rebalance, then five devices more, then five less."""
    import swift.common.ring.builder as module

    now = [1e9]
    module.time = lambda: now[0]
    builder = module.RingBuilder(power, 3, 1)
    for device in devices(count):
        builder.add_dev(device)
    results: dict[str, Any] = {}

    def timed(what: str) -> None:
        now[0] += 7200
        begin = process_time()
        moved, balance, _ = builder.rebalance(seed="1")
        results[what] = {
            "cpu": process_time() - begin,
            "moved": moved,
            "balance": balance,
            "dispersion": builder.dispersion,
        }

    timed("first")
    for device in devices(count + 5)[count:]:
        builder.add_dev(device)
    timed("plus5")
    for number in range(5):
        builder.remove_dev(number * 37)
    timed("minus5")
    return results


def look_up(path: str) -> dict[str, float]:
    """Name to primaries, and loading."""
    from swift.common import utils
    from swift.common.ring import Ring

    utils.HASH_PATH_PREFIX = b"changeme"
    utils.HASH_PATH_SUFFIX = b"changeme"
    loads = []
    for _ in range(7):
        begin = process_time()
        ring = Ring(path)
        loads.append(process_time() - begin)
    names = [f"object-{number}" for number in range(2000)]

    def all_names() -> None:
        for name in names:
            ring.get_nodes("AUTH_test", "container", name)

    runs = timeit.repeat(all_names, number=5, repeat=7, timer=process_time)
    return {"load": statistics.median(loads), "look_up": statistics.median(runs) / 5 / len(names)}


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "build":
        print(json.dumps(build(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(json.dumps(look_up(sys.argv[2])))
