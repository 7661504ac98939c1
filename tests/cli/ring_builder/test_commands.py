"""swiftlite-ring-builder from the outside: arguments, answers, files, exit codes."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from swiftlite.cli.ring_builder import main as command
from swiftlite.cli.ring_builder import session
from swiftlite.host import os_clock
from swiftlite.ring import Ring, RingBuilder
from swiftlite.vocab.hashing import HashPath

START = 1_700_000_000.0
HOUR = 3600.0


class Shell:
    """Calls the command in a folder; keeps the last answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = str(folder / "object.builder")
        self.ring = str(folder / "object.ring.gz")
        self.now = START
        self.out = ""
        self.err = ""

    def __call__(self, *words: object, program: str = "swiftlite-ring-builder") -> int:
        out, err = io.StringIO(), io.StringIO()
        argv = [program, self.file, *map(str, words)]
        code = command.run(argv, out=out, err=err, now=self.now)
        self.out, self.err = out.getvalue(), err.getvalue()
        return code

    def json(self, *words: object) -> dict[str, Any]:
        self(*words, "--json")
        answer: dict[str, Any] = json.loads(self.out)
        return answer

    def builder(self) -> RingBuilder:
        return RingBuilder.load(self.file)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    assert made("create", 6, 3, 1) == 0
    for number in range(4):
        last = number + 1
        where = f"r1z{last}-10.0.0.{last}:6200R10.1.0.{last}:6300/sd{number}_m{number}"
        assert made("add", where, 100) == 0
    return made


@pytest.fixture
def balanced(shell: Shell) -> Shell:
    assert shell("rebalance") == 0
    shell.now += 2 * HOUR
    return shell


def test_a_ring_from_nothing(balanced: Shell) -> None:
    ring = Ring.load(balanced.ring, HashPath(b"", b"x"))
    assert ring.device_count == 4
    assert ring.devices[2] is not None
    assert ring.devices[2].replication_address == ("10.1.0.3", 6300)
    assert os.stat(balanced.ring).st_mode & 0o777 == 0o644
    assert balanced() == 0
    assert "64 partitions, 3.000000 replicas, 1 regions, 4 zones, 4 devices" in balanced.out
    assert "up to date" in balanced.out


def test_without_arguments_all_commands_are_listed() -> None:
    out = io.StringIO()
    assert command.run(["swiftlite-ring-builder"], out=out, err=out, now=START) == 0
    for name in command.COMMANDS:
        assert name in out.getvalue()


@pytest.mark.parametrize("name", sorted(command.COMMANDS))
def test_every_command_has_help(shell: Shell, name: str) -> None:
    assert shell(name, "--help") == 0
    assert "swiftlite-ring-builder" in shell.out


def test_unknown_commands_and_arguments_are_errors(shell: Shell) -> None:
    assert shell("frobnicate") == 2
    assert "no command" in shell.err
    assert shell("create", "x", 3, 1) == 2
    assert shell("create", 8) == 2
    assert shell("rebalance", "--bogus") == 2
    assert shell("set_replicas") == 2


def test_the_ring_file_may_name_the_builder(balanced: Shell) -> None:
    balanced.file = balanced.ring
    assert balanced("validate") == 0


