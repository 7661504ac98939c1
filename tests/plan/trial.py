"""A random cluster with a random fault and a random question: the plan's answer, and then doing it.

What was called safe must do no harm: everything acknowledged stays readable, everything can be
written, one more failure makes no difference where a quorum is more than one, and afterwards all
of it is where it belongs. What was called unsafe must do harm: the partition that was named
cannot be read, or not after as many more failures as copies were said to be left, or not written.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from swiftlite.cli.plan.facts import Facts
from swiftlite.obj.replicator.sweep import ReplicatorPass
from swiftlite.plan import Answer, Limits, RingChange, Verdict, judge_change, judge_pull, judge_stop
from swiftlite.plan.moves import Sizes, Weight, moves_between
from swiftlite.plan.shortage import shortage
from swiftlite.plan.standing import Standing
from swiftlite.ring import Device, Ring
from swiftlite.ring.search import Criteria
from swiftlite.service.passes import Idle
from swiftlite.testing.sim_host import SimNode
from tests.plan.world import HOUR, INTERVAL_S, PlanWorld

TALK_S = 0.0065  # three ways to and fro over the simulated network
RATE = 200_000.0
FATES = 3
FEW_MOVES = 24
"""Fewer are a matter of chance: who happens to be refused, and for how long."""
QUESTIONS = ("stop", "stop zone", "pull", "ring")
TROUBLES = ("none", "none", "none", "down", "unmounted", "came back", "ring", "ring unknown", "two")


@dataclass
class Outcome:
    """wrong: where what came of it was not what was said."""

    seed: int
    question: str
    trouble: str
    answer: Answer
    wrong: list[str] = field(default_factory=list)
    harms: list[str] = field(default_factory=list)
    bytes_said: float = 0.0
    bytes_seen: float = 0.0
    seconds_said: float = 0.0
    seconds_seen: float = 0.0


class Trial:
    """fate: another number, and chance goes another way in the same cluster."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        question: str | None = None,
        trouble: str | None = None,
        fate: int = 0,
    ) -> None:
        self.folder = folder
        self.chance = chance = random.Random(f"trial {seed}")
        disks = chance.choice((1, 1, 2, 3))
        nodes = chance.choice((3, 4, 4, 5, 6, 8))
        zones = chance.choice((nodes, nodes, 2, 3))
        replicas = min(chance.choice((1, 2, 2.5, 3, 3, 3, 3, 4)), nodes * disks)
        self.question = question or chance.choice(QUESTIONS)
        self.trouble = trouble or chance.choice(TROUBLES)
        self.sim = PlanWorld(
            seed, folder, nodes=nodes, disks=disks, zones=zones, replicas=replicas,
            concurrency=chance.choice((1, 1, 2, 3)), part_power=6 if self.question == "ring" else 5,
            fate=fate,
        )  # fmt: skip
        self.big = self.question == "ring"
        self.wrong: list[str] = []
        self.harms: list[str] = []
        self.outcome = Outcome(seed, self.question, self.trouble, Answer.UNKNOWN, self.wrong)
        self.outcome.harms = self.harms

    # --- the cluster before the question

    def prepare(self) -> None:
        sim = self.sim
        self.accounts = _covering(sim.place("account").ring, lambda n: (f"a{n}",))
        containers = _covering(sim.place("container").ring, lambda n: ("a0", f"c{n}"))
        self.containers = [*containers, *((one[0], "c") for one in self.accounts)]
        for names in (*self.accounts, *self.containers):
            sim.make_database("/".join(names))
        objects = _covering(sim.place("object").ring, lambda n: ("a0", "c0", f"o{n}"))
        if ("a0", "c0") not in self.containers:
            self.containers.append(("a0", "c0"))
            sim.make_database("a0/c0")
        for names in objects:
            assert sim.put("/v1/" + "/".join(names), self.body())
        for number, names in enumerate(self.containers):
            assert sim.put(f"/v1/{'/'.join(names)}/more{number}", self.body())
        sim.world.run_for(60)
        sim.replicate()
        sim.world.run_for(2 * HOUR)
        self.make_trouble()
        sim.measure()

    def body(self) -> bytes:
        sizes = (3_000, 60_000, 120_000, 200_000) if self.big else (10, 1_000, 20_000)
        return self.chance.randbytes(self.chance.choice(sizes))

    def make_trouble(self) -> None:
        sim, chance = self.sim, self.chance
        kinds = [self.trouble]
        if self.trouble == "two":
            kinds = [chance.choice(("down", "unmounted", "ring")) for _ in range(2)]
        for kind in kinds:
            if kind == "down":
                sim.stop(chance.choice(sim.ips))
                self.write_more()
            elif kind == "unmounted":
                device = chance.choice(self.devices())
                sim.unmount(device.ip, device.device)
                self.write_more()
            elif kind == "came back":
                ip = chance.choice(sim.ips)
                sim.stop(ip)
                self.write_more()
                sim.replicate()
                sim.start(sim.world.node(ip))
                sim.world.run_for(60)
            elif kind.startswith("ring"):
                self.change_ring()
                sim.places.put("object", sim.ring_of("object"))
                sim.write_ring("object", backup=False)
                if kind == "ring unknown":
                    for path in sim.folder.joinpath("backups").glob("*.object.ring.gz"):
                        path.unlink()
            sim.fresh_proxy()

    def write_more(self) -> None:
        for number in range(4):
            self.sim.put(f"/v1/a0/c0/later{number}", self.body())

    def devices(self) -> list[Device]:
        return [one for one in self.sim.place("object").ring.devices if one is not None]

    def change_ring(self) -> None:
        """Something that an operator does to a builder; rebalanced."""
        builder, chance = self.sim.builders["object"], self.chance
        device = chance.choice(builder.listed())
        weighty = sum(one.weight > 0 for one in builder.listed())
        what = chance.choice(("weight", "weight", "drain", "remove", "grow", "replicas"))
        if what == "weight":
            builder.set_weight(device.id, device.weight * chance.choice((0.3, 0.5, 2.0)))
        elif what == "drain" and weighty > builder.replica_count + 1:
            builder.set_weight(device.id, 0)
        elif what == "remove" and weighty > builder.replica_count + 1:
            builder.remove_device(device.id)
        elif what == "replicas" and builder.replica_count + 1 <= weighty:
            builder.set_replicas(builder.replica_count + chance.choice((0.5, 1)))
        else:
            for number in chance.sample(range(len(builder.listed())), chance.choice((1, 2))):
                builder.set_weight(number, chance.choice((10.0, 20.0)))
        builder.rebalance(self.sim.wall, seed="2")

    # --- the question

    def run(self) -> Outcome:
        self.prepare()
        if self.question == "ring":
            self.run_ring()
        else:
            self.run_outage()
        return self.outcome

    def run_outage(self) -> None:
        sim, chance = self.sim, self.chance
        facts = sim.facts()
        if self.question == "pull":
            device = chance.choice(self.devices())
            chosen = facts.of_disks(facts.disks_of({"object": frozenset([device.id])}))
        elif self.question == "stop zone":
            chosen = facts.chosen(Criteria(zone=chance.choice(self.devices()).zone))
        else:
            chosen = facts.chosen(Criteria(ip=chance.choice(sim.ips)))
        judge = judge_pull if self.question == "pull" else judge_stop
        standings = list(facts.standings.values())
        verdict = judge(self.question, standings, chosen)
        self.outcome.answer = verdict.answer
        readable = self.all_readable()
        writable = self.writable()
        away = self.take_away(facts, chosen)
        sim.fresh_proxy()
        if verdict.answer is Answer.SAFE:
            self.check_safe(facts, chosen, readable, writable)
        elif verdict.answer is Answer.UNSAFE:
            self.check_unsafe(facts, chosen, verdict)
        if verdict.answer is Answer.SAFE:
            self.check_afterwards(away, readable)

    def take_away(self, facts: Facts, chosen: Mapping[str, frozenset[int]]) -> list[str]:
        """Do it; the nodes that are to come back."""
        disks = facts.disks_of(chosen)
        if self.question == "pull":
            for disk in disks:
                self.sim.unmount(disk.ip, disk.device)
            return []
        ips = sorted({disk.ip for disk in disks} - self.sim.down)
        for ip in ips:
            self.sim.stop(ip)
        return ips

    def all_readable(self) -> set[str]:
        """Clients see all that was acknowledged, the question still being one."""
        self.sim.fresh_proxy()
        self.answering = [names for names in self.databases() if self.database_answers(names)]
        return {path for path in self.sim.bodies if self.sim.reads(path)}

    # --- what was called safe

    def check_safe(
        self,
        facts: Facts,
        chosen: Mapping[str, frozenset[int]],
        readable: set[str],
        writable: set[tuple[str, ...]],
    ) -> None:
        self.claim_all_readable(readable, "meanwhile")
        self.claim_writable(writable)
        standings = facts.standings.values()
        if any(shortage(one, chosen[one.name] - one.out.keys()).already for one in standings):
            return  # what was short before does not bear one more failure, whatever is asked
        for standing in standings:
            away = chosen.get(standing.name, frozenset())
            if standing.quorum > 1 and away:
                self.claim_one_more_failure_is_borne(standing, away, readable)

    def claim_all_readable(self, readable: set[str], when: str) -> None:
        lost = [path for path in sorted(readable) if not self.sim.reads(path)]
        if lost:
            self.wrong.append(f"called safe, and {when} {len(lost)} cannot be read: {lost[0]}")
        gone = [names for names in self.answering if not self.database_answers(names)]
        if gone:
            self.wrong.append(f"called safe, and {when} {gone[0]} does not answer")

    def databases(self) -> list[tuple[str, ...]]:
        return [*self.accounts, *self.containers]

    def database_answers(self, names: tuple[str, ...]) -> bool:
        return self.sim.ask("HEAD", "/v1/" + "/".join(names)).status == 204

    def writable(self) -> set[tuple[str, ...]]:
        """Names, one for each partition, of those that can be written."""
        ring = self.sim.place("object").ring
        names = _covering(ring, lambda n: ("a0", "c0", f"w{n}"))
        return {one for one in names if self.sim.put("/v1/" + "/".join(one), b"new")}

    def claim_writable(self, before: set[tuple[str, ...]]) -> None:
        refused = before - self.writable()
        if refused:
            self.wrong.append(f"called safe, and writes are refused: {min(refused)}")

    def claim_one_more_failure_is_borne(
        self, standing: Standing, away: frozenset[int], readable: set[str]
    ) -> None:
        """Of the devices that hold what what goes held, one more goes."""
        ring = standing.ring
        touched = [p for p in range(ring.partition_count) if away & set(ring.table.ids(p))]
        if not touched:
            return
        partition = self.chance.choice(touched)
        others = [
            device
            for device in ring.primaries(partition)
            if device.id not in away and self.sim.is_there(device)
        ]
        if not others:
            return
        device = self.chance.choice(others)
        self.sim.unmount(device.ip, device.device)
        self.sim.fresh_proxy()
        self.claim_all_readable(readable, f"with {device.ip}/{device.device} gone too")
        self.sim.mount(device.ip, device.device)
        self.sim.fresh_proxy()

    def check_afterwards(self, away: list[str], readable: set[str]) -> None:
        """All come back; once the passes have run everything is everywhere."""
        for ip in [*away, *self.sim.down]:
            if ip in self.sim.down:
                self.sim.start(self.sim.world.node(ip))
        self.settle_and_check(readable)

    def settle_and_check(self, readable: set[str]) -> None:
        sim = self.sim
        for _ in range(3):
            sim.world.run_for(30)
            sim.replicate()
        sim.fresh_proxy()
        for path in sorted(readable):
            if not sim.reads(path):
                self.wrong.append(f"lost for good: {path}")
                return
            primaries = sim.place("object").ring.primaries(sim.partition(path))
            missing = [d for d in primaries if sim.is_there(d) and d not in sim.holders(path)]
            if missing:
                self.wrong.append(f"{path} has not come back to {missing[0].ip}")
                return

    # --- what was called unsafe

    def check_unsafe(
        self, facts: Facts, chosen: Mapping[str, frozenset[int]], verdict: Verdict
    ) -> None:
        for standing in facts.standings.values():
            away = chosen.get(standing.name, frozenset())
            if self.question != "pull":
                away -= standing.out.keys()
            if away:
                self.show_harm(standing, away)
        if not self.harms and not self.wrong:
            self.wrong.append(f"called unsafe, and no harm was found: {verdict.reasons}")

    def show_harm(
        self, standing: Standing, away: frozenset[int], *, everything: bool = False
    ) -> None:
        """Every partition that was named is as short as was said."""
        short = shortage(standing, away, everything=everything)
        for example in short.examples:
            left = standing.found(example.partition) - away
            assert len(left) == len(example.left)
            self.show_short(standing, example.partition, left)
        if short.unwritable:
            self.show_unwritable(standing, away)

    def show_short(self, standing: Standing, partition: int, left: set[int]) -> None:
        what = f"{standing.name} partition {partition}"
        devices = [standing.ring.devices[number] for number in left]
        if left and not self.partition_reads(standing.name, partition):
            if self.is_reachable(standing.name, partition):
                self.wrong.append(f"{what} was said to be readable, and is not")
            return
        for device in devices:
            assert device is not None
            self.sim.unmount(device.ip, device.device)
        self.sim.fresh_proxy()
        if self.partition_reads(standing.name, partition):
            self.wrong.append(f"{what} was said to be on {len(left)} more, and is on others")
        else:
            self.harms.append(f"{what}: {len(left)} left")
        for device in devices:
            assert device is not None
            self.sim.mount(device.ip, device.device)
        self.sim.fresh_proxy()

    def show_unwritable(self, standing: Standing, away: frozenset[int]) -> None:
        """Only objects are written here."""
        if standing.name != "object":
            return
        ring = standing.ring
        for names in _covering(ring, lambda n: ("a0", "c0", f"u{n}")):
            partition = ring.partition(*names)
            self.sim.fresh_proxy()  # one that knows the nodes already goes on to others
            granted = self.sim.put("/v1/" + "/".join(names), b"new")
            if granted and not standing.takes_writes(partition, away):
                self.wrong.append(f"writes to partition {partition} ought to be refused")
                return
        self.harms.append("writes are refused")

    def partition_reads(self, name: str, partition: int) -> bool:
        """Whether all that is in a partition of some ring can be read."""
        ring = self.sim.place(name).ring
        if name == "object":
            paths = [p for p in self.sim.bodies if self.sim.partition(p) == partition]
            early = [path for path in paths if "/later" not in path]
            return all(self.sim.reads(path) for path in early)
        kept = self.accounts if name == "account" else self.containers
        inside = [names for names in kept if ring.partition(*names) == partition]
        return all(self.database_answers(names) for names in inside)

    def is_reachable(self, name: str, partition: int) -> bool:
        """Whether the containers of its objects, or the accounts of its containers, answer: where
        they do not, clients cannot get at what is in the partition."""
        ring = self.sim.place(name).ring
        if name == "account":
            return True
        if name == "container":
            inside = [names for names in self.containers if ring.partition(*names) == partition]
            return all(self.database_answers(names[:1]) for names in inside)
        paths = [path for path in self.sim.bodies if self.sim.partition(path) == partition]
        return all(self.database_answers(tuple(path.split("/")[2:4])) for path in paths)

    # --- another ring

    def run_ring(self) -> None:
        sim = self.sim
        old, new, change = self.plan_ring()
        self.outcome.answer = change.verdict.answer
        readable, writable = self.all_readable(), self.writable()
        sim.places.put("object", new)
        sim.fresh_proxy()
        then = Standing(
            "object", new, old.quorum, out=old.out, lacking=old.lacking, settled=False, earlier=old,
        )  # fmt: skip
        if change.verdict.answer is Answer.SAFE:
            self.claim_all_readable(readable, "with the new ring")
            self.claim_writable(writable)
        elif change.verdict.answer is Answer.UNSAFE:
            self.show_harm(then, frozenset(), everything=True)
        if self.trouble == "none" and not change.moves.orphans:
            self.follow_undisturbed()

    def plan_ring(self) -> tuple[Standing, Ring, RingChange]:
        """What is in force, another ring, and what is said of it."""
        sim = self.sim
        facts = sim.facts()
        standing = facts.standings["object"]
        old = sim.place("object").ring
        for _ in range(3):
            self.change_ring()
            new = sim.ring_of("object")
            if len(moves_between(old, new, Sizes(Weight(1, 1))).moves) >= FEW_MOVES:
                break
        limits = Limits(
            senders=sim.concurrency, interval=INTERVAL_S, link=RATE, disk=1e12, talk=TALK_S,
            per_file=0.0, notice=0.0,
        )  # fmt: skip
        return standing, new, judge_change("ring", standing, new, facts.sizes("object"), limits)

    def follow_undisturbed(self) -> None:
        """In the same cluster once more, where nobody has written since. Of a partition that was
        written to, a replicator leaves the pushing to whoever has it newest, and that is work
        that the plan does not count. A few times, as the time is a matter of chance as well."""
        found = [self.followed(fate) for fate in range(1, FATES + 1)]
        for one in found:
            self.wrong += one.wrong
        self.outcome.bytes_said, self.outcome.bytes_seen = found[0].bytes_said, found[0].bytes_seen
        self.outcome.seconds_said = found[0].seconds_said
        self.outcome.seconds_seen = fmean(one.seconds_seen for one in found)

    def followed(self, fate: int) -> Outcome:
        folder = self.folder / f"fate{fate}"
        folder.mkdir()
        same = Trial(self.outcome.seed, folder, self.question, self.trouble, fate)
        same.prepare()
        _, new, change = same.plan_ring()
        same.sim.places.put("object", new)
        same.sim.fresh_proxy()
        same.follow(change, new)
        return same.outcome

    def follow(self, change: RingChange, new: Ring) -> None:
        """Let the replicators of all nodes do it, over links of a known rate."""
        sim = self.sim
        before = {device: sim.bytes_on(device) for device in _all(new)}
        started = sim.world.clock.monotonic()
        ending: list[float] = []
        sim.world.network.rate = RATE
        works = [(sim.world.node(ip), sim.replicator(ip)) for ip in sim.ips]
        tasks = [node.tasks.spawn(_go_on, node, work, ending) for node, work in works]
        expected = max(change.time.settled, 1.0)
        while not self.is_settled(new):
            sim.world.run_for(expected / 100)
            if sim.world.clock.monotonic() - started > 20 * expected + 600:
                self.wrong.append("replication did not come to an end")
                break
        took = sim.world.clock.monotonic() - started
        ending.append(took)
        sim.world.run_for(60)
        for task in tasks:
            task.wait()
        sim.world.network.rate = 0.0
        if not change.moves.moves:
            return
        seen = sum(
            max(0, now - before[device].get(partition, 0))
            for device in _all(new)
            for partition, now in sim.bytes_on(device).items()
        )
        self.outcome.bytes_said, self.outcome.bytes_seen = change.moves.bytes, seen
        self.outcome.seconds_said, self.outcome.seconds_seen = change.time.settled, took
        self.settle_and_check(set(sim.bodies))

    def is_settled(self, new: Ring) -> bool:
        """Every object on its primaries, and no partition anywhere else."""
        sim = self.sim
        for device in _all(new):
            for partition in sim.partitions_on(device):
                if device.id not in new.table.ids(partition):
                    return False
        return all(
            set(new.primaries(sim.partition(path))) <= sim.holders(path) for path in sim.bodies
        )


def _all(ring: Ring) -> list[Device]:
    return [device for device in ring.devices if device is not None]


def _go_on(node: SimNode, work: ReplicatorPass, ending: list[float]) -> None:
    while not ending:
        done = work.step()
        if isinstance(done, Idle):
            node.tasks.sleep(done.seconds)
    work.close()


def _covering(ring: Ring, names_of: Callable[[int], tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Names, one for each partition of a ring."""
    found: dict[int, tuple[str, ...]] = {}
    number = 0
    while len(found) < ring.partition_count:
        names = names_of(number)
        found.setdefault(ring.partition(*names), names)
        number += 1
    return list(found.values())
