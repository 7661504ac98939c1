"""version: of the ring file, its format and the builder's count."""

from __future__ import annotations

from swiftlite.ring.load import load_image

from .choosing import Parser
from .session import SUCCESS, Session

SUMMARY = "format and builder version of the ring file"
USAGE = """\
swiftlite-ring-builder <ring file> version"""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    Parser(add_help=False).parse_args(args)
    image = load_image(session.ring_path)
    session.say(
        f"{session.ring_path}: Serialization version: {image.format_version}"
        f" ({image.id_bytes}-byte IDs), build version: {image.version}",
        ring_file=session.ring_path,
        format_version=image.format_version,
        id_bytes=image.id_bytes,
        version=image.version,
    )
    return SUCCESS
