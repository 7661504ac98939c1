"""container-sync-realms.conf: clusters that may sync containers to each other, and their keys.

Text in, values out. Realm and cluster names are read in any case.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field

FILE_NAME = "container-sync-realms.conf"
_CLUSTER = "cluster_"


@dataclass(frozen=True, slots=True)
class Realm:
    """A group of clusters that share a key. key2 is also accepted, while keys are changed."""

    key: str | None
    key2: str | None
    clusters: Mapping[str, str]  # upper-case name to endpoint


@dataclass(frozen=True, slots=True)
class SyncRealms:
    realms: Mapping[str, Realm] = field(default_factory=dict)  # by upper-case name

    def get(self, name: str) -> Realm | None:
        return self.realms.get(name.upper())


def parse_sync_realms(text: str) -> SyncRealms:
    """Raises ValueError, with the line, for what is no conf."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    realms = {}
    for section in parser.sections():
        values = dict(parser.items(section))
        clusters = {
            option[len(_CLUSTER) :].upper(): value
            for option, value in values.items()
            if option.startswith(_CLUSTER)
        }
        realms[section.upper()] = Realm(values.get("key"), values.get("key2"), clusters)
    return SyncRealms(realms)