def test_a_missing_builder_is_one_sentence(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell("rebalance") == 2
    assert "there is no builder file" in shell.err
    assert shell.err.count("\n") == 1


def test_every_save_leaves_a_backup(balanced: Shell) -> None:
    names = os.listdir(balanced.folder / "backups")
    assert f"{START:.0f}.object.builder" in names
    assert f"{START:.0f}.object.ring.gz" in names
    copy = balanced.folder / "backups" / f"{START:.0f}.object.ring.gz"
    assert copy.read_bytes() == Path(balanced.ring).read_bytes()


def test_add_by_options_and_many_at_once(shell: Shell) -> None:
    assert (
        shell(
            "add", "--region", 2, "--zone", 1, "--ip", "storage.example", "--port", 6200,
            "--replication-ip", "fd00::9", "--replication-port", 6300,
            "--device", "sdx", "--weight", 50, "--meta", "rack 7",
        )
        == 0
    )  # fmt: skip
    assert shell.builder().device(4).replication_address == ("fd00::9", 6300)
    assert shell("add", "z1-[fd00::1]:6200/sda", 1, "r2z2-10.9.9.9:6200/sdb_x_y", 2) == 0
    assert "WARNING: no region" in shell.out
    assert shell.builder().device(5).region == 1
    assert shell.builder().device(6).meta == "x_y"


@pytest.mark.parametrize(
    "words",
    [
        ("add", "r1z1-10.0.0.1:6200/sd0", 100),
        ("add", "r1z1-10.0.0.9:6200/sda"),
        ("add", "r1z1-10.0.0.9/sda", 100),
        ("add", "r1z1-10.0.0.9:6200/sda", "heavy"),
        ("add", "r1z1-10.0.0.9:6200/new", 1, "r1z1-10.0.0.1:6200/sd0", 100),
        ("add", "--region", 1, "--zone", 1),
        ("add", "--region", 1, "z1-10.0.0.9:6200/sda", 100),
        (
            "add",
            "--region",
            1,
            "--zone",
            1,
            "--ip",
            "!",
            "--port",
            1,
            "--device",
            "a",
            "--weight",
            1,
        ),
    ],
)
def test_a_bad_add_changes_nothing(shell: Shell, words: tuple[object, ...]) -> None:
    before = Path(shell.file).read_bytes()
    assert shell(*words) == 2
    assert Path(shell.file).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("d2", [2]),
        ("r1", [0, 1, 2, 3]),
        ("z2", [1]),
        ("r1z2-10.0.0.2:6200", [1]),
        ("10.0.0.3", [2]),
        (":6200", [0, 1, 2, 3]),
        ("R10.1.0.4", [3]),
        ("R:6300", [0, 1, 2, 3]),
        ("10.0.0.1R10.1.0.1:6300/sd0_m0", [0]),
        ("/sd1", [1]),
        ("_m", [0, 1, 2, 3]),
        ('_"m3"', [3]),
        ("d1r1z2-10.0.0.2:6200R10.1.0.2:6300/sd1_m1", [1]),
    ],
)
def test_search_values(shell: Shell, text: str, found: list[int]) -> None:
    answer = shell.json("search", text)
    assert [device["id"] for device in answer["devices"]] == found


def test_search_by_options_and_in_vain(shell: Shell) -> None:
    assert [d["id"] for d in shell.json("search", "--zone", 3, "--weight", 100)["devices"]] == [2]
    assert [d["id"] for d in shell.json("search", "--id", 0)["devices"]] == [0]
    assert shell("search", "z9") == 2
    assert shell("search", "nonsense!") == 2
    assert shell("search") == 2


def test_list_parts_counts_replicas(balanced: Shell) -> None:
    parts = balanced.json("list_parts", "z1", "z2")["partitions"]
    builder = balanced.builder()
    assert [count for _, count in parts] == sorted((count for _, count in parts), reverse=True)
    for partition, count in parts:
        assert sum(number in (0, 1) for number in builder.assigned(partition)) == count
    assert balanced("list_parts", "z9") == 2


def test_list_parts_before_a_rebalance_is_an_error(shell: Shell) -> None:
    assert shell("list_parts", "z1") == 2


