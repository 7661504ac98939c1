"""When the next pass comes."""

from __future__ import annotations

from swiftlite.service.pauses import Pauses


def test_what_was_mended_is_looked_at_again_soon() -> None:
    pauses = Pauses(5.0, 15.0, 60.0)
    assert pauses.after(mended=True, written=True) == 5.0
    assert pauses.after(mended=False, written=True) == 15.0


def test_peace_makes_the_pauses_longer_up_to_a_bound() -> None:
    pauses = Pauses(5.0, 15.0, 60.0)
    pauses.after(mended=True, written=False)
    found = [pauses.after(mended=False, written=False) for _ in range(5)]
    assert found == [15.0, 30.0, 60.0, 60.0, 60.0]


def test_what_is_written_ends_the_peace() -> None:
    pauses = Pauses(5.0, 15.0, 60.0)
    for _ in range(5):
        pauses.after(mended=False, written=False)
    assert pauses.after(mended=False, written=True) == 15.0


def test_without_bounds_every_pause_is_the_interval() -> None:
    pauses = Pauses(0.0, 30.0, 0.0)
    found = {pauses.after(mended=mended, written=False) for mended in (True, False, False)}
    assert found == {30.0}
