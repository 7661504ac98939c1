"""The file acts that the ring is allowed: read a file whole, replace a file in one step.

A reader sees the old file or the new one. Order matters: bytes, then sync, then mode, then
rename, then the directory; a crash before the rename leaves only a temporary file.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable

from .errors import RingFileError

Buffer = bytes | bytearray | memoryview


def read_file(path: str) -> bytes:
    """All bytes of a file. Raises RingFileError with the system's reason."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as fault:
        raise RingFileError(path, _reason(fault)) from fault
    except MemoryError:
        raise RingFileError(path, "too large for this machine's memory") from None


def replace_file(path: str, pieces: Iterable[Buffer], *, mode: int = 0o644) -> None:
    """Put these bytes in the file's place. Raises RingFileError; the old file is then untouched."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}.")
    except OSError as fault:
        raise RingFileError(path, f"cannot be written: {_reason(fault)}") from fault
    try:
        with open(handle, "wb", closefd=True) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        os.replace(temporary, path)
    except OSError as fault:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise RingFileError(path, f"cannot be written: {_reason(fault)}") from fault
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Make a rename in this folder last. Some file systems cannot; they lose nothing by it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _reason(fault: OSError) -> str:
    return fault.strerror or str(fault)