def test_settings(balanced: Shell) -> None:
    assert balanced("set_weight", "d0", 50, "d1", 75) == 0
    assert [balanced.builder().device(n).weight for n in (0, 1)] == [50, 75]
    assert balanced("set_weight", "--zone", 3, 10) == 0
    assert balanced.builder().device(2).weight == 10
    assert balanced("set_region", "d3", 2) == 0
    assert balanced("set_zone", "d3", 7) == 0
    assert (balanced.builder().device(3).region, balanced.builder().device(3).zone) == (2, 7)
    assert balanced("set_replicas", 2.5) == 0
    assert balanced("set_overload", "10%") == 0
    assert balanced.builder().overload == pytest.approx(0.1)
    assert balanced("set_overload", 1.5) == 1
    assert balanced("set_overload", "150%") == 0
    assert balanced("set_min_part_hours", 24) == 0
    assert balanced.builder().min_part_hours == 24
    wrong: list[tuple[object, ...]] = [
        ("set_replicas", 0.5),
        ("set_overload", -1),
        ("set_weight", "d0", "x"),
        ("set_weight", "d9", 1),
        ("set_zone", "d0", "x"),
        ("set_weight", "d0"),
    ]
    for words in wrong:
        assert balanced(*words) == 2


def test_a_host_name_is_set_by_option_only(balanced: Shell) -> None:
    """A bare word in a change is rather a slip than an address."""
    assert balanced("set_info", "d2", "remove") == 2
    assert balanced("set_info", "--id", 2, "--change-ip", "storage-7.example.com") == 0
    assert balanced.builder().device(2).ip == "storage-7.example.com"


def test_set_info_changes_what_is_given(balanced: Shell) -> None:
    assert balanced("set_info", "d0", "10.0.0.99:6201R10.1.0.99/sdz") == 0
    device = balanced.builder().device(0)
    assert (device.address, device.replication_address) == (
        ("10.0.0.99", 6201),
        ("10.1.0.99", 6300),
    )
    assert (device.device, device.meta) == ("sdz", "m0")
    assert balanced("set_info", "--id", 1, "--change-meta", "new", "--change-port", 6205) == 0
    assert balanced.builder().device(1).meta == "new"
    assert balanced("set_info", "d2", "10.0.0.99:6201/sdz") == 2
    assert "already uses" in balanced.err
    assert balanced() == 0
    assert "obsolete" in balanced.out
    assert balanced("write_ring") == 0
    assert balanced() == 0
    assert "up to date" in balanced.out


