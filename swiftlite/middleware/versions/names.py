"""Names and marks of versions in an archive container.

<length of the name in bytes, three hex digits><name>/<timestamp>
"""

from __future__ import annotations

from swiftlite.vocab.timestamp import Timestamp

STACK, HISTORY = "stack", "history"
LOCATION_HEADERS = {STACK: "X-Versions-Location", HISTORY: "X-History-Location"}
SYS_LOCATION = "X-Container-Sysmeta-Versions-Location"
SYS_MODE = "X-Container-Sysmeta-Versions-Mode"
DELETED_TYPE = "application/x-deleted;swift_versions_deleted=1"


def version_prefix(obj: str) -> str:
    """What the names of all versions of an object begin with."""
    return f"{len(obj.encode('utf-8', 'surrogateescape')):03x}{obj}/"


def version_name(obj: str, timestamp: Timestamp) -> str:
    return version_prefix(obj) + timestamp.internal


def is_delete_marker(content_type: object) -> bool:
    """Of a listing's row; listings may put a blank behind the semicolon, or lose the parameter."""
    text = str(content_type).replace(" ", "")
    return text.partition(";")[0] == "application/x-deleted"
