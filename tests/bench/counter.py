"""Telling callgrind when to count, from Python: a client request is a few instructions that do
nothing elsewhere, and that valgrind recognises.

Source: valgrind's manual (client request mechanism) and callgrind.h; for x86-64 only.
"""

from __future__ import annotations

import ctypes
import mmap

_CODE = bytes.fromhex(
    "4889f8"  # mov rax, rdi         the address of the arguments
    "31d2"  # xor edx, edx           the answer where no valgrind is
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rotate rdi by 128 bits in all: a very odd nothing
    "4887db"  # xchg rbx, rbx        here valgrind takes over
    "4889d0 c3"  # mov rax, rdx; ret
)
_BASE = ord("C") << 24 | ord("T") << 16
_ZERO, _DUMP_AT, _START, _STOP = _BASE + 1, _BASE + 3, _BASE + 4, _BASE + 5


class Counter:
    """Counts what happens between start() and stop(); outside valgrind, nothing."""

    def __init__(self) -> None:
        self._page = mmap.mmap(
            -1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        )
        self._page.write(_CODE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(address)

    def start(self) -> None:
        self._request(_START)
        self._request(_ZERO)

    def stop(self, name: str) -> None:
        """Write the count to a file of its own, under this name."""
        text = ctypes.create_string_buffer(name.encode())
        self._request(_DUMP_AT, ctypes.addressof(text))
        self._request(_STOP)

    def _request(self, code: int, argument: int = 0) -> None:
        arguments = (ctypes.c_uint64 * 6)(code, argument)
        self._call(ctypes.addressof(arguments))