def test_several_matches_need_a_yes(balanced: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert balanced("remove", "r1") == 2
    assert balanced.builder().removed == ()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert balanced("set_weight", "r1", 7) == 0
    assert balanced("set_weight", "r1", 8, "--yes") == 0
    assert {device.weight for device in balanced.builder().listed()} == {8}


def test_remove_and_rebalance(balanced: Shell) -> None:
    assert balanced("add", "r1z5-10.0.0.5:6200/sd5", 100) == 0
    assert balanced("remove", "d1") == 0
    assert balanced() == 0
    assert "DEL" in balanced.out
    assert balanced("remove", "d1") == 0
    assert balanced("set_zone", "d1", 9) == 2
    assert balanced("set_region", "d1", 9) == 2
    assert balanced("set_weight", "d1", 9) == 2
    answer = balanced.json("rebalance")
    assert answer["removed"] == [1]
    assert answer["exit_code"] == 0
    assert balanced("validate") == 0


def test_rebalance_says_why_nothing_moved(balanced: Shell) -> None:
    assert balanced("rebalance") == 1
    assert "Every device holds what its weight" in balanced.out
    assert balanced("add", "r1z5-10.0.0.5:6200/sd5", 100) == 0
    balanced.now = START + 60
    assert balanced("rebalance") == 1
    assert "min_part_hours" in balanced.out
    assert balanced("pretend_min_part_hours_passed") == 0
    assert balanced("rebalance") == 0


def test_rebalance_with_a_seed_is_repeatable(shell: Shell) -> None:
    for number in range(4, 9):
        shell("add", f"r1z{number}-10.0.0.{number + 1}:6200/sd{number}", 100)
    copy = shell.folder / "copy"
    copy.mkdir()
    shutil.copy(shell.file, copy)
    other = Shell(copy)
    assert shell("rebalance", "--seed", "s") == other("rebalance", "--seed", "s")
    assert Path(shell.ring).read_bytes() == Path(other.ring).read_bytes()
    assert other("rebalance", "another", "--force") in (0, 1)


def test_rebalance_without_devices_is_an_error(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("create", 6, 3, 1)
    assert shell("rebalance") == 2
    assert "no devices with weight" in shell.err
    assert shell("write_ring") == 2


def test_bad_balance_is_a_warning(shell: Shell) -> None:
    shell("set_weight", "d0", 1000)
    assert shell("rebalance") == 1
    assert "NOTE: balance" in shell.out


def test_plan_equals_the_rebalance_and_writes_nothing(balanced: Shell) -> None:
    balanced("add", "r1z5-10.0.0.5:6200/sd5", 150)
    files = {p: p.read_bytes() for p in balanced.folder.rglob("*") if p.is_file()}
    plan = balanced.json("plan", "--partitions")
    assert {p: p.read_bytes() for p in balanced.folder.rglob("*") if p.is_file()} == files
    before = balanced.builder().rows()
    done = balanced.json("rebalance")
    after = balanced.builder().rows()
    for key in ("moved", "forced", "balance", "dispersion", "balance_before"):
        assert plan[key] == done[key]
    moves = [
        [partition, replica, old, new]
        for replica, (old_row, new_row) in enumerate(zip(before, after, strict=True))
        for partition, (old, new) in enumerate(zip(old_row, new_row, strict=True))
        if old != new
    ]
    assert plan["moves"] == moves
    assert balanced("plan") == 1
    assert "Nothing would move" in balanced.out


def test_plan_as_text_names_zones_and_devices(balanced: Shell) -> None:
    balanced("add", "r1z5-10.0.0.5:6200/sd5", 150)
    assert balanced("plan") == 0
    assert "r1z5" in balanced.out
    assert "partitions with 1 of their replicas on the move" in balanced.out


def test_dispersion_report(shell: Shell) -> None:
    assert shell("dispersion") == 2
    shell("set_weight", "d0", 30)
    shell("rebalance")
    assert shell("dispersion", "-v") in (0, 1)
    assert "r1z1-10.0.0.1/sd0" in shell.out
    answer = shell.json("dispersion", r"r\d+z\d+$")
    assert len(answer["tiers"]) == 4
    for tier in answer["tiers"]:
        assert sum(tier["counts"]) == 64
    assert shell("dispersion", "(") == 2


def test_formats_and_versions_of_ring_files(balanced: Shell) -> None:
    assert balanced.json("version")["format_version"] == 1
    assert balanced("write_ring", "--format-version", 2, "--dev-id-bytes", 4) == 0
    assert balanced.json("version")["id_bytes"] == 4
    assert balanced("write_ring", "--format-version", 1) == 2
    assert balanced("write_ring", "--format-version", 1, "--dev-id-bytes", 2) == 0
    assert balanced("write_ring", "--format-version", 3) == 2


def test_write_builder_recreates_a_lost_builder(balanced: Shell) -> None:
    assert balanced("write_builder", 1) == 2
    assert "will not be overwritten" in balanced.err
    before = balanced.builder()
    os.unlink(balanced.file)
    assert balanced("write_builder") == 0
    assert "WARNING: min_part_hours" in balanced.out
    assert balanced.builder().rows() == before.rows()
    assert balanced.builder().devices == before.devices


def test_only_object_rings_raise_their_partition_power(shell: Shell) -> None:
    """Databases would not be found again: nothing relinks them."""
    assert shell("rebalance") == 0
    shell.file = str(shell.folder / "container.builder")
    shutil.copy(shell.folder / "object.builder", shell.file)
    assert shell("prepare_increase_partition_power") == 2
    assert "object rings" in shell.err
    assert shell.builder().next_part_power is None


def test_partition_power_steps(balanced: Shell) -> None:
    assert balanced("increase_partition_power") == 2
    assert balanced("prepare_increase_partition_power") == 0
    assert balanced("rebalance") == 2
    assert balanced("add", "r1z5-10.0.0.5:6200/sd5", 1) == 2
    assert balanced("remove", "d0") == 2
    assert balanced("write_ring") == 0
    assert Ring.load(balanced.ring, HashPath(b"", b"x")).next_part_power == 7
    assert balanced("increase_partition_power") == 0
    assert balanced("cancel_increase_partition_power") == 2
    assert balanced("finish_increase_partition_power") == 0
    assert balanced.builder().partition_count == 128
    assert balanced("validate") == 0


def test_verify(balanced: Shell) -> None:
    assert balanced("verify") == 0
    md5 = balanced.json("verify")["rings"][0]["md5"]
    assert balanced("verify", balanced.ring, "--md5", md5) == 0
    assert balanced("verify", balanced.ring, "--md5", "0" * 32) == 2
    broken = balanced.folder / "broken.ring.gz"
    broken.write_bytes(Path(balanced.ring).read_bytes()[:-9])
    assert balanced("verify", broken) == 2
    assert "the file ends" in balanced.out
    balanced("set_info", "d0", "_changed")
    assert balanced("verify") == 1


def test_a_damaged_builder_is_one_clear_error_and_stays_untouched(balanced: Shell) -> None:
    good = Path(balanced.file).read_bytes()
    for broken in (b"", good[:100], b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."):
        Path(balanced.file).write_bytes(broken)
        for words in (("rebalance",), (), ("add", "r1z9-10.0.0.9:6200/x", 1)):
            assert balanced(*words) == 2
            assert balanced.err.count("\n") == 1
        assert Path(balanced.file).read_bytes() == broken


@pytest.mark.parametrize("program", ["swiftlite-ring-builder", "swiftlite-ring-builder-safe"])
def test_two_builders_at_once_are_kept_apart(
    balanced: Shell, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(os_clock, "sleep", waited.append)
    with open(balanced.folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert balanced("set_replicas", 2, program=program) == 2
        assert "another ring builder is at work" in balanced.err
        assert sum(waited) == pytest.approx(session.LOCK_SECONDS, abs=0.1)
        assert balanced("validate", program=program) == (2 if program.endswith("safe") else 0)
    assert balanced("set_replicas", 2, program=program) == 0


def test_a_picture_is_xml_with_a_wedge_per_device(balanced: Shell) -> None:
    path = balanced.folder / "ring.svg"
    assert balanced("show", "--picture", path) == 0
    tree = ElementTree.parse(path)
    titles = [element.text or "" for element in tree.iter("{http://www.w3.org/2000/svg}title")]
    for number in range(4):
        assert any(title.startswith(f"d{number} ") for title in titles)


def test_a_picture_before_the_first_device_and_rebalance(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("create", 6, 3, 1)
    assert shell("show", "--picture", tmp_path / "a.svg") == 0
    shell("add", "r1z1-10.0.0.1:6200/<sda>&", 0)
    assert shell("show", "--picture", tmp_path / "b.svg") == 0
    ElementTree.parse(tmp_path / "b.svg")


@pytest.mark.parametrize(
    "words",
    [("show",), ("search", "z1"), ("validate",), ("dispersion",), ("version",), ("verify",),
     ("plan",), ("rebalance",), ("list_parts", "z1"), ("set_weight", "d0", "5"), ("frobnicate",),
     ("set_replicas", "x")],
)  # fmt: skip
def test_everything_answers_in_json(balanced: Shell, words: tuple[str, ...]) -> None:
    code = balanced(*words, "--json")
    answer = json.loads(balanced.out)
    assert answer["exit_code"] == code
    assert (code == 2) == ("error" in answer)
