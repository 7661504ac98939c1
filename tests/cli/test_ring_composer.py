"""swiftlite-ring-composer and the composite library: what may be stacked, and what comes out."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from swiftlite.cli import ring_analyzer, ring_composer
from swiftlite.ring import BuilderError, Ring, RingBuilder, RingFileError
from swiftlite.ring.composite import Composite, rebalance_together
from swiftlite.ring.preview import changes
from swiftlite.vocab.hashing import HashPath

START = 1_700_000_000.0
HOUR = 3600.0


def component(path: Path, region: int, *, replicas: float = 2, power: int = 6) -> RingBuilder:
    builder = RingBuilder.create(power, replicas, 1)
    for number in range(6):
        builder.add_device(
            region=region,
            zone=number % 3,
            ip=f"10.{region}.0.{number}",
            port=6200,
            device="sda",
            weight=100,
        )
    builder.rebalance(START, seed=str(region))
    builder.save(str(path), new_id=f"{region:032x}")
    return builder


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    made = []
    for region in (1, 2):
        path = tmp_path / f"{region}.builder"
        component(path, region)
        made.append(str(path))
    return made


def compose(*args: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return ring_composer.run(args, out=out, err=err), out.getvalue(), err.getvalue()


def test_rows_are_stacked_and_ids_shifted(paths: list[str], tmp_path: Path) -> None:
    ring_path, composite = str(tmp_path / "o.ring.gz"), str(tmp_path / "o.json")
    assert compose(composite, "compose", *paths, "--output", ring_path)[0] == 0
    ring = Ring.load(ring_path, HashPath(b"", b"x"))
    first, second = (RingBuilder.load(path) for path in paths)
    assert ring.replica_count == 4
    for partition in range(ring.partition_count):
        ids = [device.id for device in ring.primaries(partition)]
        assert ids == first.assigned(partition) + [n + 6 for n in second.assigned(partition)]
    code, out, _ = compose(composite, "show")
    assert code == 0
    assert [c["id"] for c in json.loads(out)["components"]] == [f"{r:032x}" for r in (1, 2)]


def test_a_second_ring_needs_a_change(paths: list[str], tmp_path: Path) -> None:
    ring_path, composite = str(tmp_path / "o.ring.gz"), str(tmp_path / "o.json")
    compose(composite, "compose", *paths, "--output", ring_path)
    code, _, err = compose(composite, "compose", "--output", ring_path)
    assert code == 2
    assert "no component builder has changed" in err
    assert compose(composite, "compose", "--output", ring_path, "--force")[0] == 0
    builder = RingBuilder.load(paths[0])
    builder.set_weight(0, 50)
    builder.rebalance(START + 2 * HOUR)
    builder.save(paths[0])
    assert compose(composite, "compose", "--output", ring_path)[0] == 0
    assert Composite.load(composite).version == 3
    code, _, err = compose(composite, "compose", *reversed(paths), "--output", ring_path)
    assert code == 2
    assert "in their order" in err


def test_files_that_moved_together_are_found(paths: list[str], tmp_path: Path) -> None:
    compose(str(tmp_path / "o.json"), "compose", *paths, "--output", str(tmp_path / "o.ring.gz"))
    shutil.copytree(tmp_path, tmp_path / "new")
    for path in paths:
        Path(path).unlink()
    moved = Composite.load(str(tmp_path / "new" / "o.json"))
    assert all(Path(name).parent.name == "new" for name in moved.files.values())


def test_what_does_not_fit_together(tmp_path: Path) -> None:
    good = component(tmp_path / "a", 1)
    assert good.rebalanced
    component(tmp_path / "power", 2, power=5)
    component(tmp_path / "fraction", 2, replicas=2.5)
    component(tmp_path / "region", 1)
    dirty = component(tmp_path / "dirty", 2)
    dirty.set_weight(0, 1)
    dirty.save(str(tmp_path / "dirty"))
    for name, why in (
        ("power", "part powers"),
        ("fraction", "whole"),
        ("region", "same builder"),
        ("dirty", "not rebalanced"),
    ):
        with pytest.raises(BuilderError, match=why):
            Composite().compose([str(tmp_path / "a"), str(tmp_path / name)])
    with pytest.raises(BuilderError, match="at least two"):
        Composite().compose([str(tmp_path / "a")])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"components": 5}', '{"components": [{}]}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(RingFileError, match="not a composite"):
        Composite.load(str(tmp_path / "c"))


def test_co_builders_move_one_replica_of_a_partition_between_them(paths: list[str]) -> None:
    builders = [RingBuilder.load(path) for path in paths]
    before = [builder.rows() for builder in builders]
    for builder in builders:
        for number in (0, 1):
            builder.set_weight(number, 0)
    results = rebalance_together(builders, START + 2 * HOUR)
    assert all(result.moved for result in results)
    moved = [
        {move.partition for move in changes(rows, builder.rows())}
        for rows, builder in zip(before, builders, strict=True)
    ]
    assert not moved[0] & moved[1]
    rebalance_together(builders, START + 2.5 * HOUR)
    now = START + 2 * HOUR
    for _ in range(4):
        now += 2 * HOUR
        rebalance_together(builders, now)
    assert all(builder.held().get(0, 0) == 0 for builder in builders)


def test_a_scenario_is_played(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    devices = [["add", f"r1z{n}-10.0.0.{n}:6200/sda", 100] for n in range(1, 6)]
    source = {
        "part_power": 6,
        "replicas": 3,
        "overload": 0.1,
        "random_seed": 5,
        "rounds": [devices, [["set_weight", 0, 50]], [["remove", 1]]],
    }
    path.write_text(json.dumps(source))
    out = io.StringIO()
    assert ring_analyzer.run([str(path), "--check"], out=out, err=out) == 0
    assert ring_analyzer.run([str(path)], out=out, err=out) == 0
    assert "Round 3" in out.getvalue()
    lines = io.StringIO()
    assert ring_analyzer.run([str(path), "--json"], out=lines, err=lines) == 0
    steps = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert steps[0]["moved"] == 192
    assert {step["round"] for step in steps} == {0, 1, 2}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"part_power": 0}, "part_power"),
        ({"replicas": "x"}, "replicas"),
        ({"rounds": []}, "rounds"),
        ({"rounds": [[["fly", 1]]]}, "round 0, command 0"),
        ({"rounds": [[["add", "nowhere", 1]]]}, "round 0, command 0"),
        ({"rounds": [[["set_weight", 0, -1]]]}, "round 0, command 0"),
        ({"rounds": [[["remove", 7]]]}, "round 0, command 0"),
    ],
)
def test_scenarios_that_are_none(tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = tmp_path / "s.json"
    devices = [["add", f"r1z{n}-10.0.0.{n}:6200/sda", 100] for n in range(1, 6)]
    path.write_text(json.dumps({"part_power": 6, "replicas": 3, "rounds": [devices]} | change))
    err = io.StringIO()
    assert ring_analyzer.run([str(path)], out=err, err=err) == 2
    assert why in err.getvalue()
