#!/usr/bin/env python3
"""Makes tests/golden/databases: an account and a container as OpenStack Swift writes them.

Needs an environment with the `swift` package (pip install swift); it runs Swift's own brokers.
Each database comes with a pending file that has not been merged yet, and with what Swift says of
both after merging. The tests need only the stored files.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from swift.account.backend import AccountBroker
from swift.common.utils import Timestamp
from swift.container.backend import ContainerBroker

TARGET = Path(__file__).parents[1] / "tests" / "golden" / "databases"
START = 1_700_000_000


def at(second: int, offset: int = 0) -> str:
    return str(Timestamp(START + second, offset=offset).internal)


def put_objects(broker: ContainerBroker, numbers: range) -> None:
    for number in numbers:
        name = f"photos/{number:03d}" if number % 2 else f"grüße {number:03d} 😀"
        broker.put_object(name, at(number), number * 10, "image/jpeg", f"{number:032x}", 0, 0)


def fill_container(broker: ContainerBroker) -> None:
    broker.initialize(at(0), 0)
    broker.update_metadata(
        {
            "X-Container-Meta-Colour": ("grün", at(1)),
            "X-Container-Meta-Gone": ("", at(2)),
            "X-Container-Read": (".r:*", at(1)),
        }
    )
    put_objects(broker, range(40))
    broker.delete_object("photos/001", at(50), 0)
    broker.put_object("large", at(3), 0, "video/mp4;swift_bytes=12345", "slo", 0, 0, at(4), at(5))
    broker.put_object("elsewhere", at(6), 7, "text/plain", "e", 0, 1)
    broker.put_object("rewritten", at(7, offset=10), 8, "text/plain", "e", 0, 0)
    broker.get_info()  # merges


def leave_pending_objects(broker: ContainerBroker) -> None:
    put_objects(broker, range(40, 45))
    broker.delete_object("photos/003", at(60), 0)
    broker.put_object("large", at(3), 0, "video/webm", "slo", 0, 0, at(70), at(71))


def fill_account(broker: AccountBroker) -> None:
    broker.initialize(at(0))
    broker.update_metadata({"X-Account-Meta-Colour": ("grün", at(1))})
    for number in range(20):
        name = f"c{number:02d}" if number % 3 else f"größe {number:02d}"
        broker.put_container(name, at(number), "0", number, number * 100, number % 2)
    broker.put_container("c01", at(1), at(30), 0, 0, 1)
    broker.get_info()


def leave_pending_containers(broker: AccountBroker) -> None:
    broker.put_container("c02", at(2), "0", 77, 7700, 0)
    broker.put_container("new", at(40), "0", 1, 2, 0)


def said_of_container(broker: ContainerBroker) -> dict[str, Any]:
    listing = broker.list_objects_iter(100, "", None, None, None)
    rows = broker.get_items_since(-1, 1000)
    return {
        "info": broker.get_info(),
        "policies": broker.get_policy_stats(),
        "listing": [list(row) for row in listing],
        "rows": rows,
        "metadata": broker.metadata,
    }


def said_of_account(broker: AccountBroker) -> dict[str, Any]:
    return {
        "info": broker.get_info(),
        "policies": broker.get_policy_stats(),
        "listing": [list(row) for row in broker.list_containers_iter(100, "", "", "", "")],
        "rows": broker.get_items_since(-1, 1000),
        "metadata": broker.metadata,
    }


def keep(path: Path, name: str) -> None:
    for suffix in ("", ".pending"):
        blob = Path(f"{path}{suffix}").read_bytes()
        with gzip.GzipFile(TARGET / f"{name}.db{suffix}.gz", "wb", mtime=0) as out:
            out.write(blob)


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp())
    said = {}
    try:
        path = folder / "sda1/containers/1/abc/hash/hash.db"
        container = ContainerBroker(str(path), account="AUTH_test", container="pfad ü")
        fill_container(container)
        leave_pending_objects(container)
        keep(path, "container")
        said["container"] = said_of_container(container)
        path = folder / "sda1/accounts/1/abc/hash/hash.db"
        account = AccountBroker(str(path), account="AUTH_test")
        fill_account(account)
        leave_pending_containers(account)
        keep(path, "account")
        said["account"] = said_of_account(account)
    finally:
        shutil.rmtree(folder)
    text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False)
    (TARGET / "said.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
