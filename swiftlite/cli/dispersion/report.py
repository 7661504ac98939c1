"""`swiftlite-dispersion-report [CONF]`: how many copies are where the rings want them.

Exit codes: 0 reported, whatever was found, 1 it could not be found out, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from swiftlite.cli.dispersion.options import CONF, DispersionOptions, policy_of, read
from swiftlite.cli.dispersion.working import CLEAR, Progress, account_of, side_by_side
from swiftlite.cli.swift_client import ClientError, SwiftClient
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import ConfError
from swiftlite.host import plain
from swiftlite.peers.direct import Caller, storage_path
from swiftlite.peers.errors import PeerFault
from swiftlite.peers.pool import Pool
from swiftlite.policies.policy import Policy
from swiftlite.ring import Device, Ring
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.headers import X_BACKEND_STORAGE_POLICY_INDEX

_NODE_S = 15.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-dispersion-report",
        description="Ask storage nodes for what swiftlite-dispersion-populate has made, and report "
        "how many copies are in their places.",
    )
    made.add_argument("conf", nargs="?", default=CONF, help=f"({CONF})")
    made.add_argument("-j", "--dump-json", "--json", action="store_true", help="as JSON")
    made.add_argument("-d", "--debug", action="store_true", help="name nodes that answer 404")
    made.add_argument(
        "-p", "--partitions", action="store_true", help="name partitions that lack a copy"
    )
    made.add_argument("--container-only", action="store_true", help="no objects")
    made.add_argument("--object-only", action="store_true", help="no containers")
    made.add_argument("--insecure", action="store_true", help="do not check certificates")
    made.add_argument("-P", "--policy-name", metavar="POLICY", help="(the default policy)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = parser().parse_args(arguments)
    flags = {
        "dump_json": chosen.dump_json,
        "partitions": chosen.partitions,
        "keystone_api_insecure": chosen.insecure,
    }
    try:
        options = read(chosen.conf, {name: "yes" for name, given in flags.items() if given})
        containers = options.container_report and not chosen.object_only
        objects = options.object_report and not chosen.container_only
        if not containers and not objects:
            raise ConfError("Neither container or object report is set to run")
        cluster, policy = policy_of(options, chosen.policy_name)
        if not options.dump_json:
            print(f"Using storage policy: {policy.name} ")
        report = Report(options, cluster, policy, account_of(options), debug=chosen.debug)
        told: dict[str, object] = {}
        if containers:
            told["container"] = report.containers()
        if objects:
            told["object"] = report.objects()
    except SwiftliteError as error:
        print(f"swiftlite-dispersion-report: {error}", file=sys.stderr)
        return 1
    if options.dump_json:
        print(json.dumps(told))
    return 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing to be looked for on the nodes that ought to have it."""

    partition: int
    names: tuple[str, ...]
    nodes: tuple[Device, ...]


