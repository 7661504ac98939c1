"""Content types, and the size hidden in one."""

from __future__ import annotations

import pytest

from swiftlite.vocab.content_type import parse_content_type, split_swift_bytes


def test_parameters() -> None:
    assert parse_content_type("text/plain") == ("text/plain", [])
    assert parse_content_type('a/b; c = d;e="f;g" ; h') == (
        "a/b",
        [("c", "d"), ("e", '"f;g"'), ("h", "")],
    )


@pytest.mark.parametrize(
    ("text", "shown", "size"),
    [
        ("a/b", "a/b", None),
        ("a/b;swift_bytes=5", "a/b", 5),
        ("a/b; charset=x; swift_bytes=5;c=d", "a/b;charset=x;c=d", 5),
        ("a/b;swift_bytes=x", "a/b", None),
        ("a/b;swift_bytes=" + "9" * 30, "a/b", None),
    ],
)
def test_the_size_of_a_large_object(text: str, shown: str, size: int | None) -> None:
    assert split_swift_bytes(text) == (shown, size)
