"""`swiftlite-object-info FILE`: the metadata of an object's file, whether its bytes are as they
were written, and where the ring puts it.

Exit codes: 0 told, even if the bytes have changed, 1 it cannot be told, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from swiftlite.cli.locations import Locations, Target, datadir_of, locate
from swiftlite.cli.pipes import may_be_cut
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.formats.metadata import MetadataUnreadable
from swiftlite.host.os_disk import OsDisk
from swiftlite.objectstore.attributes import read_metadata
from swiftlite.ring import Ring, RingFileError
from swiftlite.service.servers import SWIFT_DIR
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.headers import (
    TRANSIENT_SYSMETA_PREFIX,
    is_object_transient_sysmeta,
    is_sysmeta,
    is_user_meta,
    strip_sysmeta_prefix,
    strip_user_meta_prefix,
)
from swiftlite.vocab.names import split_path
from swiftlite.vocab.timestamp import Timestamp

_READ_BYTES = 1 << 20
_POLICY_DIR = re.compile(r"objects(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class Body:
    """digest is None when the bytes were not read."""

    length: int
    digest: str | None


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-object-info",
        description="Show the metadata of an object's .data, .meta or .ts file, check its bytes "
        "against its ETag, and show where the ring puts the object.",
    )
    made.add_argument("file")
    made.add_argument("-n", "--no-check-etag", action="store_true", help="do not read the bytes")
    made.add_argument("-d", "--swift-dir", default=SWIFT_DIR, help=f"({SWIFT_DIR})")
    made.add_argument(
        "--drop-prefixes", action="store_true", help="metadata without X-Object-...- before it"
    )
    made.add_argument(
        "-P", "--policy-name", metavar="POLICY", help="the policy, where the path does not say it"
    )
    made.add_argument("--json", action="store_true", help="a JSON object")
    return made


@may_be_cut
def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if not os.path.exists(options.file):
        print("Data file doesn't exist")
        return 1
    try:
        cluster = cluster_conf.load(options.swift_dir)
        metadata = read_metadata(OsDisk(), options.file)
        account, container, obj = split_path(metadata.get("name", ""), 3, 3, True)
    except (MetadataUnreadable, ValueError):
        print("Invalid metadata")
        return 1
    except (SwiftliteError, OSError) as error:
        print(f"swiftlite-object-info: {error}", file=sys.stderr)
        return 1
    body = _look_at(options.file, check=not options.no_check_etag)
    target = Target(account, container, obj)
    places, warnings = _placed(cluster, options, target)
    if options.json:
        print(json.dumps(_facts(metadata, body, cluster, target, places)))
        return 0
    for line in warnings:
        print(line)
    for line in _lines(dict(metadata), body, cluster, target, options.drop_prefixes):
        _print_any(line)
    if places is not None:
        for line in places.lines():
            _print_any(line)
    return 0


def _print_any(line: str) -> None:
    """Metadata may hold bytes that are no text."""
    sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.flush()


def _look_at(path: str, *, check: bool) -> Body:
    with open(path, "rb") as source:
        if not check:
            return Body(os.fstat(source.fileno()).st_size, None)
        digest = hashlib.md5(usedforsecurity=False)
        length = 0
        while block := source.read(_READ_BYTES):
            digest.update(block)
            length += len(block)
        return Body(length, digest.hexdigest())


def _placed(
    cluster: ClusterConf, options: argparse.Namespace, target: Target
) -> tuple[Locations | None, list[str]]:
    """The path of a file says its policy; a name may only agree."""
    warnings = []
    index = _policy_index(os.path.abspath(options.file))
    if options.policy_name:
        policy = cluster.policies.by_name(options.policy_name)
        if policy is not None and index is not None and policy.index != index:
            warnings = ["WARNING: Ring does not match policy!", "Double check your policy name!"]
        if policy is not None and index is None:
            index = policy.index
    index = index or 0
    name = "object" if index == 0 else f"object-{index}"
    try:
        ring = Ring.load(os.path.join(options.swift_dir, f"{name}.ring.gz"), cluster.hash_path)
    except RingFileError:
        return None, warnings
    return locate(ring, target, datadir_of(name), policy_index=index), warnings


def _policy_index(path: str) -> int | None:
    """.../sda1/objects-1/<partition>/<suffix>/<hash>/<file> -> 1"""
    parts = path.split("/")
    found = _POLICY_DIR.fullmatch(parts[-5]) if len(parts) > 5 else None
    return int(found[1] or 0) if found else None


def _facts(
    metadata: Mapping[str, str],
    body: Body,
    cluster: ClusterConf,
    target: Target,
    places: Locations | None,
) -> dict[str, object]:
    etag = metadata.get("ETag")
    return {
        "account": target.account,
        "container": target.container,
        "object": target.obj,
        "hash": _digest(cluster, target),
        "metadata": dict(metadata),
        "length": body.length,
        "md5": body.digest,
        "etag_valid": None if body.digest is None or etag is None else body.digest == etag,
        "length_valid": metadata.get("Content-Length") == str(body.length),
        "policy_index": None if places is None else places.policy_index,
        "nodes": None if places is None else places.facts()["nodes"],
    }


def _digest(cluster: ClusterConf, target: Target) -> str:
    return cluster.hash_path.hex(target.account or "", target.container, target.obj)


def _lines(
    metadata: dict[str, str], body: Body, cluster: ClusterConf, target: Target, drop_prefixes: bool
) -> Iterator[str]:
    etag, length = metadata.pop("ETag", ""), metadata.pop("Content-Length", "")
    yield f"Path: {metadata.pop('name')}"
    yield f"  Account: {target.account}"
    yield f"  Container: {target.container}"
    yield f"  Object: {target.obj}"
    yield f"  Object hash: {_digest(cluster, target)}"
    yield f"Content-Type: {metadata.pop('Content-Type', '') or 'Not found in metadata'}"
    stamp = metadata.pop("X-Timestamp", "")
    if stamp:
        moment = Timestamp.from_text(stamp)
        yield f"Timestamp: {moment.isoformat} ({moment.internal})"
    else:
        yield "Timestamp: Not found in metadata"
    yield from _groups(metadata, drop_prefixes)
    yield from _crypto(metadata)
    if body.digest is None:
        yield f"ETag: {etag} (not checked)"
    elif not etag:
        yield "ETag: Not found in metadata"
    elif etag == body.digest:
        yield f"ETag: {etag} (valid)"
    else:
        yield f"ETag: {etag} doesn't match file hash of {body.digest}!"
    if not length:
        yield "Content-Length: Not found in metadata"
    elif length == str(body.length):
        yield f"Content-Length: {length} (valid)"
    else:
        yield f"Content-Length: {length} doesn't match file length of {body.length}"


def _groups(metadata: Mapping[str, str], drop_prefixes: bool) -> Iterator[str]:
    kinds: list[tuple[str, Callable[[str], bool], Callable[[str], str]]] = [
        (
            "System Metadata:",
            lambda key: is_sysmeta("object", key),
            lambda key: strip_sysmeta_prefix("object", key),
        ),
        (
            "Transient System Metadata:",
            is_object_transient_sysmeta,
            lambda key: key[len(TRANSIENT_SYSMETA_PREFIX) :],
        ),
        (
            "User Metadata:",
            lambda key: is_user_meta("object", key),
            lambda key: strip_user_meta_prefix("object", key),
        ),
        ("Other Metadata:", lambda key: True, lambda key: key),
    ]
    left = dict(metadata)
    for title, belongs, strip in kinds:
        found = {key: left.pop(key) for key in list(left) if belongs(key)}
        yield title
        if not found:
            yield "  No metadata found"
        shown = {strip(key) if drop_prefixes else key: value for key, value in found.items()}
        yield from (f"  {key}: {value}" for key, value in sorted(shown.items()))


def _crypto(metadata: Mapping[str, str]) -> Iterator[str]:
    """How the bytes and the metadata were encrypted, where they were."""
    for title, key in (
        ("Data crypto details", "X-Object-Sysmeta-Crypto-Body-Meta"),
        ("Metadata crypto details", "X-Object-Transient-Sysmeta-Crypto-Meta"),
    ):
        value = metadata.get(key)
        if value is None:
            continue
        try:
            details = json.loads(unquote_plus(value))
        except ValueError:
            yield f"{title}: {value}"
            continue
        yield f"{title}: {json.dumps(details, indent=2, sort_keys=True)}"
