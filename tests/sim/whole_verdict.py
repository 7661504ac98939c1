"""Whether the whole cluster holds what its clients were told, on its disks and from outside."""

from __future__ import annotations

import contextlib
import glob
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from swiftlite.formats.metadata import MetadataUnreadable, decode_metadata, gather_blob
from swiftlite.objectstore.fileset import choose
from swiftlite.testing.sim_host import SimNode
from swiftlite.testing.sim_nodes import DirNode, FileNode
from swiftlite.vocab.hashing import partition_of
from tests.sim.whole_clients import CONTAINERS, GONE, Client, State
from tests.sim.whole_cluster import HASH_PATH, OBJECT_DEVICES, WholeCluster, ring_of

Content = tuple[bytes, dict[str, str] | None]


class Verdict:
    def __init__(self, cluster: WholeCluster) -> None:
        self._cluster = cluster

    def faults(self, clients: list[Client]) -> list[str]:
        """Everything that is wrong now; nothing once the cluster has come to rest."""
        found = self.unequal()
        if found:
            return found  # the rest cannot be right either
        states = {}
        for client in clients:
            for name in client.histories:
                run = self._cluster.world.run
                states[name] = state = run(client.proxy.node, client.newest, name)
                if state not in client.possible(name):
                    possible = [_short(one) for one in client.possible(name)]
                    found.append(f"{name} is {_short(state)}, may be {possible}")
        return found or list(self._counts(states))

    def unequal(self) -> list[str]:
        """What is not alike on all of its primaries, or is anywhere else, or waits."""
        return [*self._objects(), *self._databases(), *self._leftovers()]

    # --- objects

    def objects_of(self, node: SimNode) -> dict[str, list[str]]:
        """Names in each hash directory of a node."""
        root = f"{OBJECT_DEVICES}/d{self._cluster.number_of(node)}/objects"
        found = {}
        partitions = _directory(node, root)
        for partition, suffixes in _folders(partitions):
            for suffix, hashes in _folders(suffixes):
                for name_hash, directory in _folders(hashes):
                    path = f"{root}/{partition}/{suffix}/{name_hash}"
                    found[path] = list(directory.entries)
        return found

    def _objects(self) -> Iterator[str]:
        by_hash: dict[str, dict[int, dict[str, Content]]] = defaultdict(dict)
        for number, node in enumerate(self._cluster.storage, 1):
            for path, names in self.objects_of(node).items():
                found = {file.name: _content(node, path, file.name) for file in _in_use(names)}
                if found:
                    by_hash[path.rpartition("/")[2]][number] = found
        ring = ring_of("object")
        for name_hash, by_node in by_hash.items():
            partition = partition_of(bytes.fromhex(name_hash), ring.part_shift)
            wanted = {device.zone for device in ring.primaries(partition)}
            first, *others = by_node.values()
            if set(by_node) != wanted:
                yield f"object {name_hash} is on {sorted(by_node)}, not on {sorted(wanted)}"
            elif any(other != first for other in others):
                told = {number: sorted(found) for number, found in by_node.items()}
                yield f"object {name_hash} differs: {told}"

    def _leftovers(self) -> Iterator[str]:
        """What a death leaves in tmp is nobody's; the replicator removes it after reclaim_age."""
        for number, node in enumerate(self._cluster.storage, 1):
            pending = _directory(node, f"{OBJECT_DEVICES}/d{number}/async_pending")
            if pending and (left := _files_in(pending)):
                yield f"d{number}: updates wait: {left[:5]}"

    # --- databases

    def _files(self, folder: str) -> dict[str, dict[int, str]]:
        found: dict[str, dict[int, str]] = defaultdict(dict)
        for number in range(1, len(self._cluster.storage) + 1):
            device = self._cluster.database_device(number)
            for path in glob.glob(f"{device}/{folder}/*/*/*/*.db"):
                found[path.rpartition("/")[2].removesuffix(".db")][number] = path
        return found

    def _databases(self) -> Iterator[str]:
        for kind in ("container", "account"):
            ring = ring_of(kind)
            for digest, by_node in self._files(f"{kind}s").items():
                partition = partition_of(bytes.fromhex(digest), ring.part_shift)
                wanted = {device.zone for device in ring.primaries(partition)}
                contents = {number: _rows(path, kind) for number, path in by_node.items()}
                different = {str(content) for content in contents.values()}
                if set(by_node) != wanted:
                    yield f"{kind} {digest} is on {sorted(by_node)}, not on {sorted(wanted)}"
                elif len(different) > 1:
                    yield f"{kind} {digest} differs: {sorted(different)}"

    def _counts(self, states: dict[str, State | None]) -> Iterator[str]:
        """Every replica against the objects: rows, and what is counted."""
        account: dict[str, tuple[int, int]] = {}
        for container in CONTAINERS:
            there = {
                name.partition("/")[2]: len(state.body or b"")
                for name, state in states.items()
                if state not in (None, GONE) and state and name.startswith(container + "/")
            }
            account[container] = len(there), sum(there.values())
            digest = HASH_PATH.hex("a", container)
            for number, path in self._files("containers")[digest].items():
                rows, stat = _rows(path, "container")
                listed = dict(rows)
                if listed != there:
                    yield f"{container} on d{number} lists {listed}, there is {there}"
                if stat != account[container]:
                    yield f"{container} on d{number} counts {stat}, there is {account[container]}"
        for number, path in self._files("accounts")[HASH_PATH.hex("a")].items():
            rows, stat = _rows(path, "account")
            listed = {name: (count, size) for name, count, size in rows}
            if listed != account:
                yield f"the account on d{number} lists {listed}, there is {account}"
            total = tuple(map(sum, zip(*account.values(), strict=True)))
            if stat != total:
                yield f"the account on d{number} counts {stat}, there is {total}"


