"""From weights to whole numbers: shares, dispersion, quotas, and the first layout."""

from __future__ import annotations

from collections import Counter
from math import ceil, floor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftlite.ring import Device, ImpossiblePlan
from swiftlite.ring.ground import row_lengths
from swiftlite.ring.layout import lay_out
from swiftlite.ring.measures import ideal_parts
from swiftlite.ring.quotas import device_quotas
from swiftlite.ring.tiers import TierTree
from swiftlite.ring.wanted import by_weight, make_plan, poured


def device(
    number: int, region: int = 1, zone: int = 1, server: int = 1, weight: float = 1
) -> Device:
    ip = f"10.{region}.{zone}.{server}"
    return Device(number, region, zone, ip, 6200, ip, 6200, f"d{number}", weight)


@st.composite
def clusters(draw: st.DrawFn) -> list[Device]:
    regions, zones = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    weights = st.sampled_from([1.0, 100.0, 100.0, 100.0, 50.0, 3000.0, 33.3])
    count = draw(st.integers(4, 24))
    return [
        device(
            number,
            draw(st.integers(1, regions)),
            draw(st.integers(1, zones)),
            draw(st.integers(1, 3)),
            draw(weights),
        )
        for number in range(count)
    ]


def test_shares_follow_weight_but_never_exceed_one_replica() -> None:
    assert by_weight({0: 1, 1: 1, 2: 2}, 2) == {0: 0.5, 1: 0.5, 2: 1.0}
    assert by_weight({0: 1, 1: 1, 2: 100}, 2) == {0: 0.5, 1: 0.5, 2: 1.0}
    assert by_weight({0: 0, 1: 1, 2: 1, 3: 1}, 3) == {1: 1.0, 2: 1.0, 3: 1.0}


def test_what_weight_all_but_takes_away_still_gets_what_is_left() -> None:
    shares = by_weight({0: 1e10, 1: 1e-320, 2: 1e10}, 3)
    assert shares == pytest.approx({0: 1, 1: 1, 2: 1})


def test_bounds_give_way_to_room_where_something_would_be_left_over() -> None:
    assert poured(4, [1, 3], [1, 1], [2, 1], [2, 2]) == [2, 2]
    assert poured(3, [1, 3], [1, 1], [1, 1], [1, 4]) == [1, 2]


@pytest.mark.parametrize("weights", [{}, {0: 0.0}, {0: 1.0, 1: 1.0}])
def test_too_few_devices_are_refused(weights: dict[int, float]) -> None:
    with pytest.raises(ImpossiblePlan):
        by_weight(weights, 3)


@given(
    st.lists(
        st.tuples(st.floats(0.01, 5), st.floats(0, 1), st.floats(0, 2)), min_size=1, max_size=8
    ),
    st.floats(0, 1),
)
def test_poured_amounts_keep_bounds_and_sum(
    vessels: list[tuple[float, float, float]], level: float
) -> None:
    weights = [v[0] for v in vessels]
    least = [v[1] for v in vessels]
    most = [v[1] + v[2] for v in vessels]
    amount = sum(least) + level * (sum(most) - sum(least))
    shares = poured(amount, weights, least, most, most)
    assert sum(shares) == pytest.approx(amount)
    for share, low, high in zip(shares, least, most, strict=True):
        assert low - 1e-9 <= share <= high + 1e-9


@given(clusters(), st.sampled_from([1.0, 2.0, 2.5, 3.0, 3.3]), st.sampled_from([0.0, 0.1, 10.0]))
def test_targets_sum_up_at_every_level_and_overload_is_a_bound(
    devices: list[Device], replicas: float, overload: float
) -> None:
    tree = TierTree.of(devices)
    plan = make_plan(tree, {d.id: d.weight for d in devices}, replicas, overload)
    assert plan.target[0] == pytest.approx(replicas)
    for node, children in enumerate(tree.children):
        if children:
            assert sum(plan.target[c] for c in children) == pytest.approx(plan.target[node])
    if plan.required_overload > 1e-9:
        for leaf, number in enumerate(tree.device):
            if number >= 0:
                assert plan.target[leaf] <= plan.weighted[leaf] * (1 + overload) + 1e-9


@settings(max_examples=60)
@given(clusters(), st.sampled_from([1.0, 2.0, 2.5, 3.0, 3.3]), st.integers(3, 8))
def test_quotas_round_every_domain_and_the_layout_meets_them(
    devices: list[Device], replicas: float, power: int
) -> None:
    parts = 1 << power
    tree = TierTree.of(devices)
    plan = make_plan(tree, {d.id: d.weight for d in devices}, replicas, 0.0)
    lengths = row_lengths(replicas, parts)
    total = sum(lengths)
    quotas = device_quotas(plan, parts, total, ideal_parts(devices, total), {})
    assert sum(quotas.values()) == total
    sums = tree.summed({number: float(quota) for number, quota in quotas.items()})
    for node in range(1, len(tree)):
        if tree.device[node] >= 0:
            real = plan.target[node] * parts
            assert floor(real + 1e-6) - 1 <= sums[node] <= ceil(real - 1e-6) + 1
        else:
            assert plan.least[node] * parts - 2 <= sums[node] <= plan.most[node] * parts + 2
    rows = lay_out(tree, quotas, parts, lengths, "H", Random(1))
    assert [len(row) for row in rows] == lengths
    assert Counter(number for row in rows for number in row) == {
        number: quota for number, quota in quotas.items() if quota
    }
    for partition in range(parts):
        ids = [row[partition] for row in rows if partition < len(row)]
        assert len(set(ids)) == len(ids)
        for level in range(4):
            counts = Counter(tree.path[number][level] for number in ids)
            for node, count in counts.items():
                assert count <= ceil(sums[node] / parts)


def test_rounding_follows_what_is_held_where_it_may() -> None:
    devices = [device(number) for number in range(3)]
    tree = TierTree.of(devices)
    plan = make_plan(tree, {d.id: 1.0 for d in devices}, 1, 0.0)
    for lucky in range(3):
        held = {number: 6 if number == lucky else 5 for number in range(3)}
        assert device_quotas(plan, 16, 16, ideal_parts(devices, 16), held) == held


def test_partners_of_a_device_are_many() -> None:
    """Else the loss of a disk would be made good by two others alone."""
    devices = [device(n, zone=n % 4, server=n % 12) for n in range(60)]
    tree = TierTree.of(devices)
    quotas = {d.id: 4096 * 3 // 60 + (1 if d.id < 48 else 0) for d in devices}
    rows = lay_out(tree, quotas, 4096, [4096] * 3, "H", Random(5))
    partners = {n for ids in zip(*rows, strict=True) if 7 in ids for n in ids} - {7}
    assert len(partners) > 30
