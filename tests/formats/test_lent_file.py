"""How a header names a lent file: there and back, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from swiftlite.formats.lent_file import LentFile, parse_lent, render_lent


@pytest.mark.parametrize("path", ["/proc/12/fd/7", "/srv/node/sd a/ü:%/x.data"])
def test_there_and_back(path: str) -> None:
    lent = LentFile(64768, 12345678901, 5 << 30, True, path)
    text = render_lent(lent)
    assert text.isascii()
    assert parse_lent(text) == lent


@pytest.mark.parametrize(
    "text", ["", "1:2:3:0", "1:2:3:0:x", "a:2:3:0:/x", "-1:2:3:1:/x", "²:2:3:0:/x", "1:2:3:/x"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
        parse_lent(text)
