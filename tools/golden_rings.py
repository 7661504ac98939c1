"""Makes tests/golden/ring with an installed OpenStack Swift: run it under that Swift's Python.

    /path/to/python tools/golden_rings.py tests/golden/ring

Rings of several shapes in both formats, the builder files behind them, and what Swift says are the
primaries and handoffs of some of their partitions.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "small": {"power": 6, "replicas": 3.0, "devices": 8, "regions": 1, "zones": 4},
    "fractional": {"power": 7, "replicas": 2.5, "devices": 11, "regions": 2, "zones": 2},
    "holes": {
        "power": 6,
        "replicas": 2.0,
        "devices": 9,
        "regions": 3,
        "zones": 1,
        "remove": [2, 5],
    },
    "six": {"power": 5, "replicas": 1.0, "devices": 3, "regions": 1, "zones": 1, "ip": "fd00::%d"},
}


def main() -> None:
    from swift.common import utils
    from swift.common.ring import Ring, RingBuilder

    utils.HASH_PATH_PREFIX = b"prefix"
    utils.HASH_PATH_SUFFIX = b"suffix"
    folder = sys.argv[1]
    expected = {}
    for name, shape in SHAPES.items():
        builder = RingBuilder(shape["power"], shape["replicas"], 1)
        for number in range(shape["devices"]):
            region, zone = 1 + number % shape["regions"], 1 + number // 2 % shape["zones"]
            ip = shape.get("ip", "10.0.0.%d") % (1 + number // 2)
            builder.add_dev(
                {
                    "region": region,
                    "zone": zone,
                    "ip": ip,
                    "port": 6200,
                    "replication_ip": ip,
                    "replication_port": 6300,
                    "device": f"sd{chr(97 + number)}",
                    "weight": 100.0 + 50 * (number % 3),
                    "meta": "naïve" if number == 1 else "",
                }
            )
        builder.rebalance(seed=7)
        for number in shape.get("remove", []):
            builder.remove_dev(number)
        if shape.get("remove"):
            builder.rebalance(seed=8)
        path = os.path.join(folder, name)
        builder.save(path + ".builder")
        for version in (1, 2):
            builder.get_ring().save(f"{path}.v{version}.ring.gz", format_version=version)
        ring = Ring(f"{path}.v1.ring.gz")
        partitions = range(0, ring.partition_count, 5)
        expected[name] = {
            "balance": builder.get_balance(),
            "dispersion": builder.dispersion,
            "partitions": {
                str(partition): [
                    [node["id"] for node in ring.get_part_nodes(partition)],
                    [
                        [node["id"], node["handoff_index"]]
                        for node in ring.get_more_nodes(partition)
                    ],
                ]
                for partition in partitions
            },
            "names": [
                [list(key), ring.get_nodes(*key)[0]]
                for key in (("a",), ("a", "c"), ("a", "c", "o"), ("a", "c", "o/\u00fc"))
            ],
        }
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
