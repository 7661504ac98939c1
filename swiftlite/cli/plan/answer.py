"""From the words of the command line to an answer that is printed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping

from swiftlite.cli.doctor.node import Node
from swiftlite.cli.plan.facts import Facts
from swiftlite.cli.plan.gather import gather
from swiftlite.cli.plan.limits import Given, limits_of, parse_rate
from swiftlite.cli.plan.measure import devices, measured
from swiftlite.cli.plan.show import change_lines
from swiftlite.cli.ring_builder.session import ProgressBar
from swiftlite.config.load import options as checked
from swiftlite.config.load import read_conf
from swiftlite.host.os_clock import wall
from swiftlite.host.plain import make_host
from swiftlite.middleware.recon.caches import PARTITIONS
from swiftlite.middleware.recon.options import ReconOptions
from swiftlite.observe import recon
from swiftlite.plan import RingChange, Verdict, judge_change, judge_pull, judge_stop
from swiftlite.plan.moves import RingsDiffer, moved_addresses
from swiftlite.plan.picture import draw
from swiftlite.ring import Device, Ring, RingBuilder
from swiftlite.ring.preview import explain, preview
from swiftlite.ring.search import Criteria, parse_search
from swiftlite.vocab.errors import SwiftliteError

CANNOT = 2


def answer(options: argparse.Namespace) -> int:
    try:
        if options.ask == "measure":
            return _measure(options.conf)
        facts = gather(options.swift_dir, options.timeout)
        if options.ask == "ring":
            return _ring(options, facts)
        return _outage(options, facts)
    except (SwiftliteError, OSError, ValueError) as error:
        print(f"swiftlite plan: {error}", file=sys.stderr)
        return CANNOT


# --- stop and pull


def _outage(options: argparse.Namespace, facts: Facts) -> int:
    chosen = _chosen(facts, options.what, of_disks=options.ask == "pull")
    names = ", ".join(sorted(map(str, facts.disks_of(chosen))))
    question = f"{options.ask} {' '.join(options.what)} ({names})?"
    unknown = [text for name, numbers in chosen.items() if numbers for text in facts.unknown[name]]
    judge = judge_pull if options.ask == "pull" else judge_stop
    progress = ProgressBar(sys.stderr)
    try:
        verdict = judge(
            question,
            list(facts.standings.values()),
            chosen,
            least=options.least,
            unknown=list(dict.fromkeys(unknown)),
            progress=progress,
        )
    finally:
        progress.close()
    verdict.notes.extend(facts.notes(chosen))
    _print(verdict, as_json=options.json)
    return verdict.code


def _chosen(facts: Facts, words: list[str], *, of_disks: bool) -> Mapping[str, frozenset[int]]:
    """By ring. Raises ValueError for words that name nothing."""
    found: dict[str, frozenset[int]] = dict.fromkeys(facts.rings, frozenset())
    for word in words:
        criteria = _criteria(word, of_disks=of_disks)
        chosen = facts.chosen(criteria)
        if not any(chosen.values()):
            raise ValueError(f"no device of any ring is at {word}")
        if of_disks:
            chosen = facts.of_disks(facts.disks_of(chosen))
        found = {name: found[name] | chosen[name] for name in found}
    return found


def _criteria(word: str, *, of_disks: bool) -> Criteria:
    criteria = parse_search(word)
    if criteria.id is not None:
        raise ValueError(f"{word}: an id means another disk in each ring; say address or zone")
    if of_disks and criteria.device is None:
        raise ValueError(f"{word} names no disk; one is written 10.0.0.3/sdb")
    if not of_disks and criteria.device is not None:
        raise ValueError(f"{word} names a disk; to take one out, ask: swiftlite plan pull {word}")
    return criteria


# --- another ring


def _ring(options: argparse.Namespace, facts: Facts) -> int:
    name = options.ring or os.path.basename(options.what).partition(".")[0]
    if name not in facts.standings:
        raise ValueError(
            f"{options.what} replaces none of {', '.join(facts.standings)}; say which: --ring NAME"
        )
    standing = facts.standings[name]
    progress = ProgressBar(sys.stderr)
    try:
        new, notes = _new_ring(options, standing.ring, progress)
        given = Given(
            link=_rate(options.link),
            disk=_rate(options.disk),
            stream=_rate(options.stream),
            concurrency=options.concurrency,
            connections=options.connections,
        )
        limits, told = limits_of(standing.kind, Node(options.swift_dir), given)
        for before, after in moved_addresses(standing.ring, new):
            notes.append(_moved(before, after))
        change = judge_change(
            f"ring {options.what} for {name}?",
            standing,
            new,
            facts.sizes(name),
            limits,
            least=options.least,
            rooms=facts.rooms(name),
            unknown=facts.unknown[name],
            notes=notes,
            progress=progress,
        )
    except RingsDiffer as error:
        raise ValueError(f"{options.what}: {error}") from None
    finally:
        progress.close()
    if options.svg:
        _draw(options, change, facts, name)
    _print(change.verdict, change_lines(change, facts.rooms(name), told), as_json=options.json)
    return change.verdict.code


def _rate(text: str | None) -> float | None:
    return parse_rate(text) if text else None


def _moved(before: Device, after: Device) -> str:
    return (
        f"device {before.id} is taken to have gone with its data from {before.ip}:{before.port} to"
        f" {after.ip}:{after.port}"
    )


def _new_ring(
    options: argparse.Namespace, old: Ring, progress: ProgressBar
) -> tuple[Ring, list[str]]:
    """With what a builder has to say of it."""
    if not options.what.endswith(".builder"):
        return Ring.load(options.what, old.hash_path), []
    progress("rebalancing a copy of the builder", 0, 1)
    builder = RingBuilder.load(options.what)
    now = wall()
    found = preview(builder, now, seed=options.seed)
    notes = []
    resting = builder.resting(now)
    if resting:
        notes.append(
            f"{resting} of {builder.partition_count} partitions may not move yet: one of their"
            f" replicas moved within the last {builder.min_part_hours} hours (min_part_hours)"
        )
    if not found.moves:
        notes += [sentence.rstrip(".") for sentence in explain(found.after, now)]
    return found.after.ring(old.hash_path), notes


def _draw(options: argparse.Namespace, change: RingChange, facts: Facts, name: str) -> None:
    title = f"{name} ring: bytes before and after {os.path.basename(options.what)}"
    with open(options.svg, "w", encoding="utf-8") as file:
        file.write(draw(title, change.moves, facts.rooms(name)))


# --- measuring


def _measure(confs: list[str]) -> int:
    host = make_host()
    for path in confs:
        conf = read_conf(path)
        section = conf.sections.get("filter:recon", conf.defaults)
        table = checked(ReconOptions, section, where=f"{path} [filter:recon]")
        cache = f"{table.recon_cache_path}/{PARTITIONS}"
        before = recon.load(host.disk, cache).get("partitions")
        found: dict[str, object] = {name: {} for name in before} if isinstance(before, dict) else {}
        progress = ProgressBar(sys.stderr)
        names = devices(host.disk, table.devices)
        for at, name in enumerate(names):
            progress(f"counting {table.devices}/{name}", at, len(names))
            found[name] = measured(host.disk, f"{table.devices}/{name}")
        progress.close()
        recon.dump(host.disk, cache, {"partitions": found, "partitions_last": host.clock.wall()})
    return 0


def _print(verdict: Verdict, more: Iterable[str] = (), *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(verdict.to_json()))
        return
    print("\n".join(_lines(verdict, more)))


def _lines(verdict: Verdict, more: Iterable[str]) -> Iterator[str]:
    yield from verdict.lines()
    yield from more