def _short(state: State | None) -> str:
    if state is None:
        return "not to be had"
    if state == GONE:
        return "not there"
    return f"{(state.body or b'')[:20]!r} of {len(state.body or b'')} {state.meta} {state.expires}"


def _directory(node: SimNode, path: str) -> DirNode | None:
    found = node.disk.names.find(path)
    return found if isinstance(found, DirNode) else None


def _folders(directory: DirNode | None) -> Iterator[tuple[str, DirNode]]:
    for name, node in directory.entries.items() if directory else ():
        if isinstance(node, DirNode):
            yield name, node


def _files_in(directory: DirNode) -> list[str]:
    found = []
    for name, node in directory.entries.items():
        found += [name] if isinstance(node, FileNode) else _files_in(node)
    return found


def _in_use(names: list[str]) -> list[Any]:
    return list(choose(names).in_use())


def _content(node: SimNode, path: str, name: str) -> Content:
    """None for metadata that cannot be read. (The bytes of equal metadata may differ in order.)"""
    file = node.disk.names.file(f"{path}/{name}")
    try:
        blob = gather_blob(file.attributes.get)
        return bytes(file.data), decode_metadata(blob or b"")
    except MetadataUnreadable:
        return bytes(file.data), None


def _rows(path: str, kind: str) -> tuple[list[tuple[Any, ...]], tuple[int, int]]:
    """What is listed, and (objects, bytes) as counted."""
    query = "SELECT name, size FROM object WHERE deleted = 0"
    stat = "SELECT sum(object_count), sum(bytes_used) FROM policy_stat"
    if kind == "account":
        query = "SELECT name, object_count, bytes_used FROM container WHERE deleted = 0"
        stat = "SELECT object_count, bytes_used FROM account_stat"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as sql:
        try:
            return sorted(sql.execute(query)), sql.execute(stat).fetchone()
        except sqlite3.Error as error:
            return [(f"unreadable: {error}",)], (0, 0)
