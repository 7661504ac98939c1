"""Composite rings: several builders' rings stacked into one, each a region or more of its own.

The components keep their own tables, so a change in one region never moves data of another. The
composite file (JSON) remembers which builders, in which order and at which version, went into the
ring, so that no older or foreign builder can slip in later.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from swiftlite.formats.ring_file import RingImage

from .builder import Rebalanced, RingBuilder
from .errors import BuilderError, RingFileError
from .files import read_file, replace_file
from .load import save_image
from .table import TYPE_OF_ID_BYTES, unassigned


@dataclass(frozen=True, slots=True)
class Component:
    """One builder as it was when the ring was composed."""

    id: str
    version: int
    replicas: float

    @classmethod
    def of(cls, builder: RingBuilder) -> Component:
        if builder.id is None:
            raise BuilderError("a component builder has no id yet; save it first")
        return cls(builder.id, builder.version, builder.replica_count)


@dataclass(slots=True)
class Composite:
    """What a composite builder file holds: components in order, and where their files are."""

    components: list[Component] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    version: int = 0

    @classmethod
    def load(cls, path: str) -> Composite:
        """Raises RingFileError. Files that moved together with this one are found beside it."""
        try:
            fields = json.loads(read_file(path))
            if fields.get("serialization_version", 1) != 1:
                raise ValueError(f"format {fields['serialization_version']!r} is not known here")
            components = [
                Component(_text(c["id"]), int(c["version"]), float(c["replicas"]))
                for c in fields["components"]
            ]
            files = {
                _text(number): _found(_text(name), _text(fields.get("saved_path", path)), path)
                for number, name in fields["component_builder_files"].items()
            }
            version = int(fields["version"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            raise RingFileError(path, f"not a composite builder file: {fault}") from None
        return cls(components, files, version)

    def to_dict(self) -> dict[str, Any]:
        """As `show` shows it."""
        return {
            "components": [
                {"id": c.id, "version": c.version, "replicas": c.replicas} for c in self.components
            ],
            "component_builder_files": self.files,
            "version": self.version,
        }

    def save(self, path: str) -> None:
        """Write the composite builder file in one step."""
        fields = self.to_dict() | {
            "saved_path": os.path.abspath(path),
            "serialization_version": 1,
        }
        replace_file(path, [json.dumps(fields).encode("ascii")])

    def compose(self, paths: Sequence[str], *, force: bool = False) -> RingImage:
        """The composite of these builder files, or of the known ones; updates what is remembered.

        Raises BuilderError when they do not fit together, or, without `force`, when nothing has
        changed since the last time or a builder is older, missing or another one.
        """
        listed = list(paths) or [self.files[component.id] for component in self.components]
        if len(listed) < 2:
            raise BuilderError("a composite ring needs at least two component builders")
        builders = [RingBuilder.load(path) for path in listed]
        check_components(builders, listed)
        found = [Component.of(builder) for builder in builders]
        if self.components and not force:
            check_successors(self.components, found)
        image = stacked(builders, version=self.version + 1)
        self.components = found
        self.files = {
            component.id: os.path.abspath(path)
            for component, path in zip(found, listed, strict=True)
        }
        self.version += 1
        return image


def compose_ring(
    composite_path: str,
    paths: Sequence[str],
    output: str,
    *,
    force: bool = False,
    format_version: int = 1,
) -> Composite:
    """Compose, write the ring, then remember it in the composite file."""
    composite = Composite.load(composite_path) if os.path.exists(composite_path) else Composite()
    image = composite.compose(paths, force=force)
    save_image(image, output, format_version=format_version)
    composite.save(composite_path)
    return composite


def check_components(builders: Sequence[RingBuilder], names: Sequence[str]) -> None:
    """Same part power; whole replicas; rebalanced; no shared region, device or id."""
    powers = sorted({builder.part_power for builder in builders})
    if len(powers) > 1:
        raise BuilderError(f"the component builders have different part powers: {powers}")
    seen_ids: dict[str | None, str] = {}
    regions: dict[int, str] = {}
    devices: dict[tuple[str, int, str], str] = {}
    for builder, name in zip(builders, names, strict=True):
        if builder.id is None:
            raise BuilderError(f"{name} has no id yet; save it first")
        if builder.id in seen_ids:
            raise BuilderError(f"{name} and {seen_ids[builder.id]} are the same builder")
        seen_ids[builder.id] = name
        if builder.replica_count != int(builder.replica_count):
            raise BuilderError(f"{name} has {builder.replica_count:g} replicas; they must be whole")
        if not builder.rebalanced or builder.devices_changed:
            raise BuilderError(f"{name} has changes that were not rebalanced")
        if builder.next_part_power is not None:
            raise BuilderError(f"{name} is in the middle of a partition power increase")
        for region in sorted({device.region for device in builder.listed()}):
            if region in regions:
                raise BuilderError(f"region {region} is in both {regions[region]} and {name}")
            regions[region] = name
        for device in builder.listed():
            key = (device.ip, device.port, device.device)
            if key in devices:
                where = f"{device.ip}:{device.port}/{device.device}"
                raise BuilderError(f"{where} is in both {devices[key]} and {name}")
            devices[key] = name


def check_successors(before: Sequence[Component], now: Sequence[Component]) -> None:
    """The same builders in the same order, none older, at least one newer."""
    if [c.id for c in before] != [c.id for c in now]:
        raise BuilderError(
            "these are not the builders, in their order, that the composite ring was made of"
        )
    for old, new in zip(before, now, strict=True):
        if old.replicas != new.replicas:
            raise BuilderError(
                f"builder {old.id} had {old.replicas:g} replicas and now has {new.replicas:g}"
            )
        if new.version < old.version:
            raise BuilderError(
                f"builder {old.id} is at version {new.version}, older than {old.version}"
            )
    if all(old.version == new.version for old, new in zip(before, now, strict=True)):
        raise BuilderError("no component builder has changed since the composite ring was made")


def stacked(builders: Sequence[RingBuilder], *, version: int | None = None) -> RingImage:
    """Rows one under another; a component's device ids begin where the one before ended."""
    devices: list[dict[str, Any] | None] = []
    shifts = []
    for builder in builders:
        shifts.append(len(devices))
        devices += [
            None if d is None else d.to_dict() | {"id": d.id + shifts[-1]} for d in builder.devices
        ]
    id_bytes = 2 if len(devices) <= unassigned(2) else 4
    typecode = TYPE_OF_ID_BYTES[id_bytes]
    rows = [
        array(typecode, map(shift.__add__, row))
        for shift, builder in zip(shifts, builders, strict=True)
        for row in builder.rows()
    ]
    return RingImage(
        part_shift=32 - builders[0].part_power,
        devices=devices,
        rows=rows,
        version=version,
        id_bytes=id_bytes,
    )


