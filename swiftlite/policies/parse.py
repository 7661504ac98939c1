"""Storage policies from the sections of swift.conf.

`[storage-policy:N]` with name, aliases, default, deprecated and policy_type, and the ec_ options
of an erasure code. A swift.conf without such sections has one policy, index 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from swiftlite.config.option import declared
from swiftlite.config.units import parse_bool, parse_list
from swiftlite.policies.collection import PolicyCollection
from swiftlite.policies.erasure import (
    ERASURE_CODING,
    ERASURE_DISKFILE,
    ErasureCode,
    parse_erasure,
)
from swiftlite.policies.options import ErasureOptions, StoragePolicyOptions
from swiftlite.policies.policy import (
    LEGACY_NAME,
    REPLICATED_DISKFILE,
    REPLICATION,
    Policy,
    PolicyError,
    check_name,
)

PREFIX = "storage-policy:"
_DISKFILES = {REPLICATION: REPLICATED_DISKFILE, ERASURE_CODING: ERASURE_DISKFILE}
_KNOWN = {option.name for option in declared(StoragePolicyOptions)}
_KNOWN_CODED = _KNOWN | {option.name for option in declared(ErasureOptions)}


def parse_policies(sections: Mapping[str, Mapping[str, str]]) -> PolicyCollection:
    """The policies of a conf's sections (others are passed over); raises PolicyError."""
    found = [
        _parse(_index_of(name), section)
        for name, section in sections.items()
        if name.startswith(PREFIX)
    ]
    if not found:
        return PolicyCollection([Policy(0, LEGACY_NAME, (LEGACY_NAME,), is_default=True)])
    if all(policy.index != 0 for policy in found):
        raise PolicyError("there are storage policies, but none of index 0, which must exist")
    if len(found) == 1:
        found = [replace(found[0], is_default=True)]  # the only one needs no word for it
    return PolicyCollection(found)


def _index_of(section: str) -> int:
    text = section.removeprefix(PREFIX)
    if not (text.isascii() and text.isdigit()):
        raise PolicyError(f"[{section}]: the index must be a whole number, 0 or more")
    return int(text)


def _parse(index: int, section: Mapping[str, str]) -> Policy:
    where = f"[{PREFIX}{index}]"
    kind = section.get("policy_type", REPLICATION).strip()
    if kind not in (REPLICATION, ERASURE_CODING):
        raise PolicyError(f"{where}: policy_type {kind!r} is not known")
    if "name" not in section:
        raise PolicyError(f"{where} has no name")
    name = check_name(section["name"].strip(), index)
    aliases = [check_name(alias, index) for alias in parse_list(section.get("aliases", ""))]
    known = _KNOWN_CODED if kind == ERASURE_CODING else _KNOWN
    for key in section:
        if key not in known:
            raise PolicyError(f"{where}: {key} is no option of a storage policy")
    deprecated = _truth(section, "deprecated", where)
    erasure = _erasure(section, where, deprecated) if kind == ERASURE_CODING else None
    return Policy(
        index=index,
        name=name,
        aliases=tuple(dict.fromkeys((name, *aliases))),
        is_default=_truth(section, "default", where),
        deprecated=deprecated,
        kind=kind,
        diskfile_module=section.get("diskfile_module", "") or _DISKFILES[kind],
        erasure=erasure,
    )


def _erasure(section: Mapping[str, str], where: str, deprecated: bool) -> ErasureCode:
    try:
        return parse_erasure(section, deprecated=deprecated)
    except ValueError as error:
        raise PolicyError(f"{where}: {error}") from None


def _truth(section: Mapping[str, str], key: str, where: str) -> bool:
    try:
        return parse_bool(section.get(key, "false").strip())
    except ValueError as error:
        raise PolicyError(f"{where}: {key} {error}") from None
