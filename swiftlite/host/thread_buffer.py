"""A buffer for each thread, for C functions that fill one without the interpreter's lock."""

from __future__ import annotations

import ctypes
import threading


class ThreadBuffer(threading.local):
    """bytes: the calling thread's own, with its address. What a call leaves there is good until
    the thread's next one."""

    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))
