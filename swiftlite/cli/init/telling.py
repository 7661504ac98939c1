"""What swiftlite-init says: lines as they happen, or one JSON list at the end."""

from __future__ import annotations

import json


class Telling:
    """fields are what a program wants to know; the line is for people, and OpenStack Swift's where
    its operators' scripts look at it."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._events: list[dict[str, object]] = []

    def __call__(self, line: str, event: str, **fields: object) -> None:
        if self._as_json:
            self._events.append({"event": event, **fields})
        else:
            print(line, flush=True)

    def finish(self) -> None:
        if self._as_json:
            print(json.dumps(self._events, default=str))
