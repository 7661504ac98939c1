"""A process that writes rows until it is killed, and says which ones it was told are durable.

Arguments: folder, number of this writer. Each line on stdout is the name of an acknowledged row.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from swiftlite.host import green
from tests.dbstore.stores import Store, row

TASKS = 8


def main() -> None:
    folder, writer = Path(sys.argv[1]), sys.argv[2]
    host = green.make_host()
    store = Store(folder, host=host)
    broker = store.container()
    if not broker.exists():
        store.put(broker)

    def write(task: int) -> None:
        number = 0
        while True:
            name = f"{writer}-{task}-{number:06d}"
            broker.merge_rows([row(name, number)])
            os.write(1, f"{name}\n".encode())
            number += 1

    tasks = [host.tasks.spawn(write, task) for task in range(TASKS)]
    for task in tasks:
        task.wait()


if __name__ == "__main__":
    main()
