"""No hot path becomes a fifth dearer unseen."""

from __future__ import annotations

import pytest

from tests.bench.instructions import agreed, counted, dearer, unusable


@pytest.mark.slow
@pytest.mark.skipif(bool(unusable()), reason=unusable() or "usable")
@pytest.mark.timeout(900)  # under valgrind, on a machine that others use
def test_no_hot_path_has_become_a_fifth_dearer() -> None:
    found, before = counted(), agreed()
    assert set(found) == set(before), "write the counts anew: python -m tests.bench.instructions"
    assert dearer(found, before) == {}


@pytest.mark.parametrize("name", agreed())
def test_a_fifth_is_seen_whichever_path_loses_it(name: str) -> None:
    before = agreed()
    assert set(dearer({**before, name: round(before[name] * 1.21)}, before)) == {name}
    assert dearer({**before, name: round(before[name] * 1.19)}, before) == {}
