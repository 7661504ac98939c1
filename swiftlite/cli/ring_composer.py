"""swiftlite-ring-composer: composite rings from several builders.

Exit codes: 0 done, 2 error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TextIO

from swiftlite.ring import RingError
from swiftlite.ring.composite import Composite, compose_ring


def main(argv: Sequence[str] | None = None) -> int:
    """For the entry point."""
    return run(sys.argv[1:] if argv is None else argv, out=sys.stdout, err=sys.stderr)


def run(args: Sequence[str], *, out: TextIO, err: TextIO) -> int:
    """Parse, compose or show, answer."""
    options = _parser().parse_args(args)
    try:
        if options.command == "show":
            composite = Composite.load(options.composite_builder_file)
        else:
            composite = compose_ring(
                options.composite_builder_file,
                options.builder_files,
                options.output,
                force=options.force,
                format_version=options.format_version,
            )
    except RingError as fault:
        err.write(f"swiftlite-ring-composer: {fault}\n")
        return 2
    if options.command == "show" or options.json:
        out.write(json.dumps(composite.to_dict(), indent=4, sort_keys=True) + "\n")
    else:
        replicas = sum(component.replicas for component in composite.components)
        out.write(
            f"{options.output}: {len(composite.components)} builders, {replicas:g} replicas,"
            f" composite version {composite.version}\n"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="swiftlite-ring-composer",
        description="Stacks the rings of several builders into one. They have the same part power,"
        " whole replica counts, and share no region and no device.",
    )
    parser.add_argument("composite_builder_file", help="remembers what the ring was made of")
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="the composite builder file")
    show.add_argument("--json", action="store_true")
    compose = commands.add_parser("compose", help="write the composite ring")
    compose.add_argument(
        "builder_files", nargs="*", help="in order; left out: those of the last time"
    )
    compose.add_argument("--output", required=True, metavar="RING_FILE")
    compose.add_argument(
        "--force", action="store_true", help="even if nothing changed or the builders are others"
    )
    compose.add_argument("--format-version", type=int, choices=(1, 2), default=1)
    compose.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
