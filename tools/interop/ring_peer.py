"""The other side of ring_versus.py: runs under the Python that has OpenStack Swift installed.

Reads one JSON request per line, answers one JSON line. Its time of day is what the request says.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from typing import Any


def command(request: dict[str, Any]) -> dict[str, Any]:
    """One call of swift-ring-builder, in this process."""
    from swift.cli import ringbuilder

    out = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = ringbuilder.main(["swift-ring-builder", *request["args"]]) or 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return {"code": code, "out": out.getvalue()}


def builder(request: dict[str, Any]) -> dict[str, Any]:
    """Load a builder file, validate it, and say what it holds."""
    from swift.common.ring import RingBuilder

    found = RingBuilder.load(request["path"])
    if found._replica2part2dev:
        found.validate()
    return {
        "parts": found.parts,
        "replicas": found.replicas,
        "balance": found.get_balance(),
        "dispersion": found.dispersion,
        "devices": sum(d is not None for d in found.devs),
    }


def ring(request: dict[str, Any]) -> dict[str, Any]:
    """Primaries and handoffs of some partitions of a ring file."""
    from swift.common import utils
    from swift.common.ring import Ring

    utils.HASH_PATH_PREFIX = b"changeme"
    utils.HASH_PATH_SUFFIX = b"changeme"
    found = Ring(request["path"])
    answer = [
        [
            [node["id"] for node in found.get_part_nodes(partition)],
            [[node["id"], node["handoff_index"]] for node in found.get_more_nodes(partition)],
        ]
        for partition in request["partitions"]
    ]
    names = [found.get_nodes(*name)[0] for name in request.get("names", [])]
    return {"nodes": answer, "partitions": names}


def main() -> None:
    now = [time.time()]
    real = time.time
    import swift.cli.ringbuilder
    import swift.common.ring.builder

    swift.common.ring.builder.time = lambda: now[0]
    swift.cli.ringbuilder.time = lambda: now[0]
    assert real is time.time
    for line in sys.stdin:
        request = json.loads(line)
        now[0] = request.get("now", real())
        try:
            answer = {"command": command, "builder": builder, "ring": ring}[request["do"]](request)
        except Exception as fault:
            answer = {"fault": f"{type(fault).__name__}: {fault}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
