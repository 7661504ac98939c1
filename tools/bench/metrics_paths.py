"""A request through the metrics filter to an app that does nothing, and that app alone.

Run under valgrind by metrics_cost.py.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from swiftlite.host import bundle, plain
from swiftlite.middleware.metrics.filter import Metrics
from swiftlite.middleware.metrics.options import MetricsOptions
from swiftlite.observe.log import Log
from swiftlite.observe.sinks import NullSink
from tests.bench.counter import Counter
from tests.bench.hot_paths import REQUESTS, WARM_UP

ALONE, COUNTED = "an app alone", "counted"


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return []


def main() -> None:
    gc.disable()
    counter = Counter()
    host = bundle.install(plain.make_host())
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v1/a/c/o"}
    with tempfile.TemporaryDirectory() as folder:
        metrics = Metrics(
            app, MetricsOptions(metrics_dir=folder), host=host,
            log=Log("bench", sink=NullSink()), server="proxy-server", stores=False,
        )  # fmt: skip
        for name, called in ((ALONE, app), (COUNTED, metrics)):
            for _ in range(WARM_UP):
                called(environ, lambda *_: None)
            counter.start()
            for _ in range(REQUESTS):
                called(environ, lambda *_: None)
            counter.stop(name)


if __name__ == "__main__":
    main()
