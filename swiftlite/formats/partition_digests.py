"""Many partitions compared in one REPLICATE between two nodes of ours, which have agreed on it.

Asked: a line for each, `<device> <partition> <digest>`, where digest is partition_digest() of the
asker's hashes. Answered: JSON, {"same": [line numbers], "differ": {line number: hashes}, "age":
{line number: seconds}}, numbers from 0. A line that is in neither was not looked at; ask for that
partition in the plain way. age: how long ago hashes that differ last changed.
Source: doc/formats/suffix-hashes.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from swiftlite.formats.ondisk_names import is_suffix
from swiftlite.formats.suffix_hashes import SuffixHash
from swiftlite.vocab.errors import SwiftliteError

DIGESTS, SETTLE = "digests", "settle"
"""Values of X-Backend-Swiftlite in a REPLICATE. digests: the body compares many partitions. settle:
what was pushed must be durable when the answer comes, for the pusher will let go of its own."""
LINES_MAX = 1024
BYTES_MAX = 1 << 18

_claim = re.compile(
    r"([A-Za-z0-9_.-]{1,255}) (\d{1,10}) (\d{1,4}:[0-9a-f]{32})", re.ASCII
).fullmatch


class DigestsUnreadable(SwiftliteError):
    """Neither such a question nor such an answer."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the asker has of a partition that the asked has on device."""

    device: str
    partition: int
    digest: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """By the number of the claim. differ holds the hashes that the asked one has, age how many
    seconds ago they changed, as far as it is known."""

    same: frozenset[int] = frozenset()
    differ: Mapping[int, dict[str, SuffixHash]] = field(default_factory=dict)
    age: Mapping[int, float] = field(default_factory=dict)


def encode_claims(claims: Iterable[Claim]) -> bytes:
    return "".join(f"{one.device} {one.partition} {one.digest}\n" for one in claims).encode("ascii")


def decode_claims(blob: bytes) -> list[Claim]:
    """Raises DigestsUnreadable."""
    lines = blob.decode("latin-1").splitlines()
    if len(lines) > LINES_MAX:
        raise DigestsUnreadable(f"more than {LINES_MAX} partitions at once")
    claims = []
    for line in lines:
        found = _claim(line)
        if found is None or found[1] in (".", ".."):
            raise DigestsUnreadable(f"not a device, a partition and a digest: {line[:100]!r}")
        claims.append(Claim(found[1], int(found[2]), found[3]))
    return claims


def encode_comparison(comparison: Comparison) -> bytes:
    content = {"same": sorted(comparison.same), "differ": comparison.differ, "age": comparison.age}
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def decode_comparison(blob: bytes) -> Comparison:
    """Raises DigestsUnreadable."""
    try:
        content = json.loads(blob)
        same = frozenset(int(number) for number in content["same"])
        differ = {int(number): _hashes(found) for number, found in content["differ"].items()}
        age = {int(number): float(seconds) for number, seconds in content["age"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DigestsUnreadable(f"not a comparison of partitions: {error!r}") from None
    return Comparison(same, differ, age)


def _hashes(found: dict[str, object]) -> dict[str, SuffixHash]:
    hashes: dict[str, SuffixHash] = {}
    for suffix, value in found.items():
        if not is_suffix(suffix) or not (value is None or isinstance(value, str)):
            raise ValueError(f"strange hash of suffix {suffix!r}")
        hashes[suffix] = value
    return hashes
