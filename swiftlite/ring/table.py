"""The assignment table, laid out by partition: all device ids of one partition lie side by side.

One buffer, read through a memoryview: an array made before a fork, or a file mapped by all workers.
Refuses to know devices, names and files. The builder's own shape is rows (one array per replica,
as the files have it); `from_rows` and `rows` convert.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

TYPE_OF_ID_BYTES = {2: "H", 4: "I"}


def unassigned(id_bytes: int) -> int:
    """The id that means no device: all ones."""
    return (1 << (8 * id_bytes)) - 1


@dataclass(frozen=True, slots=True)
class Table:
    """`flat[partition * row_count + replica]` is a device id.

    The last row may be short: its partitions from `short` on hold the unassigned id instead.
    """

    flat: memoryview
    row_count: int
    partition_count: int
    short: int

    def __post_init__(self) -> None:
        assert len(self.flat) == self.row_count * self.partition_count
        assert 0 < self.short <= self.partition_count

    @property
    def id_bytes(self) -> int:
        return self.flat.itemsize

    @property
    def replica_count(self) -> float:
        return self.row_count - 1 + self.short / self.partition_count

    @property
    def nothing(self) -> int:
        """The unassigned id of this table."""
        return unassigned(self.flat.itemsize)

    @classmethod
    def from_rows(cls, rows: Sequence[array[int]], partition_count: int) -> Table:
        """Every row as long as there are partitions, except that the last may be short."""
        assert rows
        assert all(len(row) == partition_count for row in rows[:-1])
        count = len(rows)
        typecode = rows[0].typecode
        flat = array(typecode, [0]) * (count * partition_count)
        for replica, row in enumerate(rows[:-1]):
            flat[replica::count] = row
        last = rows[-1]
        if len(last) < partition_count:
            padding = array(typecode, [unassigned(flat.itemsize)]) * (partition_count - len(last))
            last = last + padding
        flat[count - 1 :: count] = last
        return cls(memoryview(flat), count, partition_count, len(rows[-1]))

    def rows(self) -> list[array[int]]:
        """One array per replica; the last one as short as it is."""
        typecode = TYPE_OF_ID_BYTES[self.id_bytes]
        whole = array(typecode)
        whole.frombytes(self.flat.cast("B"))
        rows = [whole[replica :: self.row_count] for replica in range(self.row_count)]
        del rows[-1][self.short :]
        return rows

    def ids(self, partition: int) -> list[int]:
        """The device ids of one partition in row order, repeats and all."""
        start = partition * self.row_count
        count = self.row_count if partition < self.short else self.row_count - 1
        return self.flat[start : start + count].tolist()
