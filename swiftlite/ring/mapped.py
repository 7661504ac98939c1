"""An uncompressed copy of a ring's table, mapped by every process of a host.

Inflating and checking a ring of part power 18 takes 25 ms and 1.6 MB in each worker; mapping
takes 1.5 ms and the pages are shared. The copy names the ring file it was made from by that file's
length, CRC32 and uncompressed length, so a stale one is never used. It is this host's own cache:
byte order and layout are the machine's, nothing else ever reads it, losing it costs nothing.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from array import array
from typing import Any

from .contents import Contents
from .device import Device
from .errors import RingFileError
from .files import replace_file
from .handoffs import Breadth
from .table import TYPE_OF_ID_BYTES, Table

MAGIC = b"SLRINGM2"
HEAD = struct.Struct(
    "=8sIQ8sI"
)  # magic, byte order mark, length and tail of the ring file, JSON length
ORDER_MARK = 0x01020304
PAGE = 4096
FIELDS = (
    "id",
    "region",
    "zone",
    "ip",
    "port",
    "replication_ip",
    "replication_port",
    "device",
    "weight",
    "meta",
)


def map_path(path: str, map_dir: str) -> str:
    """Where the copy of this ring file lies."""
    return os.path.join(map_dir, os.path.basename(path) + ".map")


def _identity(path: str) -> tuple[int, bytes] | None:
    """Length of a gzip file, and its last eight bytes: CRC32 and length of what is inside."""
    try:
        with open(path, "rb") as file:
            length = file.seek(0, os.SEEK_END)
            if length < 26:
                return None
            file.seek(-8, os.SEEK_END)
            return length, file.read(8)
    except OSError:
        return None


def write_map(contents: Contents, path: str, map_dir: str) -> bool:
    """Leave a copy for other processes; False where the folder does not allow it."""
    identity = _identity(path)
    if identity is None:
        return False
    table = contents.table
    text = json.dumps(
        {
            "part_shift": contents.part_shift,
            "row_count": table.row_count,
            "short": table.short,
            "id_bytes": table.id_bytes,
            "version": contents.version,
            "next_part_power": contents.next_part_power,
            "format_version": contents.format_version,
            "totals": contents.breadth.totals,
            "keys": contents.breadth.keys,
            "devices": [
                None if d is None else [getattr(d, name) for name in FIELDS]
                for d in contents.devices
            ],
        }
    ).encode("ascii")
    head = HEAD.pack(MAGIC, ORDER_MARK, *identity, len(text)) + text
    padding = b"\0" * (-len(head) % PAGE)
    try:
        replace_file(map_path(path, map_dir), [head, padding, table.flat.cast("B")])
    except RingFileError:
        return False
    return True


def open_map(path: str, map_dir: str) -> Contents | None:
    """What is in the ring, from its copy, or None when there is none of exactly this ring file."""
    identity = _identity(path)
    if identity is None:
        return None
    try:
        with open(map_path(path, map_dir), "rb") as file:
            if os.fstat(file.fileno()).st_uid not in (os.geteuid(), 0):
                return None  # Somebody else's file in a shared folder is not to be trusted.
            whole = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except (OSError, ValueError):
        return None
    try:
        return _contents_of_map(memoryview(whole), identity)
    except (ValueError, KeyError, TypeError, struct.error, AssertionError):
        return None


def _contents_of_map(view: memoryview, identity: tuple[int, bytes]) -> Contents | None:
    magic, mark, length, tail, text_length = HEAD.unpack_from(view)
    if (magic, mark, (length, tail)) != (MAGIC, ORDER_MARK, identity):
        return None
    stop = HEAD.size + text_length
    fields: dict[str, Any] = json.loads(bytes(view[HEAD.size : stop]))
    typecode = TYPE_OF_ID_BYTES[fields["id_bytes"]]
    assert array(typecode).itemsize == fields["id_bytes"]
    table = view[stop + -stop % PAGE :]
    flat = table.cast("H") if typecode == "H" else table.cast("I")
    parts = 1 << (32 - fields["part_shift"])
    return Contents(
        part_shift=fields["part_shift"],
        devices=[None if d is None else Device(*d) for d in fields["devices"]],
        table=Table(flat, fields["row_count"], parts, fields["short"]),
        breadth=Breadth(tuple(fields["totals"]), [*map(tuple, fields["keys"])]),
        version=fields["version"],
        next_part_power=fields["next_part_power"],
        format_version=fields["format_version"],
    )
