from __future__ import annotations

import pytest

from swiftlite.proxy.affinity import (
    FARTHEST,
    distance_of,
    is_local_of,
    parse_read_affinity,
    parse_write_affinity,
)
from tests.proxy.devices import device


def test_zones_go_before_regions_and_the_unnamed_last() -> None:
    distance = distance_of(parse_read_affinity(" r1z2=100, r1=200 ,r3 = 300,"))
    assert distance(device(1, 1, 2)) == 100
    assert distance(device(1, 1, 1)) == 200
    assert distance(device(1, 3, 9)) == 300
    assert distance(device(1, 2, 2)) == FARTHEST


def test_write_affinity_names_places() -> None:
    is_local = is_local_of(parse_write_affinity("r1, r2z3"))
    assert is_local is not None
    assert is_local(device(1, 1, 7))
    assert is_local(device(1, 2, 3))
    assert not is_local(device(1, 2, 4))
    assert is_local_of(parse_write_affinity("")) is None


@pytest.mark.parametrize("text", ["r1", "z1=3", "r1z=3", "r1=x", "r1=²", "r1 z1=1", "1=2"])
def test_other_read_affinities_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_read_affinity(text)


@pytest.mark.parametrize("text", ["r1=100", "z1", "r1z1z1", "west"])
def test_other_write_affinities_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_write_affinity(text)
