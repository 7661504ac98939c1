from __future__ import annotations

import pytest

from swiftlite.protocols.http1.controls import are_plain
from swiftlite.protocols.http1.render import answer_head


@pytest.mark.parametrize("line", ["", "X: a\tb", "X: ü \x85 \u20ac", "X: \udcff", "~ " * 500])
def test_text_and_tabs_are_plain(line: str) -> None:
    assert are_plain(["A: b", line])


@pytest.mark.parametrize("code", [*range(0x09), *range(0x0A, 0x20), 0x7F])
def test_any_control_character_is_seen(code: int) -> None:
    assert not are_plain(["A: b", f"X: a{chr(code)}", "C: d"])


def test_a_number_among_a_foreign_filters_headers_is_written_out() -> None:
    headers = [("X-Count", 5), ("X-Name", "n")]
    head = answer_head("200 OK", headers, "\r\n")  # type: ignore[arg-type]  # that is the point
    assert head == b"HTTP/1.1 200 OK\r\nX-Count: 5\r\nX-Name: n\r\n\r\n"
