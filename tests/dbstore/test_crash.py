"""Writers are killed in mid-load: acknowledged rows are there, and the sums are true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dbstore.stores import Store, connect, kept, names, recount

ROOT = Path(__file__).parents[2]


def start_writer(folder: Path, writer: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.dbstore.writer_process", str(folder), str(writer)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def acknowledged(process: subprocess.Popen[bytes], count: int) -> set[str]:
    """Read `count` names, kill the writer without warning, and read what was in the pipe."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    process.kill()
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    whole = b"".join(lines) + rest[: rest.rfind(b"\n") + 1]
    return {line.decode() for line in whole.splitlines()}


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 40, 333])
def test_rows_acknowledged_before_a_kill_are_there(tmp_path: Path, count: int) -> None:
    told = acknowledged(start_writer(tmp_path, 0), count)
    store = Store(tmp_path)
    broker = store.container()
    assert told <= set(names(broker))
    assert kept(broker.place.path) == recount(broker.place.path)
    store.close()


@pytest.mark.slow
def test_one_of_two_writers_is_killed_and_neither_loses_a_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    broker = store.made_container()
    writers = [start_writer(tmp_path, number) for number in range(2)]
    told = acknowledged(writers[0], 60)
    told |= acknowledged(writers[1], 60)  # it went on beside the dead one's files
    assert told <= set(names(broker))
    assert kept(broker.place.path) == recount(broker.place.path)
    sql = connect(broker.place.path)
    assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sql.close()
    store.close()
