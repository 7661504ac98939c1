"""CRC32 (the one of zlib, gzip and Ethernet): over buffers, and of two buffers' concatenation.

crc32 is ISA-L's crc32_gzip_refl where that library is found, by ctypes and for blocks worth the
call: 0.02 s/GB against zlib's 0.24. Both give the same numbers, so nothing stored depends on it.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

Buffer = bytes | bytearray | memoryview
_POLYNOMIAL = 0xEDB88320  # bit-reversed, as in every description of this CRC
_WORTH_THE_CALL = 4096  # bytes; below it the call through ctypes costs more than it saves


def _find_isal() -> Callable[[int, ctypes.c_void_p | bytes | int, int], int] | None:
    """ISA-L's function, or None. A library that answers wrongly is as good as none."""
    for name in ("libisal.so.2", *_libraries_beside_pyeclib()):
        try:
            function = ctypes.CDLL(name).crc32_gzip_refl
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint64)
        function.restype = ctypes.c_uint32
        if function(7, b"123456789", 9) == zlib.crc32(b"123456789", 7):
            return function
    return None


def _libraries_beside_pyeclib() -> list[str]:
    """The wheels of pyeclib, which erasure coding needs anyway, bring ISA-L along."""
    spec = find_spec("pyeclib")
    if spec is None or spec.origin is None:
        return []
    wheel = Path(spec.origin).parents[1] / "pyeclib.libs"
    return [str(found) for found in sorted(wheel.glob("libisal*.so*"))]


_isal = _find_isal()


def crc32(data: Buffer, value: int = 0) -> int:
    """Of data, going on from value. Lets other threads run meanwhile when data is large."""
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    if _isal is None or size < _WORTH_THE_CALL:
        return zlib.crc32(data, value)
    if isinstance(data, bytes):
        return _isal(value, data, size)
    if memoryview(data).readonly:
        return zlib.crc32(data, value)  # ctypes cannot take the address of a read-only view
    return _isal(value, ctypes.c_void_p(_address(data)), size)


def crc32_of_blocks(data: Buffer, block_bytes: int) -> list[int]:
    """Of each whole block; what is left over at the end has none. 0.6 µs a block beside its bytes,
    where crc32 of a slice takes 2.5."""
    view = memoryview(data)
    starts = range(0, view.nbytes - block_bytes + 1, block_bytes)
    if _isal is None or block_bytes < _WORTH_THE_CALL or view.readonly:
        return [crc32(view[at : at + block_bytes]) for at in starts]
    isal, address = _isal, _address(view)
    return [isal(0, address + at, block_bytes) for at in starts]


def _address(data: bytearray | memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(data))


def shift_operator(byte_count: int) -> int:
    """x**(8 * byte_count) modulo the polynomial: what joined() needs for so long a second part."""
    operator, power = 1 << 31, 1 << 23  # x**0 and x**8, bit-reversed
    while byte_count:
        if byte_count & 1:
            operator = _multiplied(power, operator)
        power = _multiplied(power, power)
        byte_count >>= 1
    return operator


def joined(first: int, second: int, operator: int) -> int:
    """The CRC of two buffers, one after the other; operator is of the second one's length."""
    return _multiplied(operator, first) ^ second


def _multiplied(one: int, other: int) -> int:
    """Product of two polynomials over GF(2), modulo the CRC's, all bit-reversed."""
    product, bit = 0, 1 << 31
    while bit:
        if one & bit:
            product ^= other
        other = (other >> 1) ^ (_POLYNOMIAL if other & 1 else 0)
        bit >>= 1
    return product
