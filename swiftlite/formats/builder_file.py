"""The builder file: a dictionary in pickle protocol 2, as Swift's ring builder keeps it.

Reads the opcodes that such a dictionary consists of, one by one, and refuses all others: nothing in
the file can name a class or call a function, whoever wrote it. The three constructors that do occur
(array, bytearray, and the latin-1 text that carries bytes) are known by name and built here.
Long rows of numbers are read and written as runs, which takes a tenth of the time and memory of a
general pickle. Source: doc/formats/builder-file.md.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Iterator
from typing import Any

from swiftlite.vocab.errors import SwiftliteError

TYPECODES = {"B": 1, "H": 2, "I": 4}
_RUN = re.compile(rb"(?:M..|K.|J....)+", re.DOTALL)
_NUMBER = re.compile(rb"M..|K.|J....", re.DOTALL)
_RUN_BYTES_MIN = 64
_RUN_BYTES_MAX = 1 << 16  # The pattern's own bookkeeping takes ten times what it matches.
STACK_MAX = 1 << 20


class BuilderFileUnreadable(SwiftliteError):
    """These bytes are not a builder that can be trusted; the message is one sentence."""


# --- writing ---------------------------------------------------------------------------------


def encode(state: dict[str, Any]) -> Iterator[bytes]:
    """The file's bytes, piece by piece. Holds dicts, lists, tuples, text, numbers, None, arrays."""
    yield b"\x80\x02"
    yield from _encode(state)
    yield b"."


def _encode(value: Any) -> Iterator[bytes]:  # noqa: ANN401 - a tree of plain values
    if isinstance(value, dict):
        yield b"}("
        for key, item in value.items():
            yield from _encode(key)
            yield from _encode(item)
        yield b"u"
    elif isinstance(value, list):
        yield b"]("
        for item in value:
            yield from _encode(item)
        yield b"e"
    elif isinstance(value, tuple):
        yield b"("
        for item in value:
            yield from _encode(item)
        yield b"t"
    elif isinstance(value, array):
        yield b"carray\narray\n(" + _scalar(value.typecode) + b"]("
        yield _numbers(value)
        yield b"etR"
    else:
        yield _scalar(value)


def _scalar(value: object) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        if 0 <= value < 256:
            return b"K" + bytes([value])
        if 0 <= value < 65536:
            return b"M" + struct.pack("<H", value)
        if -(2**31) <= value < 2**31:
            return b"J" + struct.pack("<i", value)
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(data)]) + data
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(data)) + data
    raise TypeError(f"a builder file cannot hold {type(value).__name__}")


def _numbers(row: array[int]) -> bytes:
    """Every number as an opcode of the same width: byte planes laid between one another."""
    data = memoryview(_little_endian(row)).cast("B").tobytes()
    width = row.itemsize
    packed = bytearray(len(row) * (width + 1))
    packed[0 :: width + 1] = {1: b"K", 2: b"M", 4: b"J"}[width] * len(row)
    for plane in range(width):
        packed[plane + 1 :: width + 1] = data[plane::width]
    return bytes(packed)


def _little_endian(row: array[int]) -> array[int]:
    if struct.pack("=H", 1) == b"\x01\x00":
        return row
    swapped = array(row.typecode, row)
    swapped.byteswap()
    return swapped


# --- reading ---------------------------------------------------------------------------------


def decode(blob: bytes) -> dict[str, Any]:
    """The dictionary in a builder file. Raises BuilderFileUnreadable."""
    try:
        value = _Reader(blob).read()
    except (IndexError, KeyError, struct.error, ValueError, TypeError, OverflowError) as fault:
        raise BuilderFileUnreadable(f"damaged builder data ({type(fault).__name__})") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BuilderFileUnreadable("not a builder file (it does not hold a dictionary)")
    return value


