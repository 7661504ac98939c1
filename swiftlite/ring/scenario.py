"""Scenarios: rounds of changes to a builder, played through to see what a plan would do.

A scenario is a dictionary (usually from JSON): part_power, replicas, overload, random_seed, and
rounds, each a list of commands: ["add", "r1z2-10.0.0.1:6200/sda", weight], ["remove", id],
["set_weight", id, weight], ["save", path]. Each round is rebalanced until it settles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from .builder import RingBuilder
from .errors import BuilderError
from .search import parse_add

REBALANCES_MAX = 64
HOUR = 3600.0


class ScenarioError(BuilderError):
    """The scenario is not of the form; the sentence names round and command."""


@dataclass(frozen=True, slots=True)
class Command:
    """One change; `number` is a device id, `weight` its weight."""

    verb: str
    fields: Mapping[str, int | str] | None = None
    number: int = 0
    weight: float = 0.0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario."""

    part_power: int
    replicas: float
    overload: float
    seed: str
    rounds: tuple[tuple[Command, ...], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One rebalance of a round: what moved, and how good the table is after it."""

    round: int
    rebalance: int
    moved: int
    moved_percent: float
    balance: float
    dispersion: float
    removed: int


def parse(source: object) -> Scenario:
    """Raises ScenarioError."""
    if not isinstance(source, Mapping):
        raise ScenarioError("a scenario is a JSON object")
    part_power = source.get("part_power")
    if isinstance(part_power, bool) or not isinstance(part_power, int) or not 1 <= part_power <= 32:
        raise ScenarioError("part_power is a whole number from 1 to 32")
    rounds = source.get("rounds")
    if not isinstance(rounds, list) or not rounds:
        raise ScenarioError("rounds is a list with at least one round")
    return Scenario(
        part_power=part_power,
        replicas=_number(source, "replicas", 1.0),
        overload=_number(source, "overload", 0.0),
        seed=str(source.get("random_seed", "0")),
        rounds=tuple(_round(number, commands) for number, commands in enumerate(rounds)),
    )


def _number(source: Mapping[str, Any], key: str, least: float) -> float:
    value = source.get(key, 0.0 if key == "overload" else None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ScenarioError(f"{key} is a number")
    if value < least:
        raise ScenarioError(f"{key} is at least {least:g}")
    return float(value)


def _round(number: int, commands: object) -> tuple[Command, ...]:
    if not isinstance(commands, list) or not commands:
        raise ScenarioError(f"round {number} is not a list of commands")
    made = []
    for place, words in enumerate(commands):
        where = f"round {number}, command {place}"
        if not isinstance(words, list) or not words:
            raise ScenarioError(f"{where}: not a list")
        try:
            made.append(_command(words))
        except (ValueError, TypeError) as fault:
            raise ScenarioError(f"{where}: {fault}") from None
    return tuple(made)


def _command(words: list[Any]) -> Command:
    verb = words[0]
    lengths = {"add": 3, "remove": 2, "set_weight": 3, "save": 2}
    if verb not in lengths:
        raise ValueError(f"unknown command {verb!r} (add, remove, set_weight, save)")
    if len(words) != lengths[verb]:
        raise ValueError(f"{verb} takes {lengths[verb] - 1} arguments, not {len(words) - 1}")
    if verb == "save":
        return Command(verb, path=str(words[1]))
    if verb == "add":
        return Command(verb, fields=parse_add(str(words[1])), weight=_weight(words[2]))
    number = int(words[1])
    if number < 0:
        raise ValueError("a device id is not negative")
    return Command(verb, number=number, weight=_weight(words[2]) if verb == "set_weight" else 0.0)


def _weight(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"not a weight: {value!r}")
    weight = float(value)
    if not isfinite(weight) or weight < 0:
        raise ValueError("a weight is zero or more")
    return weight


def play(scenario: Scenario) -> Iterator[Step]:
    """Run it; one Step per rebalance. Raises what the builder raises, naming round and command."""
    builder = RingBuilder.create(scenario.part_power, scenario.replicas, 1)
    builder.set_overload(scenario.overload)
    now = 1e9
    for number, commands in enumerate(scenario.rounds):
        for place, command in enumerate(commands):
            try:
                _apply(builder, command)
            except BuilderError as fault:
                raise ScenarioError(f"round {number}, command {place}: {fault}") from None
        settled = None
        for count in range(REBALANCES_MAX):
            now += 2 * HOUR
            done = builder.rebalance(now, seed=f"{scenario.seed}:{number}:{count}")
            slots = sum(builder.held().values())
            yield Step(
                round=number,
                rebalance=count,
                moved=done.moved,
                moved_percent=100.0 * done.moved / slots,
                balance=done.balance,
                dispersion=done.dispersion,
                removed=len(done.removed),
            )
            if not done.moved or (done.balance, done.dispersion) == settled:
                break
            settled = (done.balance, done.dispersion)


def _apply(builder: RingBuilder, command: Command) -> None:
    if command.verb == "add":
        fields: dict[str, Any] = dict(command.fields or {})
        builder.add_device(weight=command.weight, **fields)
    elif command.verb == "remove":
        builder.remove_device(command.number)
    elif command.verb == "set_weight":
        builder.set_weight(command.number, command.weight)
    else:
        builder.save(command.path, new_id="0" * 32)