def rebalance_together(
    builders: Sequence[RingBuilder], now: float, *, seeds: Mapping[int, str] | None = None
) -> list[Rebalanced]:
    """Rebalance component builders one after another, each asking the others first.

    A replica of a partition moves in one builder only if no other builder has moved that partition
    within its own min_part_hours, this call included: one replica of the composite at a time.
    `seeds` are by the builder's place.
    """
    results = []
    for place, builder in enumerate(builders):
        may_move = bytearray(b"\x01") * builder.partition_count
        for other in builders:
            if other is not builder and other.rebalanced:
                may_move = bytearray(map(min, may_move, other.movable(now)))
        seed = None if seeds is None else seeds.get(place)
        allowed = may_move if builder.rebalanced else None
        results.append(builder.rebalance(now, seed=seed, may_move=allowed))
    return results


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not text: {value!r}")
    return value


def _found(name: str, saved_path: str, path: str) -> str:
    """A builder's path as it was saved, or at the same place relative to the composite file."""
    if os.path.isabs(name) and os.path.exists(name):
        return name
    relative = os.path.relpath(name, os.path.dirname(saved_path)) if os.path.isabs(name) else name
    moved = os.path.join(os.path.dirname(os.path.abspath(path)), relative)
    return moved if os.path.exists(moved) else name
