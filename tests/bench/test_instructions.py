"""No hot path becomes a fifth dearer unseen."""

from __future__ import annotations

import pytest

from tests.bench.instructions import agreed, counted, unusable

LOSS = 1.2
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(unusable()), reason=unusable() or "usable"),
    pytest.mark.timeout(900),  # under valgrind, on a machine that others use
]


def test_no_hot_path_has_become_a_fifth_dearer() -> None:
    found, before = counted(), agreed()
    assert set(found) == set(before), "write the counts anew: python -m tests.bench.instructions"
    dearer = {
        name: f"{before[name]:,} -> {count:,} instructions"
        for name, count in found.items()
        if count > before[name] * LOSS
    }
    assert dearer == {}
