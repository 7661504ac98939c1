"""The logs of a cluster under load: what they complain about, and not let grow without bound."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

_BAD = re.compile(rb"Traceback|\bERROR\b|\bCRITICAL\b|Quarantined|[Uu]nhandled")
_KEEP_BYTES = 32 << 20
_SHOWN = 300


class Logs:
    """Reads each file once, from where it ended the last time; empties large ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[Path, int] = {}
        self.complaints: Counter[str] = Counter()

    def look(self) -> None:
        for path in sorted(self._folder.glob("*.log")):
            with path.open("rb") as file:
                file.seek(self._seen.get(path, 0))
                for line in file:
                    if _BAD.search(line):
                        self._note(path, line)
                self._seen[path] = file.tell()
            if self._seen[path] > _KEEP_BYTES:
                os.truncate(path, 0)  # its writers append
                self._seen[path] = 0

    def _note(self, path: Path, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        kind = re.sub(r"[0-9a-f]{8,}[-0-9a-fx]*|\d+", "N", text)[:_SHOWN]
        self.complaints[f"{path.name}: {kind}"] += 1
