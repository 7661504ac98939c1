"""write_ring: the ring file again, without a rebalance."""

from __future__ import annotations

from .choosing import Parser
from .session import SUCCESS, CommandError, Session

SUMMARY = "write the ring file without rebalancing"
USAGE = """\
swiftlite-ring-builder <builder file> write_ring [--format-version 1|2] [--dev-id-bytes 2|4]

After set_info or a partition power step. Format 2 (Swift 2.36 and later) has checksums and room for
4-byte ids."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("--format-version", type=int, choices=(1, 2), default=1)
    parser.add_argument("--dev-id-bytes", type=int, choices=(2, 4))
    options = parser.parse_args(args)
    builder = session.builder
    if not builder.rebalanced:
        raise CommandError("a ring without assignments cannot be written; rebalance first")
    if options.dev_id_bytes and options.dev_id_bytes != builder.id_bytes:
        builder.set_id_bytes(options.dev_id_bytes)
        if options.format_version == 1 and builder.id_bytes > 2:
            raise CommandError("ring format 1 has no 4-byte ids; say --format-version 2")
        session.save()
    session.write_ring(options.format_version)
    session.say(
        f"{session.ring_path}: written in format {options.format_version}",
        ring_file=session.ring_path,
        format_version=options.format_version,
        version=builder.version,
    )
    return SUCCESS
