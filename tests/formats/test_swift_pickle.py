"""The restricted reader: what Swift pickles comes back, anything that could act is refused."""

from __future__ import annotations

import array
import pickle
import pickletools
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats import swift_pickle
from swiftlite.formats.swift_pickle import PickleUnreadable, dumps, loads

OBJECTS = Path(__file__).parents[1] / "golden" / "objects"

scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
) | (st.text() | st.binary())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(scalars, inner, max_size=5)
        | st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=20,
)


@given(values, st.sampled_from((0, 1, 2, 3)))
def test_plain_values_come_back(value: object, protocol: int) -> None:
    assert loads(dumps(value, protocol)) == value


def test_many_values_use_the_long_memo() -> None:
    value = {f"{number:05d}": [f"x{number}", number] for number in range(3000)}
    assert loads(dumps(value)) == value


def test_a_builder_file_is_read() -> None:
    blob = (OBJECTS / "small.builder").read_bytes()
    found = loads(blob)
    assert isinstance(found, dict)
    assert (found["parts"], found["replicas"], found["part_power"]) == (16, 2, 4)
    assert [device["ip"] for device in found["devs"]] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    rows = found["_replica2part2dev"]
    assert [(type(row), row.typecode, len(row)) for row in rows] == [(array.array, "H", 16)] * 2
    assert isinstance(found["_last_part_moves"], bytes | array.array)


def test_arrays_of_python_2_are_byte_strings() -> None:
    blob = b"\x80\x02carray\narray\nU\x01HU\x04\x01\x00\x02\x00\x86R."
    assert loads(blob) == array.array("H", [1, 2])


def test_strings_of_python_2_stay_bytes() -> None:
    assert loads(b"S'it\\'s \\xff'\np0\n.") == b"it's \xff"
    assert loads(b"\x80\x02U\x03abcT\x01\x00\x00\x00d\x86.") == (b"abc", b"d")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return eval, ("1+1",)


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (pickle.dumps(Evil(), 2), "global '__builtin__ eval'"),
        (pickle.dumps(Path("/"), 2), "global 'pathlib"),
        (b"cos\nsystem\n(S'id'\ntR.", "global 'os system'"),
        (b"\x80\x02c_codecs\nencode\n.", "a function as a value"),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.", "encoding"),
        (b"\x80\x02carray\narray\nU\x01uU\x01a\x86R.", "an array of 'u'"),
        (b"\x80\x04N.", "protocol above 3"),
        (b"\x80\x02N(K\x01K\x02u.", "dict items for"),
        (b"\x80\x02K\x01(K\x02a.", "list items for"),
        (b"\x80\x02K\x01(K\x02\x86.", "behind a mark"),
        (b"\x80\x02K\x01K\x02.", "left over"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "cut short"),
        (b"\x80\x02T\xff\xff\xff\x7fabc.", "cut short"),
        (b"(lp4000000000\n.", "memo index"),
        (b"\x80\x02]r\xff\xff\xff\xff.", "memo index"),
        (b"\x80\x02]q\x00h\x00a.", "containers within each other"),
        (b"L" + b"9" * 5000 + b"L\n.", "number"),
        (b"\x80\x02}]Ns.", "unhashable"),
        (b"ccopy_reg\n_reconstructor\nc__builtin__\ndict\nc__builtin__\ndict\n}\x87R.", "class"),
        (b"", "out of range"),
        (b"N", "out of range"),
        (b"\x93.", "opcode 0x93"),
        (b"0.", "opcode 0x30"),
    ],
)  # fmt: skip
def test_what_is_more_than_plain_is_refused(blob: bytes, said: str) -> None:
    with pytest.raises(PickleUnreadable) as caught:
        loads(blob)
    assert said in str(caught.value)


def test_a_small_blob_cannot_unfold() -> None:
    doubled = b"\x80\x02]q\x00" + b"h\x00\x86q\x00" * 40  # each pair holds the one before it twice
    with pytest.raises(PickleUnreadable, match="containers within each other"):
        loads(doubled + b".")


def test_noise_is_refused_and_never_acts() -> None:
    chance = random.Random(7)
    good = dumps({"a": [1, 2.5, None, b"\xff"], "b": ("x", True)})
    plain = (dict, list, tuple, set, frozenset, str, bytes, int, float, bool, type(None))
    refused = 0
    for _ in range(3000):
        blob = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            blob[chance.randrange(len(blob))] = chance.randrange(256)
        try:
            found = loads(bytes(blob))
        except PickleUnreadable:
            refused += 1
        else:
            assert isinstance(found, plain)
    assert refused > 1000


def test_the_writer_writes_protocol_2() -> None:
    assert max(code.proto for code, *_ in pickletools.genops(dumps({"a": b"\xff"}))) == 2
    assert max(code.proto for code, *_ in pickletools.genops(dumps({"a": "x"}, 0))) == 0


def test_the_quick_reader_of_lines_says_what_the_careful_one_says() -> None:
    """Or that it does not know; here are an async pending and what damage makes of it."""
    value = {
        "op": "PUT", "obj": "o\nb\\x 日本", "headers": {"X-Size": "1", "X-Type": "t;ü"},
        "db_state": None, "successes": [1, 2], "again": "PUT",
    }  # fmt: skip
    blob = pickle.dumps(value, protocol=0)
    assert swift_pickle._read_lines(blob) == value
    chance, known = random.Random(1), 0
    for _ in range(3000):
        damaged = bytearray(blob)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(blob))] = chance.choice(b"(dlpVsaNIg.019\n\\u\xff")
        found = swift_pickle._read_lines(bytes(damaged))
        if found is not None:
            known += 1
            assert swift_pickle._Reader(bytes(damaged)).read() == found
    assert known > 300
