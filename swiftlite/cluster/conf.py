"""swift.conf: the settings that every node of a cluster shares, as one immutable value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from swiftlite.cluster.options import ConstraintOptions, HashOptions
from swiftlite.config.load import ConfError, options, read_conf
from swiftlite.policies import PolicyCollection, parse_policies
from swiftlite.vocab.hashing import HashPath
from swiftlite.vocab.limits import Limits

SWIFT_DIR = "/etc/swift"
"""Where swift.conf and the rings are unless an option says otherwise."""


@dataclass(frozen=True, slots=True)
class ClusterConf:
    """swift_dir: the directory of swift.conf and of the rings."""

    swift_dir: str
    hash_path: HashPath
    limits: Limits
    policies: PolicyCollection


def load(swift_dir: str = SWIFT_DIR) -> ClusterConf:
    """Read swift.conf. Raises ConfError with a sentence for the operator."""
    path = os.path.join(swift_dir, "swift.conf")
    # Hash prefix and suffix are bytes; latin-1 keeps each. Everything else is UTF-8.
    sections = read_conf(path, encoding="latin-1").sections
    text = {
        name: {key: _utf8(value) for key, value in section.items()}
        for name, section in sections.items()
        if name != HashOptions.SECTION
    }
    return ClusterConf(
        swift_dir=swift_dir,
        hash_path=_hash_path(sections.get(HashOptions.SECTION, {}), path),
        limits=_limits(text.get(ConstraintOptions.SECTION, {}), path),
        policies=_policies(text, path),
    )


def _hash_path(section: Mapping[str, str], path: str) -> HashPath:
    where = f"{path} [{HashOptions.SECTION}]"
    found = options(HashOptions, section, where=where)
    if not found.swift_hash_path_prefix and not found.swift_hash_path_suffix:
        raise ConfError(
            f"{where}: swift_hash_path_suffix (or _prefix) must be set, to the same secret text "
            "on every node."
        )
    return HashPath(
        found.swift_hash_path_prefix.encode("latin-1"),
        found.swift_hash_path_suffix.encode("latin-1"),
    )


def _limits(section: Mapping[str, str], path: str) -> Limits:
    where = f"{path} [{ConstraintOptions.SECTION}]"
    return Limits(**asdict(options(ConstraintOptions, section, where=where)))


def _policies(sections: Mapping[str, Mapping[str, str]], path: str) -> PolicyCollection:
    try:
        return parse_policies(sections)
    except ValueError as error:
        raise ConfError(f"{path}: {error}") from error


def _utf8(value: str) -> str:
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
