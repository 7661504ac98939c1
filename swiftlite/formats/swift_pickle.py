"""The one door to pickle: a restricted reader for what Swift nodes pickled, and an exact writer.

The reader is an interpreter of its own for the opcodes that protocols 0 to 2 (and the byte
strings of 3) use for strings, bytes, numbers, None and flat containers. It imports nothing and
calls nothing but the five constructors in _GLOBALS; anything else is refused. The writer is the
standard library's, because equal values must give the bytes that Swift would have written.
Byte strings of Python 2 come back as bytes; each format knows how to read them as text.
Source: doc/formats/pickles.md.
"""

from __future__ import annotations

import array
import pickle
from collections.abc import Callable
from struct import Struct
from struct import error as StructError
from typing import Any

from swiftlite.vocab.errors import SwiftliteError

_BROKEN = (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, StructError)
_uint2, _int4, _uint4 = Struct("<H"), Struct("<i"), Struct("<I")
_double = Struct(">d")
_MEMO_MAX = 1 << 24  # entries; a memo index is attacker's choice, a dict does not mind gaps
_ARRAY_TYPES = frozenset("bBhHiIlLqQ")
_SCALARS = frozenset((str, bytes, int, float, bool, type(None), array.array))


class PickleUnreadable(SwiftliteError):
    """Not a pickle, or one of more than plain values."""


def dumps(value: object, protocol: int = 2) -> bytes:
    """Exactly what Swift on Python 3 writes for the same value; async pendings use protocol 0."""
    return pickle.dumps(value, protocol=protocol)


def loads(blob: bytes | memoryview) -> object:
    """The value in a pickle. Raises PickleUnreadable for whatever is not plain."""
    blob = bytes(blob)
    if blob.startswith(b"("):
        found = _read_lines(blob)
        if found is not None:
            return found
    try:
        return _Reader(blob).read()
    except PickleUnreadable:
        raise
    except _BROKEN as error:
        raise PickleUnreadable(f"not a pickle of plain values: {error}") from error


def _read_lines(blob: bytes) -> object:
    """A protocol 0 pickle of dicts, lists, text, numbers and None, as async pendings are; a fifth
    of what the reader below takes for one. None for any other, which that may know.

    Opcodes without an argument have no line of their own, but stand before the next one.
    """
    stack: list[Any] = []
    memo: dict[int, object] = {}
    try:
        for line in blob.split(b"\n"):
            opcode = line[0]
            if opcode == 0x70:  # PUT
                if len(line) > 8 or not line[1:].isdigit():
                    return None
                memo[int(line[1:])] = stack[-1]
            elif opcode == 0x56:  # UNICODE
                stack.append(line[1:].decode("raw-unicode-escape"))
            elif _take_line(line, stack, memo):
                return stack[0] if len(stack) == 1 else None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        pass
    return None


def _take_line(line: bytes, stack: list[Any], memo: dict[int, object]) -> bool:
    """A line with several opcodes; whether it ended the pickle. Raises ValueError and others for
    what is not known here."""
    for at, opcode in enumerate(line, 1):
        if opcode == 0x73:  # SETITEM
            value = stack.pop()
            name = stack.pop()
            if type(name) is not str:
                raise ValueError("a name that is no text")
            stack[-1][name] = value
        elif opcode == 0x56:  # UNICODE
            stack.append(line[at:].decode("raw-unicode-escape"))
            return False
        elif opcode == 0x70:  # PUT
            index = line[at:]
            if len(index) > 7 or not index.isdigit():
                raise ValueError("not an index")
            memo[int(index)] = stack[-1]
            return False
        elif opcode == 0x67:  # GET
            index = line[at:]
            known = memo[int(index)] if index.isdigit() else None
            if type(known) is not str:
                raise ValueError("a container that is in two places")
            stack.append(known)
            return False
        elif opcode == 0x61:  # APPEND
            value = stack.pop()
            stack[-1].append(value)
        elif opcode == 0x4E:  # NONE
            stack.append(None)
        elif opcode in (0x64, 0x6C):  # DICT or LIST, of nothing yet
            if line[at - 2 : at - 1] != b"(":
                raise ValueError("not empty")
            stack.append({} if opcode == 0x64 else [])
        elif opcode == 0x49 and line[at : at + 1] != b"0":  # INT, but no truth value
            stack.append(int(line[at:]))
            return False
        elif opcode == 0x2E:  # STOP
            return True
        elif opcode != 0x28 or line[at : at + 1] not in (b"d", b"l"):  # MARK, see above
            raise ValueError("another opcode")
    return False


