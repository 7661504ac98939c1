"""What counting requests for /metrics costs, as a share of the CPU of whole requests.

Instructions in user space, counted by valgrind: of a request through the metrics filter to an app
that does nothing, less those of that app alone; beside those of the hot paths, as agreed on in
tests/bench/instructions.json. Those through the pipeline are whole requests to a proxy; those of
the storage servers are without the HTTP server, and all are without the kernel, whose part is as
large again and has no counting in it.

    python -m tools.bench.metrics_cost
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.instructions import agreed, counted, unusable
from tools.bench.metrics_paths import ALONE, COUNTED

PATHS = Path(__file__).with_name("metrics_paths.py")
SHARE_MAX = 0.02


def main() -> int:
    if reason := unusable():
        print(reason, file=sys.stderr)
        return 1
    found = counted(PATHS)
    cost = found[COUNTED] - found[ALONE]
    print(f"{cost:,} instructions to count a request")
    worst = 0.0
    for name, count in agreed().items():
        if name != "tiny GET":
            share = cost / count
            if "pipeline" in name:
                worst = max(worst, share)
            print(f"{share:7.2%} of {count:12,}  {name}")
    return 0 if worst <= SHARE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
