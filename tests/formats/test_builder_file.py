"""Builder files: Swift's are read without unpickling, ours are what Swift's unpickler reads."""

from __future__ import annotations

import contextlib
import pickle
import random
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.builder_file import BuilderFileUnreadable, decode, encode

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
NAMES = ("small", "fractional", "holes", "six")


@pytest.mark.parametrize("name", NAMES)
def test_what_swift_pickled_is_read_as_python_would_unpickle_it(name: str) -> None:
    blob = (GOLDEN / f"{name}.builder").read_bytes()
    assert decode(blob) == pickle.loads(blob)


@pytest.mark.parametrize("name", NAMES)
def test_what_we_write_unpickles_to_the_same(name: str) -> None:
    state = decode((GOLDEN / f"{name}.builder").read_bytes())
    blob = b"".join(encode(state))
    assert pickle.loads(blob) == state
    assert decode(blob) == state


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
rows = st.one_of(
    st.lists(st.integers(0, 255)).map(lambda v: array("B", v)),
    st.lists(st.integers(0, 65535), max_size=300).map(lambda v: array("H", v)),
    st.lists(st.integers(0, 2**31 - 1), max_size=300).map(lambda v: array("I", v)),
)


@given(st.dictionaries(st.text(max_size=5), plain | rows, max_size=5))
def test_any_state_survives_a_round_trip(state: dict[str, Any]) -> None:
    blob = b"".join(encode(state))
    assert decode(blob) == state
    assert pickle.loads(blob) == state


@given(st.dictionaries(st.text(max_size=5), plain | rows, max_size=5))
def test_what_python_pickles_is_read(state: dict[str, Any]) -> None:
    assert decode(pickle.dumps(state, protocol=2)) == state


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("pickled code ran",))


@pytest.mark.parametrize(
    "blob",
    [
        pickle.dumps({"devs": Trap()}, protocol=2),
        pickle.dumps({"devs": random.Random(1)}, protocol=2),
        b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
        b"\x80\x02}X\x01\x00\x00\x00acarray\narray\ns.",
        b"\x80\x02}X\x01\x00\x00\x00a(carray\narray\nX\x01\x00\x00\x00Hi.",
    ],
)
def test_names_and_calls_are_refused(blob: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BuilderFileUnreadable):
        decode(blob)
    assert "ran" not in capsys.readouterr().out


def test_truncations_and_flips_never_escape_as_other_errors() -> None:
    blob = (GOLDEN / "fractional.builder").read_bytes()
    rng = random.Random(3)
    for length in range(len(blob)):
        with pytest.raises(BuilderFileUnreadable):
            decode(blob[:length])
    for place in range(len(blob)):
        broken = bytearray(blob)
        broken[place] ^= 1 << rng.randrange(8)
        with contextlib.suppress(BuilderFileUnreadable):
            decode(bytes(broken))


@pytest.mark.parametrize("blob", [b"", b"\x80\x02]q\x00.", b"not a pickle", b"\x80\x04}."])
def test_other_files_are_refused(blob: bytes) -> None:
    with pytest.raises(BuilderFileUnreadable):
        decode(blob)


def test_long_rows_are_read_in_pieces_and_come_out_whole() -> None:
    even = array("H", [number % 60_000 for number in range(150_000)])
    mixed = array("I", [number * 7 % 100_000 for number in range(50_000)])
    state = {"rows": [even, mixed], "plain": list(range(40_000)), "after": "text"}
    assert decode(b"".join(encode(state))) == state
