"""verify: is a ring file whole, does it belong to this builder, and what is its MD5?"""

from __future__ import annotations

import hashlib
import os

from swiftlite.ring import RingFileError
from swiftlite.ring.contents import Contents
from swiftlite.ring.files import read_file
from swiftlite.ring.load import load_image

from .choosing import Parser
from .session import ERROR, SUCCESS, WARNING, Session, stale

SUMMARY = "check ring files, and show their MD5 as recon reports it"
USAGE = """\
swiftlite-ring-builder <builder or ring file> verify [<ring file> ...] [--md5 HEX]

Reads each ring file as a server would: checksums, lengths, ids. Shows its MD5, the number that
recon compares between nodes; --md5 says which it must be. Without further files: the builder's own
ring, which is also compared with the builder. Exit code 2 for a file that no server could use or
that has another MD5, 1 for one that is older than the builder."""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--md5")
    options = parser.parse_args(args)
    code = SUCCESS
    results = []
    for path in options.files or [session.ring_path]:
        found = _one(path, options.md5)
        results.append(found)
        if found["fault"]:
            session.say(f"{path}: BAD: {found['fault']}")
            code = ERROR
        else:
            session.say(
                f"{path}: good, format {found['format_version']}, build version"
                f" {found['version']}, MD5 {found['md5']}"
            )
    session.say(rings=results)
    if not options.files and code == SUCCESS and _older(session):
        session.say(f"{session.ring_path} is older than {session.builder_path}", obsolete=True)
        return WARNING
    return code


def _one(path: str, md5: str | None) -> dict[str, object]:
    result: dict[str, object] = {"file": path, "fault": None}
    try:
        digest = hashlib.md5(read_file(path), usedforsecurity=False).hexdigest()
        result["md5"] = digest
        image = load_image(path)
        Contents.of(image, path)
    except RingFileError as fault:
        return result | {"fault": fault.why}
    result |= {"format_version": image.format_version, "version": image.version}
    if md5 is not None and digest != md5.lower():
        result["fault"] = f"its MD5 is {digest}, not {md5.lower()}"
    return result


def _older(session: Session) -> bool:
    return os.path.exists(session.builder_path) and bool(stale(session))
