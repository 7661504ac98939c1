"""What is compared: listings of all replicas with one another, and objects with their listing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from swiftlite.cli.account_audit.nodes import Listing, NodeAnswer, Nodes
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX

OVERRIDE_ETAG = "X-Object-Sysmeta-Container-Update-Override-Etag"
Key = tuple[str, ...]


@dataclass(slots=True)
class Container:
    """What its replicas list, the newest entry of each name."""

    entries: dict[str, dict[str, Any]]
    policy_index: int


@dataclass(slots=True)
class Auditor:
    """say: a line about what does not agree. faulty: told the path of what does not."""

    nodes: Nodes
    say: Callable[[str], None]
    faulty: Callable[[str], None]
    deep: bool = False
    concurrency: int = 50
    counts: Counter[str] = field(default_factory=Counter)
    _accounts: dict[str, set[str]] = field(default_factory=dict)
    _containers: dict[Key, Container] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, wanted: Iterable[Key]) -> None:
        """An account with all that is in it, a container with its objects, or an object. What
        something is in is looked at first, for it has to be listed there."""
        wanted = list(dict.fromkeys(wanted))
        self._each(self._account, dict.fromkeys(names[0] for names in wanted))
        whole = [names[0] for names in wanted if len(names) == 1]
        containers = dict.fromkeys(names[:2] for names in wanted if len(names) > 1)
        containers.update(
            {(account, name): None for account in whole for name in sorted(self._accounts[account])}
        )
        self._each(self._container, containers)
        named = set(wanted)
        within = [key for key in containers if key in named or key[0] in whole]
        objects: dict[Key, None] = {
            (*key, name): None for key in within for name in self._containers[key].entries
        }
        objects.update({names: None for names in wanted if len(names) == 3})
        self._each(self._object, objects)

    def _each(self, act: Callable[[Any], None], items: Iterable[Any]) -> None:
        with ThreadPoolExecutor(self.concurrency) as pool:
            for done in [pool.submit(act, item) for item in items]:
                done.result()

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def _account(self, account: str) -> None:
        self.say(f'Auditing account "{account}"')
        path = f"/{account}"
        listings = self.nodes.listings(account)
        sound = self._all_answered("account", path, listings)
        for header, what in (
            ("X-Account-Container-Count", "containers"),
            ("X-Account-Object-Count", "objects"),
        ):
            sound &= self._same_count("account", path, listings, header, what)
        self._accounts[account] = {entry["name"] for one in listings for entry in one.entries}
        self._finish("accounts", path, sound)

    def _container(self, key: Key) -> None:
        account, name = key
        self.say(f'Auditing container "{name}"')
        path = f"/{account}/{name}"
        sound = name in self._accounts[account]
        if not sound:
            self.say(f"  Container {path} not in account listing!")
        listings = self.nodes.listings(account, name)
        sound &= self._all_answered("container", path, listings)
        sound &= self._same_count(
            "container", path, listings, "X-Container-Object-Count", "objects"
        )
        entries: dict[str, dict[str, Any]] = {}
        for entry in (entry for one in listings for entry in one.entries):
            known = entries.setdefault(entry["name"], entry)
            if entry["last_modified"] != known["last_modified"]:
                sound = False
                self._count("container_obj_mismatch")
                self.say(f"  Different versions of {name}/{entry['name']} in container dbs.")
                entries[entry["name"]] = max(entry, known, key=lambda one: one["last_modified"])
        index = next(
            (one.first.header(X_BACKEND_STORAGE_POLICY_INDEX) for one in listings if one.first.ok),
            "",
        )
        self._containers[key] = Container(entries, int(index or 0))
        self._finish("containers", path, sound)

    def _object(self, key: Key) -> None:
        account, container, name = key
        path = f"/{account}/{container}/{name}"
        listed = self._containers[account, container]
        entry = listed.entries.get(name)
        sound = entry is not None
        if entry is None:
            self.say(f"  Object {path} missing in container listing!")
        answers = self.nodes.objects(
            account, container, name, policy_index=listed.policy_index, deep=self.deep
        )
        method = "GET" if self.deep else "HEAD"
        for answer in answers:
            sound &= self._object_on(answer, path, method, entry)
        if not any(answer.ok for answer in answers):
            self.say(f"  Failed to fetch object {path} at all!")
        self._finish("objects", path, sound)

    def _object_on(
        self, answer: NodeAnswer, path: str, method: str, entry: dict[str, Any] | None
    ) -> bool:
        if answer.status is None:
            self._count("object_exceptions")
            self.say(f'  Exception fetching object "{path}" on {answer.where}: {answer.why}')
            return False
        if not answer.ok:
            self._count("object_not_found")
            asked = "GETting" if method == "GET" else "HEADing"
            self.say(f'  Bad status {answer.status} {asked} object "{path}" on {answer.where}')
            return False
        etag = answer.header("ETag").strip('"')
        if self.deep and etag != answer.digest:
            self._count("object_checksum_mismatch")
            self.say(f'  MD5 does not match etag for "{path}" on {answer.where}')
            return False
        shown = answer.header(OVERRIDE_ETAG).strip('"') or etag
        if entry is not None and shown != entry["hash"]:
            self._count("object_checksum_mismatch")
            self.say(f'  ETag mismatch for "{path}" on {answer.where}')
            return False
        return True

    def _all_answered(self, kind: str, path: str, listings: list[Listing]) -> bool:
        sound = True
        for one in listings:
            answer = one.last
            if answer.ok:
                continue
            sound = False
            if answer.status is None:
                self._count(f"{kind}_exceptions")
                self.say(f'  Exception GETting {kind} "{path}" on {answer.where}: {answer.why}')
            else:
                self._count(f"{kind}_not_found")
                self.say(f'  Bad status {answer.status} GETting {kind} "{path}" on {answer.where}')
        if not any(one.first.ok for one in listings):
            self.say(f"  Failed to fetch {kind} {path} at all!")
        return sound

    def _same_count(
        self, kind: str, path: str, listings: list[Listing], header: str, what: str
    ) -> bool:
        found = {int(one.first.header(header) or 0) for one in listings if one.first.ok}
        if len(found) <= 1:
            return True
        if kind == "container":
            self._count("container_count_mismatch")
        else:
            self._count(f"account_{what.removesuffix('s')}_mismatch")
        self.say(f"  Databases of {path} don't agree on number of {what}.")
        self.say(f"  Max: {max(found)}, Min: {min(found)}")
        return False

    def _finish(self, what: str, path: str, sound: bool) -> None:
        self._count(f"{what}_checked")
        if not sound:
            self.faulty(path)
