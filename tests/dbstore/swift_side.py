"""Runs OpenStack Swift's own brokers on a file; started with the Python that has `swift`.

Reads a JSON list of steps on stdin, each [method, arguments, keywords]; the first names the
broker: ["container", path] or ["account", path]. Writes the list of results.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from swift.account.backend import AccountBroker
from swift.common.utils import ShardRange, Timestamp
from swift.container.backend import ContainerBroker


class Silent:
    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **named: None


def rows(broker: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # Swift has no types
    found: list[dict[str, Any]] = broker.get_items_since(-1, 1_000_000)
    return found


def metadata(broker: Any) -> dict[str, Any]:  # noqa: ANN401  # as above
    found: dict[str, Any] = broker.metadata
    return found


def add_shard_range(broker: Any, name: str, upper: str) -> None:  # noqa: ANN401  # as above
    broker.merge_shard_ranges([ShardRange(name, Timestamp.now(), upper=upper)])


def shard_names(broker: Any) -> list[str]:  # noqa: ANN401  # as above
    return [found.name for found in broker.get_shard_ranges()]


OWN: dict[str, Callable[..., Any]] = {
    "rows": rows,
    "metadata": metadata,
    "add_shard_range": add_shard_range,
}
OWN["shard_names"] = shard_names


def main() -> None:
    (kind, path), *steps = json.load(sys.stdin)
    broker = {"container": ContainerBroker, "account": AccountBroker}[kind](path, logger=Silent())
    results = []
    for method, arguments, keywords in steps:
        if method in OWN:
            result = OWN[method](broker, *arguments, **keywords)
        else:
            result = getattr(broker, method)(*arguments, **keywords)
        results.append(result if isinstance(result, (dict, list, str, int, bool)) else None)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
