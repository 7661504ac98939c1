"""A plain pass begins as builders in this field do: with the quotas of OpenStack Swift."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swiftlite.ring.device import Device
from swiftlite.ring.ground import row_lengths
from swiftlite.ring.plain import rough_quotas
from swiftlite.ring.tiers import TierTree
from swiftlite.ring.wanted import make_plan

GOLDEN = Path(__file__).parents[1] / "golden" / "ring" / "swift_parts_wanted.json"


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text()))
def test_rough_quotas_are_those_of_swift(case: dict[str, Any]) -> None:
    """Of clusters in which its floats miss a whole number of partitions by a hair, or do not."""
    devices = [
        Device(number, region, zone, ip, 6200, ip, 6200, f"d{number}", weight)
        for number, region, zone, ip, weight in case["devices"]
    ]
    replicas, parts = case["replicas"], case["parts"]
    tree = TierTree.of(devices)
    plan = make_plan(tree, {d.id: d.weight for d in devices}, replicas, case["overload"])
    total = sum(row_lengths(replicas, parts))
    assert rough_quotas(tree, plan.target, parts, total) == dict(case["wanted"])
