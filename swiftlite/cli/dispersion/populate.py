"""`swiftlite-dispersion-populate [CONF]`: makes containers and objects in a share of partitions.

Exit codes: 0 made, 1 they could not be made, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from swiftlite.cli.dispersion.options import CONF, DispersionOptions, policy_of, read
from swiftlite.cli.dispersion.working import CLEAR, Progress, account_of, side_by_side
from swiftlite.cli.swift_client import ClientError, SwiftClient
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import ConfError
from swiftlite.policies.policy import Policy
from swiftlite.ring import Ring
from swiftlite.vocab.errors import SwiftliteError


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-dispersion-populate",
        description="Make containers and objects in a share of the partitions, for "
        "swiftlite-dispersion-report to look for.",
    )
    made.add_argument("conf", nargs="?", default=CONF, help=f"({CONF})")
    made.add_argument("--container-only", action="store_true", help="no objects")
    made.add_argument("--object-only", action="store_true", help="no containers")
    made.add_argument("--container-suffix-start", type=int, default=0, metavar="N", help="(0)")
    made.add_argument("--object-suffix-start", type=int, default=0, metavar="N", help="(0)")
    made.add_argument("--insecure", action="store_true", help="do not check certificates")
    made.add_argument(
        "--no-overlap",
        action="store_true",
        help="leave out partitions that have one already, so that each run adds to the coverage",
    )
    made.add_argument("-P", "--policy-name", metavar="POLICY", help="(the default policy)")
    made.add_argument("--json", action="store_true", help="a JSON object of what was made")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = parser().parse_args(arguments)
    try:
        options = read(chosen.conf, {"keystone_api_insecure": "yes"} if chosen.insecure else {})
        cluster, policy = policy_of(options, chosen.policy_name)
        containers = options.container_populate and not chosen.object_only
        objects = options.object_populate and not chosen.container_only
        if not containers and not objects:
            raise ConfError("Neither container or object populate is set to run")
        if not chosen.json:
            print(f"Using storage policy: {policy.name} ")
        populate = Populate(options, cluster, policy, account_of(options), chosen)
        made = {}
        if containers:
            made["container"] = populate.containers()
        if objects:
            made["object"] = populate.objects()
    except ClientError as error:
        print(f"\nswiftlite-dispersion-populate: gave up: {error}", file=sys.stderr)
        return 1
    except SwiftliteError as error:
        print(f"swiftlite-dispersion-populate: {error}", file=sys.stderr)
        return 1
    if chosen.json:
        print(json.dumps(made))
    return 0


@dataclass(frozen=True, slots=True)
class Populate:
    options: DispersionOptions
    cluster: ClusterConf
    policy: Policy
    client: SwiftClient
    chosen: argparse.Namespace

    def containers(self) -> dict[str, object]:
        ring = self._ring("container")
        prefix = f"dispersion_{self.policy.index}"
        headers = {"X-Storage-Policy": self.policy.name}
        taken: set[int] = set()
        if self.chosen.no_overlap:
            listed = self.client.listing(prefix=prefix)
            taken = {ring.partition(self.client.account, entry["name"]) for entry in listed}
        return self._make(
            "containers",
            ring.partition_count,
            taken,
            lambda suffix: f"{prefix}_{suffix}",
            lambda name: ring.partition(self.client.account, name),
            lambda name: self.client.request("PUT", name, headers=headers),
            self.chosen.container_suffix_start,
        )

    def objects(self) -> dict[str, object]:
        ring = self._ring(self.policy.ring_name)
        container = f"dispersion_objects_{self.policy.index}"
        self.client.request("PUT", container, headers={"X-Storage-Policy": self.policy.name})
        account = self.client.account
        taken: set[int] = set()
        if self.chosen.no_overlap:
            listed = self.client.listing(container, prefix="dispersion_")
            taken = {ring.partition(account, container, entry["name"]) for entry in listed}
        return self._make(
            "objects",
            ring.partition_count,
            taken,
            lambda suffix: f"dispersion_{suffix}",
            lambda name: ring.partition(account, container, name),
            lambda name: self.client.request(
                "PUT",
                container,
                name,
                headers={"X-Object-Meta-Dispersion": name},
                body=name.encode(),
            ),
            self.chosen.object_suffix_start,
        )

    def _ring(self, name: str) -> Ring:
        path = os.path.join(self.options.swift_dir, f"{name}.ring.gz")
        return Ring.load(path, self.cluster.hash_path)

    def _make(
        self,
        what: str,
        partition_count: int,
        taken: set[int],
        name_of: Callable[[int], str],
        partition_of: Callable[[str], int],
        make: Callable[[str], object],
        first: int,
    ) -> dict[str, object]:
        """Names are tried in order; one that falls into a partition without any is made."""
        wanted = int(self.options.dispersion_coverage / 100 * partition_count)
        names: list[str] = []
        covered = set(taken)
        suffix = counted = 0
        while counted < wanted and len(covered) < partition_count:
            name = name_of(suffix)
            partition = partition_of(name)
            if partition not in covered:
                covered.add(partition)
                counted += 1
                if suffix >= first:
                    names.append(name)
            suffix += 1
        quiet = self.chosen.json
        self.client.retried = 0
        progress = Progress(
            f"Creating {what}", len(names), lambda: self.client.retried, quiet=quiet
        )
        side_by_side(make, names, self.options.concurrency, progress)
        if not quiet:
            print(
                f"{CLEAR}Created {counted} {what} for dispersion reporting, {progress.elapsed()}, "
                f"{self.client.retried} retries"
            )
        coverage = 100.0 * len(covered) / partition_count
        if self.chosen.no_overlap and not quiet:
            print(f"{CLEAR}Total {what[:-1]} coverage is now {coverage:.2f}%.")
        return {"created": counted, "retries": self.client.retried, "pct_covered": coverage}
