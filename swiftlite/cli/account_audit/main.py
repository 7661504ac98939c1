"""`swiftlite-account-audit [PATH ...]`, paths from standard input as well.

Exit codes: 0 looked at, whatever was found, 1 no rings or a file that cannot be written, 2 wrong
usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

from swiftlite.cli.account_audit.audit import Auditor, Key
from swiftlite.cli.account_audit.nodes import Nodes
from swiftlite.cli.pipes import may_be_cut
from swiftlite.service.servers import SWIFT_DIR
from swiftlite.vocab.errors import SwiftliteError

_GROUPS = (
    ("Accounts checked", "accounts_checked", {
        "Missing Replicas": "account_not_found",
        "Exceptions": "account_exceptions",
        "Container mismatch": "account_container_mismatch",
        "Object mismatch": "account_object_mismatch",
    }),
    ("Containers checked", "containers_checked", {
        "Missing Replicas": "container_not_found",
        "Exceptions": "container_exceptions",
        "Count mismatch": "container_count_mismatch",
        "Object mismatch": "container_obj_mismatch",
    }),
    ("Objects checked", "objects_checked", {
        "Missing Replicas": "object_not_found",
        "Exceptions": "object_exceptions",
        "MD5 Mismatch": "object_checksum_mismatch",
    }),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-account-audit",
        description="Ask every node that has an account, a container or an object for it, and say "
        "where they disagree. An account means all that is in it, a container its objects. Paths "
        "such as AUTH_x/container/object are read from standard input as well.",
    )
    made.add_argument("paths", nargs="*", metavar="PATH")
    made.add_argument("-c", type=int, default=50, metavar="N", help="so many at a time (50)")
    made.add_argument("-r", default=SWIFT_DIR, metavar="DIR", help=f"rings ({SWIFT_DIR})")
    made.add_argument("-e", metavar="FILE", help="append the paths of what disagrees to this file")
    made.add_argument("-d", action="store_true", help="read objects whole and check their MD5")
    made.add_argument("--json", action="store_true", help="a JSON object of what was found")
    return made


@may_be_cut
def main(arguments: Sequence[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(arguments)
    lines: list[str] = []
    faulty: list[str] = []
    lock = threading.Lock()

    def say(line: str) -> None:
        if options.json:
            lines.append(line.strip())
        else:
            print(line, flush=True)

    def note(path: str) -> None:
        with lock:
            faulty.append(path)
            if options.e:
                with open(options.e, "a", encoding="utf-8") as errors:
                    errors.write(f"{path}\n")

    wanted = list(_keys(options.paths))
    if not wanted:
        made.print_help()
        return 0
    try:
        auditor = Auditor(
            Nodes(options.r), say, note, deep=options.d, concurrency=max(1, options.c)
        )
        auditor.run(wanted)
    except (SwiftliteError, OSError) as error:
        print(f"swiftlite-account-audit: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"counts": auditor.counts, "faulty": faulty, "said": lines}))
    else:
        print("\n".join(_summary(auditor.counts)))
    return 0


def _keys(paths: Sequence[str]) -> Iterator[Key]:
    for path in paths:
        yield _key(path)
    if not sys.stdin.isatty():
        for line in sys.stdin:
            if line.strip():
                yield _key(line.rstrip("\r\n"))


def _key(path: str) -> Key:
    return tuple(part for part in path.strip("/").split("/", 2) if part)


def _summary(counts: Counter[str]) -> Iterator[str]:
    for title, checked, faults in _GROUPS:
        yield ""
        yield f"{title:>18}: {counts[checked]}"
        for fault, name in faults.items():
            if counts[name]:
                yield f"{fault:>18}: {counts[name]}"
