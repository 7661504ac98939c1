"""A process that writes rows into one container until it is killed, making it anew when it goes.

Arguments: folder. Each line on stdout is the name of a row that was acknowledged.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from swiftlite.dbstore.errors import DatabaseError, DatabaseMissing
from swiftlite.host import green
from tests.dbstore.stores import Store, row

TASKS = 4


def main() -> None:
    host = green.make_host()
    store = Store(Path(sys.argv[1]), host=host)
    broker = store.container()

    def write(task: int) -> None:
        number = 0
        while True:
            name = f"{task}-{number:06d}"
            try:
                broker.merge_rows([row(name, number)])
            except DatabaseMissing:
                store.put(broker)
                continue
            except DatabaseError:
                continue  # not acknowledged: the next name may be
            finally:
                number += 1
            os.write(1, f"{name}\n".encode())

    store.put(broker)
    for task in [host.tasks.spawn(write, task) for task in range(TASKS)]:
        task.wait()


if __name__ == "__main__":
    main()
