"""The watcher `dark_data`: objects that no container lists.

Every container server that holds the object's container is asked for its row. Only when all of
them have answered that there is none is the object dark: one that cannot be reached, or does not
have the container, may be the one that knows. Objects younger than grace_age are left alone, for
their rows may be on the way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from swiftlite.config.load import options
from swiftlite.config.option import Seconds, opt
from swiftlite.obj.auditor.watchers import WatcherContext, Wish
from swiftlite.peers.direct import Caller, storage_path
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.pool import Pool
from swiftlite.ring import Device
from swiftlite.vocab.names import split_path
from swiftlite.vocab.timestamp import Timestamp

LOG, DELETE, QUARANTINE = "log", "delete", "quarantine"
_WISHES = {LOG: Wish.KEEP, DELETE: Wish.DELETE, QUARANTINE: Wish.QUARANTINE}
Container = tuple[str, str]
_RECORD_TYPE = "X-Backend-Record-Type"


@dataclass(frozen=True, slots=True)
class DarkDataOptions:
    SECTION = "object-auditor:watcher:dark_data"
    CONF = ("object-server.conf",)

    action: str = opt(
        LOG,
        "What becomes of an object that no container lists: log, delete or quarantine.",
        choices=(LOG, DELETE, QUARANTINE),
    )
    grace_age: Seconds = opt(
        604_800.0, "Younger objects are left alone: their rows may be on the way.", minimum=0
    )
    node_timeout: Seconds = opt(10.0, "Longest wait for a container server's answer.")
    conn_timeout: Seconds = opt(0.5, "Longest wait for a connection to it.")


class Unknown(Exception):
    """Not all servers of a container have answered."""


class DarkData:
    """obj.auditor.watchers.Watcher."""

    def __init__(self, context: WatcherContext) -> None:
        own = options(DarkDataOptions, context.conf, where=context.where)
        self._context = context
        self._wish = _WISHES[own.action]
        self._action = own.action
        self._grace_age = own.grace_age
        pool = Pool(context.host, conn_timeout=own.conn_timeout, read_timeout=own.node_timeout)
        self._caller = Caller(
            pool, context.host.clock, timeout=own.node_timeout, agent="object-auditor"
        )
        self._watches = False
        self._counts = {"unknown": 0, "ok": 0, "dark": 0}

    def start(self, audit_type: str) -> None:
        self._watches = audit_type == "ALL"
        self._counts = dict.fromkeys(self._counts, 0)

    def see_object(self, object_metadata: Mapping[str, str], data_file_path: str) -> Wish:
        if not self._watches:
            return Wish.KEEP
        written = Timestamp.from_text(object_metadata["X-Timestamp"]).seconds
        if written + self._grace_age >= self._context.host.clock.wall():
            return self._counted("ok")
        name = object_metadata["name"]
        account, container, obj = split_path(name, 3, 3, True)
        assert account is not None
        assert container is not None
        assert obj is not None
        try:
            listed = self._is_listed(account, container, obj, frozenset())
        except Unknown:
            return self._counted("unknown")
        if listed:
            return self._counted("ok")
        self._counted("dark")
        self._context.log.info(f"Dark data ({self._action}): {name} at {data_file_path}")
        return self._wish

    def end(self) -> None:
        if self._watches:
            told = ", ".join(f"{count} {what}" for what, count in self._counts.items())
            self._context.log.info(f"Dark data of this pass: {told}")

    def _counted(self, what: str) -> Wish:
        self._counts[what] += 1
        return Wish.KEEP

    def _is_listed(
        self, account: str, container: str, obj: str, above: frozenset[Container]
    ) -> bool:
        """above: containers asked already that named this one as their shard. Raises Unknown."""
        here = (account, container)
        record_type = "object" if here in above else "auto"  # a root that names itself has rows
        partition, nodes = self._context.rings.container.current().nodes(account, container)
        shards: set[Container] = set()
        silent = 0
        for node in nodes:
            path = storage_path(node.device, partition, account, container)
            found = self._asked(node, path, obj, record_type)
            if found is None:
                silent += 1
            elif isinstance(found, frozenset):
                shards |= found
            elif obj in found:
                return True
        asked = above | {here}
        if any(self._is_listed(*shard, obj, asked) for shard in sorted(shards - above)):
            return True
        if silent or not nodes:
            raise Unknown
        return False

    def _asked(
        self, node: Device, path: str, obj: str, record_type: str
    ) -> Sequence[str] | frozenset[Container] | None:
        """Names that a server lists there, or the shards that would; None when it does not say."""
        query = {
            "format": "json", "prefix": obj, "limit": "1",
            "includes": obj, "states": "listing",  # by these a sharded container is asked
        }  # fmt: skip
        headers = [(_RECORD_TYPE, record_type), ("X-Backend-Allow-Reserved-Names", "true")]
        target = f"{path}?{urlencode(query, errors='surrogateescape')}"
        try:
            answer = self._caller.call(node.address, "GET", target, headers)
            if answer.status == 204:
                return []
            entries = json.loads(answer.body) if answer.status == 200 else None
            if not isinstance(entries, list):
                return None
            if answer.headers.get(_RECORD_TYPE, "") == "shard":
                return frozenset(_container(entry["name"]) for entry in entries)
            return [entry["name"] for entry in entries]
        except (PeerFault, ValueError, KeyError, TypeError):
            return None


def _container(name: str) -> Container:
    account, _, container = name.partition("/")
    return account, container