class _Refused(PickleUnreadable):
    pass


class _HeaderDict(dict[object, object]):
    """Swift's dict of headers while it is being built; becomes a plain dict at the end."""


def _encode_latin1(text: object, encoding: object) -> bytes:
    """How Python 3 pickles bytes below protocol 3."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _Refused("an encoding other than latin1")
    return text.encode("latin-1")


def _empty_bytes() -> bytes:
    return b""


def _make_array(kind: object, content: object) -> array.array[int]:
    kind = kind.decode("ascii") if isinstance(kind, bytes) else kind
    if not isinstance(kind, str) or kind not in _ARRAY_TYPES:
        raise _Refused(f"an array of {kind!r}")
    if isinstance(content, str):
        content = content.encode("latin-1")
    if not isinstance(content, bytes | list):
        raise _Refused("an array of something else than numbers")
    return array.array(kind, content)


def _make_header_dict(*arguments: object) -> _HeaderDict:
    if arguments:
        raise _Refused("a header dict with arguments")
    return _HeaderDict()


def _reconstruct(kind: object, base: object, state: object) -> _HeaderDict:
    """How protocols 0 and 1 begin an instance of a dict's subclass."""
    if kind is not _make_header_dict or base is not _plain_dict or not isinstance(state, dict):
        raise _Refused("an instance of a class")
    return _HeaderDict(state)


def _plain_dict() -> dict[object, object]:
    return {}


_GLOBALS: dict[str, Callable[..., object]] = {
    "_codecs encode": _encode_latin1,
    "__builtin__ bytes": _empty_bytes,
    "builtins bytes": _empty_bytes,
    "__builtin__ dict": _plain_dict,
    "builtins dict": _plain_dict,
    "array array": _make_array,
    "copy_reg _reconstructor": _reconstruct,
    "copyreg _reconstructor": _reconstruct,
    "swift.common.header_key_dict HeaderKeyDict": _make_header_dict,
    "swift.common.swob HeaderKeyDict": _make_header_dict,
}