@dataclass(slots=True)
class Report:
    options: DispersionOptions
    cluster: ClusterConf
    policy: Policy
    client: SwiftClient
    debug: bool = False
    _retried: int = 0
    _named: set[str] = field(default_factory=set)

    def containers(self) -> dict[str, object] | None:
        ring = self._ring("container")
        prefix = f"dispersion_{self.policy.index}"
        listed = [entry["name"] for entry in self.client.listing(prefix=prefix)]
        return self._report("container", ring, [(name,) for name in listed], {})

    def objects(self) -> dict[str, object] | None:
        ring = self._ring(self.policy.ring_name)
        container = f"dispersion_objects_{self.policy.index}"
        try:
            listed = [e["name"] for e in self.client.listing(container, prefix="dispersion_")]
        except ClientError as error:
            if error.status != 404:
                raise
            listed = []
        headers = {X_BACKEND_STORAGE_POLICY_INDEX: str(self.policy.index)}
        return self._report("object", ring, [(container, name) for name in listed], headers)

    def _ring(self, name: str) -> Ring:
        path = os.path.join(self.options.swift_dir, f"{name}.ring.gz")
        return Ring.load(path, self.cluster.hash_path)

    def _report(
        self, what: str, ring: Ring, listed: list[tuple[str, ...]], headers: dict[str, str]
    ) -> dict[str, object] | None:
        if not listed:
            self._complain(f"No {what}s to query. Has swiftlite-dispersion-populate been run?")
            return None
        account = self.client.account
        samples: dict[int, Sample] = {}
        for names in listed:
            partition, nodes = ring.nodes(account, *names)
            samples.setdefault(partition, Sample(partition, (account, *names), nodes))
        self._retried = 0
        quiet = self.options.dump_json
        progress = Progress(f"Querying {what}s", len(samples), lambda: self._retried, quiet=quiet)
        found = side_by_side(
            lambda sample: self._copies(sample, what, headers),
            samples.values(),
            self.options.concurrency,
            progress,
        )
        tally = Tally(
            what,
            ring.replica_count,
            ring.partition_count,
            listed=len(listed),
            expected=sum(len(sample.nodes) for sample in samples.values()),
            found=sum(found),
            missing=Counter(
                len(sample.nodes) - count
                for sample, count in zip(samples.values(), found, strict=True)
                if count < len(sample.nodes)
            ),
            partitions=len(samples),
            retries=self._retried,
        )
        if quiet:
            return tally.facts()
        print(
            f"{CLEAR}Queried {tally.listed} {what}s for dispersion reporting, "
            f"{progress.elapsed()}, {tally.retries} retries"
        )
        print("\n".join(tally.lines()))
        return None

    def _copies(self, sample: Sample, what: str, headers: dict[str, str]) -> int:
        """How many of its nodes have it. Runs on a thread, with connections of its own."""
        host = plain.make_host()
        pool = Pool(host, conn_timeout=5.0, read_timeout=_NODE_S)
        caller = Caller(pool, host.clock, timeout=_NODE_S, agent="swiftlite-dispersion-report")
        found = sum(
            self._has(caller, node, sample, headers, host.tasks.sleep) for node in sample.nodes
        )
        pool.close()
        missing = len(sample.nodes) - found
        if missing and self.options.partitions:
            copies = "copy" if missing == 1 else "copies"
            self._complain(
                f"# {what.title()} partition {sample.partition} missing {missing} {copies}"
            )
        return found

    def _has(
        self,
        caller: Caller,
        node: Device,
        sample: Sample,
        headers: dict[str, str],
        pause: Callable[[float], None],
    ) -> bool:
        target = storage_path(node.device, sample.partition, *sample.names)
        where = f"{node.ip}:{node.port}/{node.device}"
        why = ""
        for attempt in range(self.options.retries + 1):
            if attempt:
                self._retried += 1
                pause(min(2.0**attempt / 10, 5.0))
            try:
                answer = caller.call(node.address, "HEAD", target, list(headers.items()))
            except PeerFault as fault:
                why = fault.reason
                continue
            if answer.ok:
                return True
            if answer.status == 507:
                self._once(
                    f"ERROR: {where} is unmounted -- This will cause replicas designated for that "
                    "device to be considered missing until resolved or the ring is updated."
                )
                return False
            if answer.status == 404:
                if self.debug:
                    self._once(f"ERROR: {where} returned a 404")
                return False
            why = f"answered {answer.status}"
        self._complain(f"ERROR: {where}: giving up on {target}: {why}")
        return False

    def _once(self, line: str) -> None:
        if line not in self._named:
            self._named.add(line)
            self._complain(line)

    def _complain(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Tally:
    """missing: how many partitions lack how many copies."""

    what: str
    replica_count: float
    partition_count: int
    listed: int
    expected: int
    found: int
    missing: Counter[int]
    partitions: int
    retries: int

    def facts(self) -> dict[str, object]:
        """What --json prints, as Swift's does."""
        return {
            "retries": self.retries,
            "overlapping": self.listed - self.partitions,
            "pct_found": 100.0 * self.found / self.expected,
            "copies_found": self.found,
            "copies_expected": self.expected,
            **{f"missing_{copies}": count for copies, count in sorted(self.missing.items())},
        }

    def lines(self) -> list[str]:
        found = []
        if self.listed > self.partitions:
            found.append(f"There were {self.listed - self.partitions} overlapping partitions")
        found += [
            missing_line(count, copies, self.replica_count)
            for copies, count in sorted(self.missing.items())
        ]
        share = 100.0 * self.found / self.expected
        found.append(f"{share:.2f}% of {self.what} copies found ({self.found} of {self.expected})")
        covered = 100.0 * self.partitions / self.partition_count
        found.append(f"Sample represents {covered:.2f}% of the {self.what} partition space")
        return found


def missing_line(partitions: int, missing: int, replica_count: float) -> str:
    """More exclamation marks the fewer copies are left."""
    alarm, count = "", str(missing)
    if missing == replica_count:
        alarm, count = "!!! ", "all"
    elif replica_count - missing == 1:
        alarm = "! "
    was = "were" if partitions > 1 else "was"
    plural = "s" if partitions > 1 else ""
    copies = "copy" if missing == 1 else "copies"
    return f"{alarm}There {was} {partitions} partition{plural} missing {count} {copies}."
