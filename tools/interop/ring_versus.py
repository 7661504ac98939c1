"""Random clusters taken through random changes, beside an installed swift-ring-builder.

    ring_versus.py --swift-python /path/to/python [--clusters 300] [--steps 10] [--seed 1]

Both builders get the same commands at the same time of day. After each step every file is read by
the other side, primaries and handoffs of sampled partitions of the same file are compared, and
balance and dispersion (measured by one function for both). Moves are compared from the same state:
ours also rebalances a copy of the other's builder file. Prints a JSON line per difference and
totals at the end.

A difference is a step with a worse balance or a worse dispersion, from the same state or each side
going its own way, unless ring_reach.py proves that nothing as good was to be had from ours; and a
step with moves that bought nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__)
sys.path.insert(0, str(HERE.parents[2]))

from swiftlite.cli.ring_builder.main import run  # noqa: E402
from swiftlite.ring import ImpossiblePlan, Ring, RingBuilder, RingError  # noqa: E402
from swiftlite.ring.preview import changes  # noqa: E402
from swiftlite.vocab.hashing import HashPath  # noqa: E402
from tools.interop.ring_reach import impossible  # noqa: E402
from tools.interop.ring_verdict import NEARLY, Moves, Result, misplaced, quality  # noqa: E402

SEEDS = 16  # Of their builder, where it may be chance that it is better in something.
HASH_PATH = HashPath(b"changeme", b"changeme")


class Peer:
    """The process with OpenStack Swift in it."""

    def __init__(self, python: str) -> None:
        script = HERE.with_name("ring_peer.py")
        self._process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def ours(args: list[str], now: float) -> tuple[int, str]:
    """One call of our command."""
    out = io.StringIO()
    code = run(["swiftlite-ring-builder", *args], out=out, err=out, now=now)
    return code, out.getvalue()


class Cluster:
    """One random cluster, its commands, and what came of them."""

    def __init__(self, peer: Peer, folder: Path, seed: int, totals: Counter[str]) -> None:
        self.peer = peer
        self.seed = seed
        self.keep: Path | None = None
        self.rng = random.Random(seed)
        self.totals = totals
        self.theirs = folder / "theirs.builder"
        self.own = folder / "own.builder"
        self.twin = folder / "twin.builder"  # theirs before the rebalance
        self.start = folder / "start.builder"  # ours
        self.now = 1_700_000_000.0
        self.step = 0
        self.commands: list[list[str]] = []
        self.regions = self.rng.choice([1, 1, 2, 3])
        self.zones = self.rng.choice([1, 2, 3, 4])
        self.servers = self.rng.choice([1, 2, 4])
        self.part_power = self.rng.choice([5, 6, 7, 8, 9, 10])

    def both(self, *words: str) -> bool:
        """Give a command to both sides; False when they disagree whether it is an error."""
        self.commands.append(list(words))
        code, text = ours([str(self.own), *words], self.now)
        answer = self.peer.ask("command", args=[str(self.theirs), *words], now=self.now)
        self.totals["commands"] += 1
        if (code == 2) != (answer["code"] == 2):
            self.report("exit", ours=[code, text], theirs=[answer["code"], answer["out"]])
            return False
        if code != answer["code"]:
            name = f"exit {words[0]}: ours {code}, theirs {answer['code']}"
            if words[0] == "rebalance" and self.follows(code, answer["code"]):
                name += ", as the two results differ"
            else:
                self.report("exit of equals", ours=[code, text], theirs=answer)
            self.totals[name] += 1
        return True

    def follows(self, code: int, other: int) -> bool:
        """Does each side's exit code say of its own numbers what both sides' rule says?

        Swift's own count of dispersion is taken for its side: it leaves out the partitions beyond
        a short last row.
        """
        mine = RingBuilder.load(str(self.own))
        found = self.peer.ask("builder", path=str(self.theirs))
        if "fault" in found:
            return False
        expected = [
            int(dispersion > 0 or (balance > 5 and balance / 100 > mine.overload))
            for balance, dispersion in (
                quality(mine),
                (found["balance"], found["dispersion"]),
            )
        ]
        return expected == [code, other]

    def report(self, what: str, **facts: Any) -> None:  # noqa: ANN401 - JSON values
        if "impossible" not in what:
            self.totals[f"DIFFERENCE {what}"] += 1
        if self.keep is not None:
            name = f"{self.seed}-{self.step}-{self.now:.0f}.builder"
            shutil.copy(self.twin, self.keep / name)
        print(json.dumps({"seed": self.seed, "step": self.step, "what": what, **facts}))

    def create(self) -> None:
        replicas = self.rng.choice([1, 2, 3, 3, 3, 4, 2.5, 3.3])
        hours = self.rng.choice([0, 1, 1, 24])
        self.both("create", str(self.part_power), str(replicas), str(hours))
        for _ in range(max(int(replicas) + 1, self.rng.randint(3, 40))):
            self.add()

    def add(self) -> None:
        rng = self.rng
        region, zone = rng.randint(1, self.regions), rng.randint(1, self.zones)
        ip = f"10.{region}.{zone}.{rng.randint(1, self.servers)}"
        weight = rng.choice([100, 100, 100, 50, 200, 3000, 1])
        if rng.random() < 0.7:
            weight = 100
        name = f"d{rng.randint(0, 10**9)}"
        self.both("add", f"r{region}z{zone}-{ip}:6200/{name}", str(weight))

    def change(self) -> None:
        rng = self.rng
        devices = RingBuilder.load(str(self.own)).listed()
        some = rng.choice(devices) if devices else None
        kind = rng.randint(0, 11)
        if kind <= 2 or some is None:
            for _ in range(rng.randint(1, 5)):
                self.add()
        elif kind <= 4:
            for device in rng.sample(devices, min(len(devices), rng.randint(1, 3))):
                self.both("remove", f"d{device.id}")
        elif kind <= 6:
            for device in rng.sample(devices, min(len(devices), rng.randint(1, 4))):
                self.both("set_weight", f"d{device.id}", str(rng.choice([0, 50, 100, 150, 300])))
        elif kind == 7:
            self.both("set_replicas", str(rng.choice([1, 2, 2.5, 3, 3, 3.2, 4])))
        elif kind == 8:
            self.both("set_overload", rng.choice(["0", "10%", "0.5", "100%"]))
        elif kind == 9:
            self.both("set_zone", f"d{some.id}", str(rng.randint(1, self.zones)))
        elif kind == 10:
            self.both("set_min_part_hours", str(rng.choice([0, 1, 24])))
        if rng.random() < 0.3:
            self.both("pretend_min_part_hours_passed")
        self.now += rng.choice([0, 1800, 3700, 7300, 90000])

    def one_step(self) -> bool:
        if self.step:
            self.change()
        shutil.copy(self.theirs, self.twin)
        shutil.copy(self.own, self.start)
        seed = str(self.rng.randint(0, 10**6))
        if not self.both("rebalance", "--force", "--seed", seed):
            return False
        self.totals["steps"] += 1
        if not self.theirs.with_suffix(".ring.gz").exists():
            return True
        self.read_by_the_other()
        self.compare_quality()
        self.compare_from_the_same_state(seed)
        return True

    def read_by_the_other(self) -> None:
        both = (self.own, self.theirs)
        own, theirs = (self.peer.ask("builder", path=str(b)).get("fault", "") for b in both)
        if own and own == theirs:
            self.totals[f"builders that they refuse, theirs too: {own.partition(':')[0]}"] += 1
        elif own or theirs:
            self.report("their reading of a builder", own=own, theirs=theirs)
        for builder in both:
            faults = list(RingBuilder.load(str(builder)).violations())
            if faults and builder is self.own:
                self.report("violations", faults=faults[:3])
            ring_path = str(builder.with_suffix(".ring.gz"))
            self.compare_look_ups(ring_path)
        for version in ("2", "1"):
            ours([str(self.own), "write_ring", "--format-version", version], self.now)
            self.compare_look_ups(str(self.own.with_suffix(".ring.gz")))

    def compare_look_ups(self, path: str) -> None:
        ring = Ring.load(path, HASH_PATH)
        sample = [self.rng.randrange(ring.partition_count) for _ in range(4)]
        names = [["a"], ["a", "c"], ["a", "c", f"o{self.rng.random()}"]]
        found = self.peer.ask("ring", path=path, partitions=sample, names=names)
        mine = [
            [
                [device.id for device in ring.primaries(partition)],
                [[h.device.id, h.handoff_index] for h in ring.handoffs(partition)],
            ]
            for partition in sample
        ]
        self.totals["partitions looked up"] += len(sample)
        partitions = [ring.partition(*name) for name in names]
        if found.get("nodes") != mine or found.get("partitions") != partitions:
            self.report("look-up", path=path, partitions=sample, ours=mine, theirs=found)

    def compare_quality(self) -> None:
        """Each side going its own way."""
        mine, other = RingBuilder.load(str(self.own)), RingBuilder.load(str(self.theirs))
        before = RingBuilder.load(str(self.start))
        with suppress(ImpossiblePlan):  # Refused by both sides.
            self.judge("own chain", before, mine, other)

    def compare_from_the_same_state(self, seed: str) -> None:
        before = RingBuilder.load(str(self.twin))
        after = before.copy()
        try:
            after.rebalance(self.now, seed=seed)
        except RingError:
            return
        self.judge("same state", before, after, RingBuilder.load(str(self.theirs)))

    def judge(
        self, where: str, before: RingBuilder, after: RingBuilder, theirs: RingBuilder
    ) -> None:
        """Count each number, and report what is worse."""
        mine, other = Result.of(after), Result.of(theirs)
        for name, a, b in (
            ("balance", mine.balance, other.balance),
            ("dispersion", mine.dispersion, other.dispersion),
        ):
            verdict = "worse" if a > b + NEARLY else "better" if a < b - NEARLY else "equal"
            self.totals[f"{where}: {name} {verdict}"] += 1
        their_moves = len(changes(RingBuilder.load(str(self.twin)).rows(), theirs.rows()))
        moves = Moves.of(before, after)
        facts = {"moved": [moves.moved, their_moves], "demand": moves.demand}
        if mine.some_worse(other):
            self.report_worse(where, before, mine, other, facts)
        self.totals[f"{where}: replicas moved by ours"] += moves.moved
        self.totals[f"{where}: replicas moved by theirs"] += their_moves
        self.totals[f"{where}: replicas whose moves weights demand"] += moves.demand
        self.totals[f"{where}: moves {moves.verdict(their_moves)}"] += 1
        if where == "same state" and moves.moved > their_moves and not other.some_worse(mine):
            kind = "no better result"
            if misplaced(after, before) < misplaced(theirs, before):
                kind = "more of them where weights want them"
            self.totals[f"{where}: moved more than theirs for {kind}"] += 1
            if kind == "no better result":
                self.report(f"{where}: moves", **facts, quality=mine.numbers)
        if moves.idle:
            self.report(f"{where}: idle moves", **facts, idle=moves.idle)

    def theirs_from(self, start: Path) -> Iterator[Result]:
        """What their builder reaches from this file with other seeds."""
        again = start.with_name("again.builder")
        for seed in range(SEEDS):
            shutil.copy(start, again)
            words = [str(again), "rebalance", "--force", "--seed", str(seed)]
            self.peer.ask("command", args=words, now=self.now)
            yield Result.of(RingBuilder.load(str(again)))

    def excluded(self, before: RingBuilder, other: Result) -> bool:
        """Is it proved that every table is worse than this or than what another seed of their
        builder reaches?"""
        return any(
            impossible(
                before,
                self.now,
                min(found.balance, other.balance),
                min(found.dispersion, other.dispersion),
            )
            for found in self.theirs_from(self.twin)
        )

    def report_worse(
        self, where: str, before: RingBuilder, mine: Result, other: Result, facts: dict[str, Any]
    ) -> None:
        """A number is worse: is it proved that no table reachable from here is as good in both?"""
        if impossible(before, self.now, *other.numbers):
            kind = "worse, and impossible to avoid from this state"
        elif where == "same state" and self.excluded(before, other):
            kind = "worse, and impossible to be as good as all that their seeds lead to"
        elif where == "own chain" and all(
            r.some_worse(other) for r in self.theirs_from(self.start)
        ):
            kind = "worse by an earlier step: from our state theirs is not as good either"
        elif not other.some_worse(mine):
            kind = "worse outright"
        else:
            kind = "a trade" + (", against" if mine.first_worse(other) else ", in")
            kind += " the order of goals"
        self.totals[f"{where}: {kind}"] += 1
        self.report(f"{where}: {kind}", ours=mine.numbers, theirs=other.numbers, **facts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift-python", required=True)
    parser.add_argument("--clusters", type=int, default=300)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the builders before differences")
    options = parser.parse_args()
    peer = Peer(options.swift_python)
    totals: Counter[str] = Counter()
    try:
        for seed in range(options.seed, options.seed + options.clusters):
            with tempfile.TemporaryDirectory() as folder:
                cluster = Cluster(peer, Path(folder), seed, totals)
                cluster.keep = options.keep
                cluster.create()
                for step in range(options.steps):
                    cluster.step = step
                    if not cluster.one_step():
                        break
            totals["clusters"] += 1
    finally:
        peer.close()
        for name in sorted(totals):
            print(f"{totals[name]:9d}  {name}")
    return 1 if any(name.startswith("DIFFERENCE") for name in totals) else 0


if __name__ == "__main__":
    sys.exit(main())