class _Reader:
    """One run over one blob. Methods are named after opcodes and looked up in a table by byte."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.at = 0
        self.stack: list[object] = []
        self.marks: list[int] = []  # stack heights
        self.memo: dict[int, object] = {}

    def read(self) -> object:
        """Run to the end. The three opcodes that make up most of a pickle are done in place."""
        blob, table, stack, memo = self.blob, _OPCODES, self.stack, self.memo
        while True:
            at = self.at
            opcode = blob[at]
            if opcode == 0x71:  # BINPUT
                memo[blob[at + 1]] = stack[-1]
                self.at = at + 2
            elif opcode == 0x68:  # BINGET
                stack.append(memo[blob[at + 1]])
                self.at = at + 2
            elif opcode == 0x58:  # BINUNICODE
                stop = at + 5 + _uint4.unpack_from(blob, at + 1)[0]
                if stop > len(blob):
                    raise _Refused("cut short")
                stack.append(str(blob[at + 5 : stop], "utf-8", "surrogatepass"))
                self.at = stop
            elif opcode == 0x2E:  # STOP
                break
            else:
                self.at = at + 1
                step = table[opcode]
                if step is None:
                    raise _Refused(f"opcode {opcode:#04x} at byte {at}")
                step(self)
        if len(stack) != 1 or self.marks:
            raise _Refused("values left over")
        return _Plain(len(blob)).of(stack[0])

    # --- bytes of the blob

    def take(self, count: int) -> bytes:
        stop = self.at + count
        if stop > len(self.blob):
            raise _Refused("cut short")
        taken = self.blob[self.at : stop]
        self.at = stop
        return taken

    def line(self) -> bytes:
        stop = self.blob.index(b"\n", self.at)
        taken = self.blob[self.at : stop]
        self.at = stop + 1
        return taken

    def number(self, form: Struct) -> int:
        found: int = form.unpack(self.take(form.size))[0]
        return found

    def since_mark(self) -> list[object]:
        height = self.marks.pop()
        items = self.stack[height:]
        del self.stack[height:]
        return items

    def pop(self) -> object:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise _Refused("a value taken from behind a mark")
        return self.stack.pop()

    # --- scalars

    def none(self) -> None:
        self.stack.append(None)

    def true(self) -> None:
        self.stack.append(True)

    def false(self) -> None:
        self.stack.append(False)

    def int_text(self) -> None:
        text = self.line()
        self.stack.append(text == b"01" if text in (b"00", b"01") else _number(text))

    def long_text(self) -> None:
        self.stack.append(_number(self.line().rstrip(b"L")))

    def binint(self) -> None:
        self.stack.append(self.number(_int4))

    def binint1(self) -> None:
        self.stack.append(self.blob[self.at])
        self.at += 1

    def binint2(self) -> None:
        self.stack.append(self.number(_uint2))

    def long1(self) -> None:
        self.stack.append(int.from_bytes(self.take(self.take(1)[0]), "little", signed=True))

    def float_text(self) -> None:
        self.stack.append(float(self.line()))

    def binfloat(self) -> None:
        self.stack.append(_double.unpack(self.take(8))[0])

    # --- strings

    def unicode_text(self) -> None:
        self.stack.append(self.line().decode("raw-unicode-escape"))

    def string_text(self) -> None:
        quoted = self.line().strip()
        if len(quoted) < 2 or quoted[:1] != quoted[-1:] or quoted[:1] not in (b"'", b'"'):
            raise _Refused("a string without quotes")
        self.stack.append(quoted[1:-1].decode("unicode_escape").encode("latin-1"))

    def bytes4(self) -> None:
        self.stack.append(self.take(self.number(_uint4)))

    def bytes1(self) -> None:
        self.stack.append(self.take(self.take(1)[0]))

    # --- containers

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def empty_tuple(self) -> None:
        self.stack.append(())

    def tuple1(self) -> None:
        self.stack.append((self.pop(),))

    def tuple2(self) -> None:
        second, first = self.pop(), self.pop()
        self.stack.append((first, second))

    def tuple3(self) -> None:
        third, second, first = self.pop(), self.pop(), self.pop()
        self.stack.append((first, second, third))

    def tuple_of_marked(self) -> None:
        self.stack.append(tuple(self.since_mark()))

    def empty_list(self) -> None:
        self.stack.append([])

    def list_of_marked(self) -> None:
        self.stack.append(self.since_mark())

    def append(self) -> None:
        value = self.pop()
        self.top_list().append(value)

    def appends(self) -> None:
        values = self.since_mark()
        self.top_list().extend(values)

    def empty_dict(self) -> None:
        self.stack.append({})

    def dict_of_marked(self) -> None:
        items = self.since_mark()
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def setitem(self) -> None:
        value, key = self.pop(), self.pop()
        self.top_dict()[key] = value

    def setitems(self) -> None:
        items = self.since_mark()
        self.top_dict().update(zip(items[::2], items[1::2], strict=True))

    def top_list(self) -> list[object]:
        found = self.stack[-1]
        if not isinstance(found, list):
            raise _Refused(f"list items for a {type(found).__name__}")
        return found

    def top_dict(self) -> dict[object, object]:
        found = self.stack[-1]
        if not isinstance(found, dict):
            raise _Refused(f"dict items for a {type(found).__name__}")
        return found

    # --- memo

    def put_text(self) -> None:
        self.remember(_number(self.line()))

    def long_binput(self) -> None:
        self.remember(self.number(_uint4))

    def remember(self, index: int) -> None:
        if not 0 <= index < _MEMO_MAX:
            raise _Refused(f"memo index {index}")
        self.memo[index] = self.stack[-1]

    def get_text(self) -> None:
        self.stack.append(self.memo[_number(self.line())])

    def long_binget(self) -> None:
        self.stack.append(self.memo[self.number(_uint4)])

    # --- the few calls

    def proto(self) -> None:
        if self.take(1)[0] > 3:
            raise _Refused("protocol above 3")

    def find_global(self) -> None:
        name = f"{self.line().decode('ascii')} {self.line().decode('ascii')}"
        if name not in _GLOBALS:
            raise _Refused(f"global {name!r}")
        self.stack.append(_GLOBALS[name])

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not callable(function) or not isinstance(arguments, tuple):
            raise _Refused("a call of what is no function")
        self.stack.append(function(*arguments))

    def build(self) -> None:
        """State of an instance; a header dict has none."""
        if self.pop() not in ({}, None) or not isinstance(self.stack[-1], _HeaderDict):
            raise _Refused("an instance with state")


def _number(text: bytes) -> int:
    if len(text) > 40 or not text.removeprefix(b"-").isdigit():
        raise _Refused(f"number {text[:40]!r}")
    return int(text)


class _Plain:
    """Copies a value, header dicts as plain ones, refusing functions that were never called.

    A container may be in many places at once through the memo. budget bounds the copies, so that
    a small blob cannot unfold into a huge value: every value written out takes a byte at least.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget

    def of(self, value: object) -> object:
        if type(value) in _SCALARS:
            return value
        if isinstance(value, dict):
            self.spend(len(value))
            return {self.of(key): self.of(item) for key, item in value.items()}
        if isinstance(value, list):
            self.spend(len(value))
            return [self.of(item) for item in value]
        if isinstance(value, tuple):
            self.spend(len(value))
            return tuple([self.of(item) for item in value])
        raise _Refused("a function as a value")

    def spend(self, count: int) -> None:
        self.budget -= count + 1
        if self.budget < 0:
            raise _Refused("containers within each other")


