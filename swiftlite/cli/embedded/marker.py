"""cluster.json: how a folder says that it is a cluster of ours, and which.

It is written when creation begins and again when it is complete, so that a creation that was cut
short is taken up again instead of being mistaken for somebody's files. It also keeps a digest of
each conf as it was generated: a conf that an operator has changed is the operator's.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from swiftlite.vocab.errors import SwiftliteError

NAME = "cluster.json"
FORMAT = 1


class FolderUnusable(SwiftliteError):
    """The folder cannot hold this cluster; the message is one sentence for whoever named it."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What was decided when the cluster was made. generated: conf path below DIR -> SHA-256."""

    devices: int
    replicas: float
    part_power: int
    first_port: int
    owner_key: str
    complete: bool = False
    format: int = FORMAT
    generated: dict[str, str] = field(default_factory=dict)

    def with_generated(self, path: str, text: str) -> Marker:
        return replace(self, generated={**self.generated, path: digest(text)})


def read_marker(root: Path) -> Marker | None:
    """The marker of a folder; None for a folder that is empty or does not exist.

    Raises FolderUnusable for a folder of anything else.
    """
    try:
        names = set(os.listdir(root))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise FolderUnusable(f"{root} is a file; name a folder.") from None
    except PermissionError:
        raise FolderUnusable(f"{root} may not be read by this user.") from None
    names.discard("lost+found")  # a file system of its own is as good as an empty folder
    if NAME in names:
        return _parse(root)
    if names:
        raise FolderUnusable(
            f"{root} is not empty and holds no cluster of swiftlite; name a new or empty folder."
        )
    return None


def _parse(root: Path) -> Marker:
    path = root / NAME
    try:
        found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise ValueError("not an object")
        if found.get("format") != FORMAT:
            raise FolderUnusable(
                f"{root} holds a cluster of format {found.get('format')!r}, which this version "
                f"(format {FORMAT}) does not know; use the version that made it."
            )
        return Marker(**found)
    except (ValueError, TypeError, OSError) as error:
        raise FolderUnusable(f"{path} cannot be understood ({error}).") from None


def write_marker(root: Path, marker: Marker) -> None:
    """Replace the marker in one step; readable by the owner alone, for the key that it keeps."""
    write_private(root / NAME, json.dumps(asdict(marker), indent=1, sort_keys=True) + "\n")


def write_private(path: Path, text: str) -> None:
    """A file that only its owner may read, replaced in one step and durable."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    os.replace(temporary, path)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_ours(marker: Marker, root: Path, path: str) -> bool:
    """Whether a conf is still as it was generated (or missing), and may be generated again."""
    try:
        text = (root / path).read_text()
    except FileNotFoundError:
        return True
    return marker.generated.get(path) == digest(text)
