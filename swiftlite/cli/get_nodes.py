"""`swiftlite-get-nodes`: on which nodes something is, and how to look at it there.

Exit codes: 0 told, 1 it cannot be told (no such ring, policy or partition), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from swiftlite.cli.locations import Locations, Target, datadir_of, locate
from swiftlite.cli.pipes import may_be_cut
from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.ring import Ring
from swiftlite.service.servers import SWIFT_DIR
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.names import quote_path, unquote_path

_ENDING = ".ring.gz"


class CannotTell(SwiftliteError):
    """A sentence for whoever asked."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-get-nodes",
        usage="swiftlite-get-nodes [-a] RING.ring.gz ACCOUNT [CONTAINER [OBJECT]]\n"
        "       swiftlite-get-nodes [-a] RING.ring.gz -p PARTITION\n"
        "       swiftlite-get-nodes [-a] -P POLICY ACCOUNT [CONTAINER [OBJECT]]\n"
        "       swiftlite-get-nodes [-a] -P POLICY -p PARTITION",
        description="Show the nodes that are responsible for an account, a container, an object or "
        "a partition. ACCOUNT/CONTAINER/OBJECT may also be one word.",
    )
    made.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    made.add_argument("-a", "--all", action="store_true", help="every handoff")
    made.add_argument("-p", "--partition", type=int, help="a partition instead of a name")
    made.add_argument("-P", "--policy-name", metavar="POLICY", help="the ring of this policy")
    made.add_argument("-d", "--swift-dir", default=SWIFT_DIR, help=f"({SWIFT_DIR})")
    made.add_argument("-Q", "--quoted", action="store_true", help="names are percent-encoded")
    made.add_argument("--json", action="store_true", help="a JSON object")
    return made


@may_be_cut
def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_intermixed_args(arguments)
    try:
        found, warnings = _find(options)
    except SwiftliteError as error:
        print(f"swiftlite-get-nodes: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(found.facts()))
        return 0
    for warning in warnings:
        print(warning)
    for title, name in (
        ("Account  ", found.target.account),
        ("Container", found.target.container),
        ("Object   ", found.target.obj),
    ):
        if name is not None:
            blank = "\n" if title == "Account  " else ""
            print(f"{blank}{title}\t{quote_path(name)}" + ("\n\n" if title == "Object   " else ""))
    print("\n".join(found.lines()))
    return 0


def _find(options: argparse.Namespace) -> tuple[Locations, list[str]]:
    words = list(options.words)
    ring_path = ""
    if not options.policy_name and words and words[0].endswith(_ENDING):
        ring_path = words.pop(0)
        if not os.path.exists(ring_path):
            raise CannotTell(f"{ring_path} is not there.")
    target = _target(words, quoted=options.quoted)
    if not ring_path and not options.policy_name:
        raise CannotTell("Name a ring file, or a policy with -P.")
    if target.account is None and options.partition is None:
        raise CannotTell("Name an account, a container or an object, or a partition with -p.")
    cluster = cluster_conf.load(options.swift_dir)
    name, ring_path = _ring_for(cluster, options.policy_name, ring_path, target, options.partition)
    ring = Ring.load(ring_path, cluster.hash_path)
    if options.partition is not None and not 0 <= options.partition < ring.partition_count:
        raise CannotTell(f"{ring_path} has partitions 0 to {ring.partition_count - 1}.")
    kind, _, index = name.partition("-")
    policy_index = None
    # A ring file is asked about a partition without knowing whose; a policy knows.
    if target.obj is not None or (options.policy_name and target.account is None):
        policy_index = int(index) if index.isdigit() else None
        if policy_index is None and options.policy_name:
            policy_index = 0
    return (
        locate(
            ring,
            target,
            datadir_of(name) if options.partition is not None else _datadir(target, name),
            partition=options.partition,
            all_handoffs=options.all,
            policy_index=policy_index,
        ),
        _warnings(target, kind),
    )


def _target(words: list[str], *, quoted: bool) -> Target:
    names = [unquote_path(word) for word in words] if quoted else words
    if len(names) == 1:
        names = names[0].strip("/").split("/", 2)
    if len(names) > 3:
        raise CannotTell("At most an account, a container and an object can be named.")
    return Target(*(name or None for name in names))


def _ring_for(
    cluster: ClusterConf, policy_name: str | None, path: str, target: Target, partition: int | None
) -> tuple[str, str]:
    """The ring's name and path. Without a ring file, what is named says which ring it is."""
    if path:
        return os.path.basename(path).removesuffix(_ENDING), path
    policy = cluster.policies.by_name(policy_name or "")
    if policy is None:
        raise CannotTell(f"There is no policy {policy_name!r} in {cluster.swift_dir}/swift.conf.")
    name = policy.ring_name
    if target.obj is None and partition is None:
        name = "account" if target.container is None else "container"
    return name, os.path.join(cluster.swift_dir, name + _ENDING)


def _datadir(target: Target, ring_name: str) -> str:
    if target.container is None:
        return "accounts"
    if target.obj is None:
        return "containers"
    return datadir_of(ring_name) if ring_name.startswith("object") else "objects"


def _warnings(target: Target, kind: str) -> list[str]:
    """A ring can be asked for anything; usually that is a mistake."""
    if target.account is None:
        return []
    wanted = "account" if target.container is None else "container"
    if target.obj is not None or kind == wanted:
        return []
    named = "account" if wanted == "account" else "account/container"
    return [f'WARNING: {named} specified but ring not named "{wanted}"']
