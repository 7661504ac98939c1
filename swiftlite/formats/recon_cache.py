"""A recon cache file: one JSON object, updated key by key, which operators' tools read.

An empty dict removes a key; dicts are merged one level deep, as Swift does, so that each device
of a pass may report for itself. Source: doc/formats/recon-caches.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping


def parse_recon(blob: bytes) -> dict[str, object]:
    """The cache; an empty, torn or strange file counts as an empty cache."""
    try:
        found = json.loads(blob)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def merge_recon(blob: bytes, updates: Mapping[str, object]) -> bytes:
    """The file's new content: what it said, with updates on top, in one line."""
    cache = parse_recon(blob)
    for key, value in updates.items():
        if not isinstance(value, dict):
            cache[key] = value
        elif not value:
            cache.pop(key, None)
        else:
            old = cache.get(key)
            merged = {**(old if isinstance(old, dict) else {}), **value}
            cache[key] = {inner: item for inner, item in merged.items() if item != {}}
    return json.dumps(cache, sort_keys=True).encode("ascii") + b"\n"
