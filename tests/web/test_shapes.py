"""web.shapes: the same answer as looking through all keys, and bounded."""

from __future__ import annotations

from swiftlite.web import shapes
from swiftlite.web.shapes import Keys


def test_keys_that_pass_in_the_order_of_the_environ() -> None:
    keys = Keys(lambda key: key.startswith("HTTP_"))
    for _ in range(2):
        assert keys.of({"HTTP_B": "1", "PATH": "2", "HTTP_A": "3"}) == ("HTTP_B", "HTTP_A")
    assert keys.of({"HTTP_A": "1", "HTTP_B": "1", "PATH": ""}) == ("HTTP_A", "HTTP_B")
    assert keys.of({}) == ()


def test_another_key_is_another_shape() -> None:
    keys = Keys(lambda key: key.startswith("HTTP_"))
    environ = {"HTTP_A": "1"}
    assert keys.of(environ) == ("HTTP_A",)
    environ["HTTP_C"] = "2"
    assert keys.of(environ) == ("HTTP_A", "HTTP_C")


def test_what_is_remembered_is_bounded() -> None:
    keys = Keys(lambda key: True)
    for number in range(shapes._SHAPES_MAX * 3):
        assert keys.of({f"HTTP_{number}": ""}) == (f"HTTP_{number}",)
    assert len(keys._known) <= shapes._SHAPES_MAX
    long = "HTTP_" + "X" * shapes._SHAPE_BYTES_MAX
    assert keys.of({long: ""}) == (long,)
    assert (long,) not in keys._known
