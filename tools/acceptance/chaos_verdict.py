"""Whether a cluster at rest is what its clients were told: from outside, and on its disks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from swiftlite.cluster import conf as cluster_conf
from swiftlite.formats.metadata import MetadataUnreadable
from swiftlite.host.os_disk import OsDisk
from swiftlite.objectstore.attributes import read_metadata
from swiftlite.ring import Ring
from tools.acceptance.chaos_workload import DELETED, Body, Client, History, version_in

_SHOWN = 8
_LATELY_S = 5.0
_DISK = OsDisk()
FOLDERS = {"object": "objects", "container": "containers", "account": "accounts"}


class Verdict:
    """Looks at a cluster in root, with one device a node."""

    def __init__(self, root: Path, nodes: int, port: int) -> None:
        self._root = root
        self._nodes = nodes
        hash_path = cluster_conf.load(str(root / "etc")).hash_path
        self._rings = {
            kind: Ring.load(str(root / "etc" / f"{kind}.ring.gz"), hash_path)
            for kind in ("account", "container", "object")
        }
        self._client = Client(port).log_in()

    def faults(self, histories: Mapping[str, History], containers: list[str]) -> list[str]:
        """Everything that is wrong now; nothing once the cluster has come to rest."""
        found = self.unequal()
        if found:
            return found  # the rest cannot be right either, and takes longer
        states = {name: self._state(name) for name in histories}
        for name, history in histories.items():
            if states[name] not in history.allowed:
                said = sorted(state or "deleted" for state in history.allowed)
                found.append(f"object {name} is {states[name] or 'not there'}, said was {said}")
        bodies = {
            name: history.bodies[states[name]]
            for name, history in histories.items()
            if states[name] in history.bodies
        }
        found += self._listings(bodies, containers)
        return found or list(self._contents())

    def unequal(self) -> list[str]:
        """Replicas that are not alike on all of their devices, and updates that wait."""
        return list(self._replicas())

    def has_copies(self) -> bool:
        """Whether whatever is not of the last seconds is on all of its devices."""
        lately = time.time() - _LATELY_S
        for kind, folder in FOLDERS.items():
            for (partition, _), by_node in self._found(folder).items():
                names = [name for place in by_node.values() for name in _names(place)]
                if any(float(name[:16]) > lately for name in names if name[:10].isdigit()):
                    continue
                if not set(by_node) >= self._wanted(kind, partition):
                    return False
                if (
                    kind == "object"
                    and len({tuple(_names(place)) for place in by_node.values()}) > 1
                ):
                    return False
        return True

    def mistakes(self) -> list[str]:
        """Exceptions that nobody had thought of, as the logs tell of them."""
        return self._told_of(re.compile("Traceback"))

    def crashes(self) -> list[str]:
        """Processes that ended by a signal that nobody had sent."""
        return self._told_of(re.compile(r"\(pid \d+\) was killed by SIG(?!KILL|TERM)"))

    def _told_of(self, what: re.Pattern[str]) -> list[str]:
        found: Counter[str] = Counter()
        for log in sorted((self._root / "log").glob("*.log")):
            for line in log.read_text(errors="replace").splitlines():
                if what.search(line):
                    found[f"{log.name}: …{line[-300:]}"] += 1
        return [f"{count} times: {line}" for line, count in found.items()]

    # From outside

    def _state(self, name: str) -> str:
        status, _, body = self._client.look("GET", name)
        if status == 404:
            return DELETED
        if status != 200:
            return f"status {status}"
        return version_in(name, body) or f"{len(body)} strange bytes"

    def _listings(self, bodies: Mapping[str, Body], containers: list[str]) -> Iterator[str]:
        """bodies: of the objects that are there."""
        _, account, body = self._client.look("GET", query="format=json")
        by_name = {entry["name"]: entry for entry in json.loads(body or b"[]")}
        if sorted(by_name) != sorted(containers):
            yield f"the account lists {sorted(by_name)} and has {sorted(containers)}"
        all_objects = all_bytes = 0
        for container in containers:
            listed = self._listed(container)
            prefix = f"/{container}/"
            there = {
                name[len(prefix) :]: body
                for name, body in bodies.items()
                if name.startswith(prefix)
            }
            yield from _differences(f"listing of {container}", listed, there)
            count, size = len(there), sum(body.size for body in there.values())
            all_objects, all_bytes = all_objects + count, all_bytes + size
            _, headers, _ = self._client.look("HEAD", f"/{container}")
            seen = (headers.get("x-container-object-count"), headers.get("x-container-bytes-used"))
            if seen != (str(count), str(size)):
                yield f"{container} says {seen} of {count} objects, {size} bytes"
            entry = by_name.get(container, {})
            if (entry.get("count"), entry.get("bytes")) != (count, size):
                yield f"the account says {entry} of {container}: {count} objects, {size} bytes"
        kinds = ("container-count", "object-count", "bytes-used")
        told = [account.get(f"x-account-{kind}") for kind in kinds]
        if told != [str(number) for number in (len(containers), all_objects, all_bytes)]:
            yield f"the account says {told} of {all_objects} objects, {all_bytes} bytes"

    def _listed(self, container: str) -> dict[str, Body]:
        _, _, body = self._client.look("GET", f"/{container}", query="format=json")
        entries = json.loads(body or b"[]")
        return {entry["name"]: Body(entry["bytes"], entry["hash"]) for entry in entries}

    # On the disks

    def _device(self, node: int) -> Path:
        return self._root / "srv" / f"node{node}" / f"d{node}"

    def _replicas(self) -> Iterator[str]:
        for kind, folder in FOLDERS.items():
            yield from self._of_kind(kind, folder)
        for node in range(1, self._nodes + 1):
            # What a kill leaves in tmp is nobody's; the replicator removes it after reclaim_age.
            pending = self._device(node) / "async_pending"
            count = sum(len(files) for _, _, files in os.walk(pending))
            if count:
                yield f"d{node}: {count} updates wait to be delivered"

    def _of_kind(self, kind: str, folder: str) -> Iterator[str]:
        strange = 0
        for (partition, digest), by_node in self._found(folder).items():
            read = _names if kind == "object" else _database
            contents = {node: read(place) for node, place in by_node.items()}
            contents = {node: content for node, content in contents.items() if content}
            if not contents:
                continue
            wanted, different = self._wanted(kind, partition), set(map(str, contents.values()))
            if set(contents) != wanted or len(different) > 1:
                strange += 1
                if strange <= _SHOWN:
                    yield (
                        f"{kind} {partition}/{digest} on {sorted(contents)}, should be on "
                        f"{sorted(wanted)}: {sorted(different)[:3]}"
                    )
        if strange > _SHOWN:
            yield f"{strange} {kind}s in all are not where they should be, or differ"

    def _contents(self) -> Iterator[str]:
        """Objects whose replicas differ within files that have the same names."""
        for (partition, digest), by_node in self._found(FOLDERS["object"]).items():
            contents = {node: _files(place) for node, place in by_node.items()}
            if len(set(contents.values())) > 1:
                yield f"object {partition}/{digest} differs within: {contents}"

    def quarantined(self) -> list[str]:
        """What was taken for damaged, and where. None of these faults damages anything."""
        found = []
        for node in range(1, self._nodes + 1):
            root = self._device(node) / "quarantined"
            found += [
                f"d{node}: {kind}/{name}" for kind in _names(root) for name in _names(root / kind)
            ]
        return found

    def _wanted(self, kind: str, partition: int) -> set[int]:
        return {device.zone for device in self._rings[kind].primaries(partition)}

    def _found(self, folder: str) -> dict[tuple[int, str], dict[int, Path]]:
        """Hash directories by partition and hash, and by node."""
        found: dict[tuple[int, str], dict[int, Path]] = defaultdict(dict)
        for node in range(1, self._nodes + 1):
            root = self._device(node) / folder
            for partition in filter(str.isdigit, _names(root)):
                for suffix in _names(root / partition):
                    for digest in _names(root / partition / suffix):
                        if len(digest) == 32:
                            place = root / partition / suffix / digest
                            found[int(partition), digest][node] = place
        return found


def _names(place: Path) -> list[str]:
    """Empty for what is no directory, or has just gone."""
    try:
        return sorted(os.listdir(place))
    except OSError:
        return []


def _files(place: Path) -> str:
    """What its replicas must agree on: each file's bytes and metadata."""
    found = []
    for name in _names(place):
        try:
            metadata = read_metadata(_DISK, str(place / name))
            body = (place / name).read_bytes()
        except (OSError, MetadataUnreadable) as error:
            return f"{name} unreadable: {error}"
        digest = hashlib.md5(body).hexdigest()
        if name.endswith(".data") and digest != metadata.get("ETag"):
            return f"{name} has the MD5 {digest}, its ETag is {metadata.get('ETag')}"
        found.append((name, digest, sorted(metadata.items())))
    return repr(found)


def _database(place: Path) -> list[object]:
    """What its replicas must agree on: the hash over its rows, its counts and its timestamps."""
    files = [name for name in _names(place) if name.endswith(".db")]
    if not files:
        return []
    table, counts = "container_stat", ""
    if "/accounts/" in str(place):
        table, counts = "account_stat", "container_count, "
    try:
        sql = sqlite3.connect(f"file:{place / files[-1]}?mode=ro", uri=True, timeout=5)
        with contextlib.closing(sql):
            row = sql.execute(
                f"SELECT hash, {counts}object_count, bytes_used, put_timestamp, delete_timestamp "
                f"FROM {table}"
            ).fetchone()
    except sqlite3.Error as error:
        return [f"unreadable: {error}"]
    return list(row)


def _differences(what: str, listed: dict[str, Body], there: dict[str, Body]) -> Iterator[str]:
    missing = sorted(set(there) - set(listed))
    more = sorted(set(listed) - set(there))
    others = sorted(name for name in set(listed) & set(there) if listed[name] != there[name])
    for word, names in (("lacks", missing), ("has too many", more), ("has others of", others)):
        if names:
            yield f"{what} {word} {len(names)}: {names[:5]}"