def _table() -> list[Callable[[_Reader], None] | None]:
    table: list[Callable[[_Reader], None] | None] = [None] * 256
    steps: dict[bytes, Callable[[_Reader], None]] = {
        b"\x80": _Reader.proto, b"N": _Reader.none, b"\x88": _Reader.true, b"\x89": _Reader.false,
        b"I": _Reader.int_text, b"L": _Reader.long_text, b"J": _Reader.binint,
        b"K": _Reader.binint1, b"M": _Reader.binint2, b"\x8a": _Reader.long1,
        b"F": _Reader.float_text, b"G": _Reader.binfloat, b"V": _Reader.unicode_text,
        b"S": _Reader.string_text, b"T": _Reader.bytes4, b"U": _Reader.bytes1,
        b"B": _Reader.bytes4, b"C": _Reader.bytes1, b"(": _Reader.mark,
        b")": _Reader.empty_tuple, b"\x85": _Reader.tuple1, b"\x86": _Reader.tuple2,
        b"\x87": _Reader.tuple3, b"t": _Reader.tuple_of_marked, b"]": _Reader.empty_list,
        b"l": _Reader.list_of_marked, b"a": _Reader.append, b"e": _Reader.appends,
        b"}": _Reader.empty_dict, b"d": _Reader.dict_of_marked, b"s": _Reader.setitem,
        b"u": _Reader.setitems, b"p": _Reader.put_text, b"r": _Reader.long_binput,
        b"g": _Reader.get_text, b"j": _Reader.long_binget, b"c": _Reader.find_global,
        b"R": _Reader.reduce, b"\x81": _Reader.reduce, b"b": _Reader.build,
    }  # fmt: skip
    for opcode, step in steps.items():
        table[opcode[0]] = step
    return table


_OPCODES = _table()