class _Global:
    """A name found in the file; never the thing itself."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Mark:
    pass


_MARK = _Mark()
_ARRAY, _BYTEARRAY, _ENCODE = "array array", "__builtin__ bytearray", "_codecs encode"
_KNOWN = {
    _ARRAY: _ARRAY,
    _BYTEARRAY: _BYTEARRAY,
    "builtins bytearray": _BYTEARRAY,
    _ENCODE: _ENCODE,
}


class _Reader:
    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def read(self) -> Any:  # noqa: ANN401 - a tree of plain values
        if self.blob[:1] != b"\x80" or len(self.blob) < 3:
            raise BuilderFileUnreadable("not a builder file (it is not a pickle)")
        blob = self.blob
        while True:
            opcode = blob[self.at]
            if opcode == 0x2E:  # STOP
                (value,) = self.stack
                return value
            if opcode in (0x4B, 0x4D) and self._run():
                continue
            self.at += 1
            action = _ACTIONS.get(opcode)
            if action is None:
                raise BuilderFileUnreadable(
                    f"a builder file has no business with opcode {opcode:#x}"
                )
            action(self)
            if len(self.stack) > STACK_MAX * 64:
                raise BuilderFileUnreadable("too many values at once")

    def take(self, count: int) -> bytes:
        data = self.blob[self.at : self.at + count]
        if len(data) != count:
            raise BuilderFileUnreadable("the file is cut off")
        self.at += count
        return data

    def line(self) -> str:
        stop = self.blob.index(b"\n", self.at)
        text = self.blob[self.at : stop].decode("ascii")
        self.at = stop + 1
        return text

    def to_mark(self) -> list[Any]:
        stack = self.stack
        for place in range(len(stack) - 1, -1, -1):
            if stack[place] is _MARK:
                items = stack[place + 1 :]
                del stack[place:]
                return items
        raise BuilderFileUnreadable("damaged builder data (no mark)")

    def _run(self) -> bool:
        """A long row of small numbers straight into the list they belong to."""
        above = self.stack[-1] if self.stack else None
        if above is not _MARK and not isinstance(above, _Numbers):
            return False
        found = _RUN.match(self.blob, self.at, min(len(self.blob), self.at + _RUN_BYTES_MAX))
        if found is None or found.end() - self.at < _RUN_BYTES_MIN:
            return False
        data = self.blob[self.at : found.end()]
        self.at = found.end()
        self.stack.append(_Numbers(_run_values(data)))
        return True


class _Numbers:
    """A run of numbers on the stack, not spread out."""

    __slots__ = ("values",)

    def __init__(self, values: array[int]) -> None:
        self.values = values


def _run_values(data: bytes) -> array[int]:
    for opcode, width, typecode in ((b"M", 2, "H"), (b"J", 4, "I"), (b"K", 1, "B")):
        size = width + 1
        if len(data) % size == 0 and data[::size] == opcode * (len(data) // size):
            plain = bytearray(len(data) // size * width)
            for plane in range(width):
                plain[plane::width] = data[plane + 1 :: size]
            row = array(typecode)
            row.frombytes(bytes(plain))
            return _little_endian(row)
    return array(
        "q",
        [
            int.from_bytes(token[1:], "little", signed=len(token) == 5)
            for token in _NUMBER.findall(data)
        ],
    )


def _spread(items: list[Any]) -> list[Any]:
    """Stacked items with the runs among them laid out."""
    plain: list[Any] = []
    for item in items:
        if isinstance(item, _Numbers):
            plain.extend(item.values)
        else:
            plain.append(item)
    return plain


def _appends(reader: _Reader) -> None:
    items = reader.to_mark()
    target = reader.stack[-1]
    if isinstance(target, _Numbers):  # a list so far of one run
        if len(items) == 1 and isinstance(items[0], _Numbers):
            target.values = _joined(target.values, items[0].values)
            return
        raise BuilderFileUnreadable("damaged builder data (mixed row)")
    if not isinstance(target, list):
        raise BuilderFileUnreadable("damaged builder data (not a list)")
    target.extend(items)  # runs stay runs until the list is used


def _joined(one: array[int], other: array[int]) -> array[int]:
    if one.typecode == other.typecode:
        one.extend(other)
        return one
    return array("q", [*one, *other])


def _set_items(reader: _Reader) -> None:
    items = _spread(reader.to_mark())
    target = reader.stack[-1]
    if not isinstance(target, dict) or len(items) % 2:
        raise BuilderFileUnreadable("damaged builder data (not a dictionary)")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_settled(key)] = _settled(value)


def _set_item(reader: _Reader) -> None:
    value, key = reader.stack.pop(), reader.stack.pop()
    target = reader.stack[-1]
    if not isinstance(target, dict):
        raise BuilderFileUnreadable("damaged builder data (not a dictionary)")
    target[_settled(key)] = _settled(value)


def _settled(value: Any) -> Any:  # noqa: ANN401 - a tree of plain values
    if isinstance(value, list) and any(isinstance(item, _Numbers) for item in value):
        value[:] = _spread(value)
    if isinstance(value, _Global | _Mark):
        raise BuilderFileUnreadable("damaged builder data (a bare name)")
    return value


def _tuple(reader: _Reader, count: int | None) -> None:
    if count is None:
        items = reader.to_mark()
    else:
        items = reader.stack[len(reader.stack) - count :]
        if len(items) < count or any(isinstance(item, _Mark) for item in items):
            raise BuilderFileUnreadable("damaged builder data (short tuple)")
        del reader.stack[len(reader.stack) - count :]
    reader.stack.append(tuple(_spread(items)))


def _global(reader: _Reader) -> None:
    name = f"{reader.line()} {reader.line()}"
    if name not in _KNOWN:
        raise BuilderFileUnreadable(f"it asks for {name.replace(' ', '.')}, which is refused")
    reader.stack.append(_Global(_KNOWN[name]))


def _reduce(reader: _Reader) -> None:
    arguments, what = reader.stack.pop(), reader.stack.pop()
    if not isinstance(what, _Global) or not isinstance(arguments, tuple):
        raise BuilderFileUnreadable("it asks for a call, which is refused")
    if what.name == _ARRAY:
        typecode, values = arguments
        if isinstance(typecode, bytes):
            typecode = typecode.decode("ascii")
        if typecode not in ("B", "H", "I", "L"):
            raise BuilderFileUnreadable(f"rows of type {typecode!r} are not known here")
        reader.stack.append(_row("I" if typecode == "L" else typecode, values))
    elif what.name == _ENCODE:
        text, codec = arguments
        if codec not in ("latin-1", "latin1") or not isinstance(text, str):
            raise BuilderFileUnreadable("bytes in an unknown coding")
        reader.stack.append(text.encode("latin-1"))
    else:
        data, *_ = arguments or (b"",)
        if isinstance(data, str):
            data = data.encode("latin-1")
        if not isinstance(data, bytes):
            raise BuilderFileUnreadable("damaged builder data (bytearray)")
        reader.stack.append(array("B", data))


def _row(typecode: str, values: object) -> array[int]:
    if isinstance(values, bytes):
        row = array(typecode)
        row.frombytes(values)
        return row
    if not isinstance(values, list):
        raise BuilderFileUnreadable("damaged builder data (a row that is no list)")
    row = array(typecode)
    for item in values:
        if isinstance(item, _Numbers):
            if item.values.typecode == typecode:
                row.extend(item.values)
            else:
                row.extend(array(typecode, item.values))
        else:
            row.append(item)
    return row


def _get(reader: _Reader, place: int) -> None:
    reader.stack.append(reader.memo[place])


def _put(reader: _Reader, place: int) -> None:
    reader.memo[place] = reader.stack[-1]


def _text(reader: _Reader, data: bytes) -> None:
    reader.stack.append(data.decode("utf-8", "surrogatepass"))


def _old_text(reader: _Reader, data: bytes) -> None:
    """Byte strings of Python 2."""
    reader.stack.append(data.decode("utf-8", "surrogateescape"))


def _push(value: Callable[[_Reader], Any]) -> Callable[[_Reader], None]:
    def action(reader: _Reader) -> None:
        reader.stack.append(value(reader))

    return action


def _append(reader: _Reader) -> None:
    item = reader.stack.pop()
    target = reader.stack[-1]
    if not isinstance(target, list):
        raise BuilderFileUnreadable("damaged builder data (not a list)")
    target.append(_settled(item))


def _u4(reader: _Reader) -> int:
    number: int = struct.unpack("<I", reader.take(4))[0]
    return number


def _number_of_line(reader: _Reader) -> int | bool:
    text = reader.line()
    if text in ("00", "01"):
        return text == "01"
    return int(text.rstrip("L"))


_ACTIONS: dict[int, Callable[[_Reader], None]] = {
    0x80: lambda r: None if r.take(1)[0] in (2, 3) else _refuse_protocol(),
    ord("}"): _push(lambda r: {}),
    ord("]"): _push(lambda r: []),
    ord(")"): _push(lambda r: ()),
    ord("("): _push(lambda r: _MARK),
    ord("N"): _push(lambda r: None),
    0x88: _push(lambda r: True),
    0x89: _push(lambda r: False),
    ord("K"): _push(lambda r: r.take(1)[0]),
    ord("M"): _push(lambda r: struct.unpack("<H", r.take(2))[0]),
    ord("J"): _push(lambda r: struct.unpack("<i", r.take(4))[0]),
    ord("G"): _push(lambda r: struct.unpack(">d", r.take(8))[0]),
    ord("I"): _push(_number_of_line),
    ord("L"): _push(_number_of_line),
    ord("F"): _push(lambda r: float(r.line())),
    0x8A: _push(lambda r: int.from_bytes(r.take(r.take(1)[0]), "little", signed=True)),
    ord("X"): lambda r: _text(r, r.take(_u4(r))),
    ord("T"): lambda r: _old_text(r, r.take(_u4(r))),
    ord("U"): lambda r: _old_text(r, r.take(r.take(1)[0])),
    ord("B"): _push(lambda r: r.take(_u4(r))),
    ord("C"): _push(lambda r: r.take(r.take(1)[0])),
    ord("q"): lambda r: _put(r, r.take(1)[0]),
    ord("r"): lambda r: _put(r, _u4(r)),
    ord("h"): lambda r: _get(r, r.take(1)[0]),
    ord("j"): lambda r: _get(r, _u4(r)),
    ord("e"): _appends,
    ord("a"): _append,
    ord("u"): _set_items,
    ord("s"): _set_item,
    ord("t"): lambda r: _tuple(r, None),
    0x85: lambda r: _tuple(r, 1),
    0x86: lambda r: _tuple(r, 2),
    0x87: lambda r: _tuple(r, 3),
    ord("c"): _global,
    ord("R"): _reduce,
}


def _refuse_protocol() -> None:
    raise BuilderFileUnreadable("a pickle protocol that builder files do not use")
