"""What `swiftlite-account-info` and `swiftlite-container-info` have in common.

Exit codes: 0 told, 1 it cannot be told, 2 told from the file as it is on disk, because its locks
could not be had (or wrong usage).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from swiftlite.cli.locations import Locations, Target, locate
from swiftlite.cli.pipes import may_be_cut
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import ConfError
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.inspect import Inspection, KindName, NotThatKind, Sync, inspect
from swiftlite.host.os_disk import OsDisk
from swiftlite.ring import Ring, RingFileError
from swiftlite.service.servers import SWIFT_DIR
from swiftlite.vocab.headers import (
    is_sysmeta,
    is_user_meta,
    strip_sysmeta_prefix,
    strip_user_meta_prefix,
    title_case,
)
from swiftlite.vocab.timestamp import Timestamp

_SHARD_STATES = {
    10: "found", 20: "created", 30: "cleaved", 40: "active", 50: "shrinking", 60: "sharding",
    70: "sharded", 75: "shrunk",
}  # fmt: skip


def parser_of(kind: KindName) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=f"swiftlite-{kind}-info",
        description=f"Show what the database of an {kind} says of itself, and where the ring puts "
        "it."
        if kind == "account"
        else "Show what the database of a container says of itself, and where the ring puts it.",
    )
    made.add_argument("file", help="the database")
    made.add_argument("-d", "--swift-dir", default=SWIFT_DIR, help=f"({SWIFT_DIR})")
    made.add_argument(
        "--drop-prefixes", action="store_true", help="metadata without X-...-Meta- before it"
    )
    if kind == "container":
        made.add_argument("-v", "--verbose", action="store_true", help="every shard range")
    made.add_argument(
        "-s", "--sync", action="store_true", help="how far rows were exchanged with replicas"
    )
    made.add_argument("--json", action="store_true", help="a JSON object")
    return made


@may_be_cut
def main_of(kind: KindName, arguments: Sequence[str] | None = None) -> int:
    made = parser_of(kind)
    options = made.parse_args(arguments)
    if not options.file.endswith(".db") or not os.path.exists(options.file):
        return _fail("DB file doesn't exist")
    code = 0
    try:
        try:
            found = inspect(OsDisk(), os.path.abspath(options.file), kind)
        except NotThatKind:
            return _fail(f'Does not appear to be a DB of type "{kind}": {options.file}')
        except DatabaseError:
            found = inspect(OsDisk(), os.path.abspath(options.file), kind, stale=True)
            print("WARNING: Possibly Stale Data", file=sys.stderr if options.json else sys.stdout)
            code = 2
    except DatabaseError as error:
        return _fail(f"{kind.title()} info failed: {error}")
    cluster, places = _placed(kind, found, options.swift_dir)
    if cluster is None:
        return 1
    if options.json:
        print(json.dumps(_facts(found, cluster, places)))
    else:
        verbose = kind == "container" and options.verbose
        print("\n".join(_lines(found, cluster, options.drop_prefixes, verbose)))
        if options.sync:
            print(
                "\n".join(
                    (*_syncs("Incoming", found.incoming), *_syncs("Outgoing", found.outgoing))
                )
            )
        if places is not None:
            print("\n".join(places.lines()))
    return code


def _fail(line: str) -> int:
    print(line)
    return 1


def _placed(
    kind: KindName, found: Inspection, swift_dir: str
) -> tuple[ClusterConf | None, Locations | None]:
    try:
        cluster = cluster_conf.load(swift_dir)
    except ConfError as error:
        print(error, file=sys.stderr)
        return None, None
    try:
        ring = Ring.load(os.path.join(swift_dir, f"{kind}.ring.gz"), cluster.hash_path)
    except RingFileError:
        return cluster, None
    target = Target(found.facts["account"], found.facts.get("container"))
    return cluster, locate(ring, target, f"{kind}s")


def _facts(found: Inspection, cluster: ClusterConf, places: Locations | None) -> dict[str, Any]:
    facts = found.facts
    told = {
        **facts,
        "path_hash": cluster.hash_path.hex(facts["account"], facts.get("container")),
        "is_deleted": found.is_deleted,
        "metadata": {
            name: {"value": value, "timestamp": when}
            for name, (value, when) in found.metadata.items()
        },
        "policies": found.policies,
        "incoming_sync": [asdict(one) for one in found.incoming],
        "outgoing_sync": [asdict(one) for one in found.outgoing],
        "nodes": None if places is None else places.facts()["nodes"],
    }
    if found.kind == "container":
        told |= {
            "is_root": found.is_root,
            "db_state": found.db_state,
            "shard_ranges": found.shard_ranges,
        }
    return told


def _lines(
    found: Inspection, cluster: ClusterConf, drop_prefixes: bool, verbose: bool
) -> Iterator[str]:
    facts, account = found.facts, found.facts["account"]
    container = facts.get("container")
    yield f"Path: /{account}" + (f"/{container}" if container is not None else "")
    yield f"  Account: {account}"
    if container is not None:
        yield f"  Container: {container}"
    yield f"  Deleted: {found.is_deleted}"
    yield f"  {found.kind.title()} Hash: {cluster.hash_path.hex(account, container)}"
    yield "Metadata:"
    yield _moment("Created at", facts["created_at"])
    yield _moment("Put Timestamp", facts["put_timestamp"])
    yield _moment("Delete Timestamp", facts["delete_timestamp"])
    yield _moment("Status Timestamp", facts["status_changed_at"])
    if found.kind == "account":
        yield f"  Container Count: {facts['container_count']}"
    yield f"  Object Count: {facts['object_count']}"
    yield f"  Bytes Used: {facts['bytes_used']}"
    if found.kind == "container":
        policy = cluster.policies.get(facts["storage_policy_index"])
        name = "Unknown" if policy is None else policy.name
        yield f"  Storage Policy: {name} ({facts['storage_policy_index']})"
        yield _moment("Reported Put Timestamp", facts["reported_put_timestamp"])
        yield _moment("Reported Delete Timestamp", facts["reported_delete_timestamp"])
        yield f"  Reported Object Count: {facts['reported_object_count']}"
        yield f"  Reported Bytes Used: {facts['reported_bytes_used']}"
    yield f"  Chexor: {facts['hash']}"
    yield f"  UUID: {facts['id']}"
    for key, value in facts.items():
        if key.startswith(f"x_{found.kind}_"):
            yield f"  {title_case(key.replace('_', '-'))}: {value}"
    yield from _metadata(found, drop_prefixes)
    if found.kind == "container":
        yield from _sharding(found, verbose)


def _metadata(found: Inspection, drop_prefixes: bool) -> Iterator[str]:
    kind = found.kind
    system, user = {}, {}
    for key, (value, _) in found.metadata.items():
        if is_user_meta(kind, key):
            user[strip_user_meta_prefix(kind, key) if drop_prefixes else key] = value
        elif is_sysmeta(kind, key):
            system[strip_sysmeta_prefix(kind, key) if drop_prefixes else key] = value
        else:
            yield f"  {title_case(key)}: {value}"
    for title, items in (("System", system), ("User", user)):
        if items:
            yield f"  {title} Metadata:"
            yield from (f"    {key}: {value}" for key, value in items.items())
        else:
            yield f"No {title.lower()} metadata found in db file"


def _sharding(found: Inspection, verbose: bool) -> Iterator[str]:
    yield "Sharding Metadata:"
    yield f"  Type: {'root' if found.is_root else 'shard'}"
    yield f"  State: {found.db_state}"
    if not found.shard_ranges:
        return
    yield f"Shard Ranges ({len(found.shard_ranges)}):"
    yield "  States:"
    for state, count in sorted(Counter(one["state"] for one in found.shard_ranges).items()):
        yield f"    {_SHARD_STATES.get(state, state):>9}: {count}"
    if not verbose:
        yield "(-v shows each of them)"
        return
    for one in found.shard_ranges:
        yield f"  Name: {one['name']}"
        yield f"    lower: {one['lower']!r}, upper: {one['upper']!r}"
        yield (
            f"    Object Count: {one['object_count']}, Bytes Used: {one['bytes_used']}, State: "
            f"{_SHARD_STATES.get(one['state'], '?')} ({one['state']})"
        )
        yield _moment("  Created at", one["timestamp"])
        yield _moment("  Meta Timestamp", one["meta_timestamp"])


def _moment(title: str, stored: object) -> str:
    text = str(stored or "0")
    return f"  {title}: {Timestamp.from_text(text).isoformat} ({stored})"


def _syncs(title: str, syncs: list[Sync]) -> Iterator[str]:
    points = max(len("Sync Point"), *(len(str(one.sync_point)) for one in syncs), 0)
    remotes = max(len("Remote ID"), *(len(one.remote_id) for one in syncs), 0)
    yield f"{title} Syncs:"
    yield f"  {'Sync Point':<{points}}\t{'Remote ID':<{remotes}}\tUpdated At"
    for one in syncs:
        moment = Timestamp.from_text(one.updated_at).isoformat
        yield (
            f"  {one.sync_point:<{points}}\t{one.remote_id:<{remotes}}\t{moment} ({one.updated_at})"
        )
