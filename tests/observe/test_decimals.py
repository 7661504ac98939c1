from __future__ import annotations

import pytest

from swiftlite.observe.decimals import decimals


@pytest.mark.parametrize(
    ("seconds", "places", "shown"),
    [
        (0.0, 4, "0.0000"),
        (0.00004, 4, "0.0000"),
        (0.00006, 4, "0.0001"),
        (0.99996, 4, "1.0000"),
        (12.3456, 4, "12.3456"),
        (1795305600.5, 9, "1795305600.500000000"),
    ],
)
def test_seconds_are_rounded_to_their_places(seconds: float, places: int, shown: str) -> None:
    assert decimals(seconds, places) == shown == f"{seconds:.{places}f}"
