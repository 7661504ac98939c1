"""Text forms of timestamps, against values that Swift itself printed, and their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.vocab.timestamp import (
    OFFSET_STOP,
    RAW_STOP,
    Timestamp,
    parse_combined,
    parse_combined_explicit,
    render_combined,
)

raws = st.integers(0, RAW_STOP - 1)
timestamps = st.builds(Timestamp, raws, st.integers(0, OFFSET_STOP - 1))


@pytest.mark.parametrize(
    ("text", "raw", "offset"),
    [
        ("1234.5", 123450000, 0),
        ("0000001234.50000", 123450000, 0),
        ("1700000000", 170000000000000, 0),
        ("1700000000.12345_000000000000000a", 170000000012345, 10),
        ("1700000000.12345_a", 170000000012345, 10),
        (" 12 ", 1200000, 0),
        ("1e3", 100000000, 0),
    ],
)
def test_every_written_form_is_read(text: str, raw: int, offset: int) -> None:
    assert Timestamp.from_text(text) == Timestamp(raw, offset)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "-1",
        "nan",
        "inf",
        "-inf",
        "10000000000",
        "1_",
        "1__2",
        "1_g",
        "1_-1",
        "1_" + "f" * 17,
        "1" * 400,
        "1_0_0",
        "١٢٣",
        "1\x00",
        "1_ff\n",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Timestamp.from_text(text)


def test_forms_of_a_timestamp_with_offset() -> None:
    moment = Timestamp(123450000, 171)
    assert moment.normal == "0000001234.50000"
    assert moment.internal == "0000001234.50000_00000000000000ab"
    assert moment.short == "0000001234.50000_ab"
    assert str(moment) == moment.internal
    assert moment.seconds == 1234.5
    assert moment.ceil() == 1235
    assert moment.isoformat == "1970-01-01T00:20:34.500000"


def test_inverse_forms() -> None:
    assert Timestamp(123450000).inverse.internal == "9999998765.49999"
    assert Timestamp(123450000, 1).inverse.internal == "9999998765.49998_ffffffffffffffff"


@given(timestamps)
def test_the_internal_form_round_trips(moment: Timestamp) -> None:
    assert Timestamp.from_text(moment.internal) == moment
    assert Timestamp.from_text(moment.short) == moment


@given(st.builds(Timestamp, raws.filter(lambda raw: raw < RAW_STOP - 2), st.just(0)) | timestamps)
def test_inverse_is_an_involution(moment: Timestamp) -> None:
    if moment.offset and moment.raw >= RAW_STOP - 1:
        return  # has no inverse: it would lie before the epoch
    assert moment.inverse.inverse == moment


@given(timestamps, timestamps)
def test_text_order_is_time_order(one: Timestamp, other: Timestamp) -> None:
    assert (one < other) == (one.internal < other.internal)
    assert (one <= other) == (one.internal <= other.internal)
    assert (one > other) == (one.internal > other.internal)
    assert (one >= other) == (one.internal >= other.internal)
    assert (one == other) == (one.internal == other.internal)
    assert one != other or hash(one) == hash(other)


@given(raws)
def test_seconds_round_trip(raw: int) -> None:
    assert Timestamp.from_seconds(Timestamp(raw).seconds) == Timestamp(raw)


@pytest.mark.parametrize(
    ("data", "content_type", "metadata", "explicit", "text"),
    [
        (Timestamp(5), None, None, False, "0000000000.00005"),
        (Timestamp(5, 3), None, None, False, "0000000000.00005_3"),
        (Timestamp(5), Timestamp(5), Timestamp(5), False, "0000000000.00005"),
        (Timestamp(5), Timestamp(5), Timestamp(21), False, "0000000000.00005+0+10"),
        (Timestamp(5), Timestamp(21), Timestamp(21), False, "0000000000.00005+10+0"),
        (Timestamp(5), Timestamp(21), Timestamp(20), False, "0000000000.00005+10-1"),
        (Timestamp(5), Timestamp(5), None, True, "0000000000.00005+0"),
        (Timestamp(5), Timestamp(4), None, True, "0000000000.00005-1"),
    ],
)
def test_combined_form(
    data: Timestamp,
    content_type: Timestamp | None,
    metadata: Timestamp | None,
    explicit: bool,
    text: str,
) -> None:
    assert render_combined(data, content_type, metadata, explicit=explicit) == text
    found = parse_combined_explicit(text)
    assert found[0] == data
    if explicit:
        assert found == (data, content_type, metadata)


def test_times_left_out_equal_the_one_before() -> None:
    first, second, third = parse_combined("0000000000.00005_3")
    assert first == second == third == Timestamp(5, 3)
    assert parse_combined("0000000000.00005+5") == (Timestamp(5), Timestamp(10), Timestamp(10))


@pytest.mark.parametrize("text", ["5+", "5+g", "5+1+2+3", "5+-1", "", "0-6"])
def test_broken_combined_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_combined(text)


@given(timestamps, raws, raws)
def test_combined_round_trips(data: Timestamp, content_type: int, metadata: int) -> None:
    second, third = Timestamp(content_type), Timestamp(metadata)
    parsed = parse_combined(render_combined(data, second, third))
    assert [moment.raw for moment in parsed] == [data.raw, second.raw, third.raw]
