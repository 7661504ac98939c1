"""form-signature, config and drive-audit."""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from swiftlite.cli import config, form_signature
from swiftlite.cli.drive_audit import main as drive_audit
from swiftlite.cli.drive_audit.disks import without_mount
from swiftlite.cli.drive_audit.kernel_log import backward, count, time_of
from swiftlite.cli.drive_audit.options import patterns_of

Out = pytest.CaptureFixture[str]
NOW = datetime(2026, 1, 1, 0, 30)


def test_a_form_is_signed_as_formpost_checks_it(capsys: Out) -> None:
    words = ["/v1/a/c/p_", "http://x/<y>", "100", "2", "60", "key"]
    assert form_signature.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    text = f"/v1/a/c/p_\nhttp://x/<y>\n100\n2\n{told['expires']}".encode()
    assert told["signature"] == hmac.digest(b"key", text, "sha1").hex()
    assert form_signature.main(words) == 0
    form = capsys.readouterr().out
    assert 'value="http://x/&lt;y&gt;"' in form
    assert form.count('type="file"') == 2


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["/v1/a/c", "", "100", "2", "60"],
        ["/v1/a", "", "100", "2", "60", "key"],
        ["/v2/a/c", "", "100", "2", "60", "key"],
        ["/v1/a/c", "", "-1", "2", "60", "key"],
        ["/v1/a/c", "", "100", "0", "60", "key"],
        ["/v1/a/c", "", "100", "2", "x", "key"],
        ["/v1/a/c", "", "100", "2", "-99999999999", "key"],
    ],
)
def test_what_cannot_be_signed(words: list[str], capsys: Out) -> None:
    assert form_signature.main(words) == 1
    assert capsys.readouterr().out


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    parts = tmp_path / "object-server.conf.d"
    parts.mkdir()
    (parts / "10.conf").write_text(
        "[DEFAULT]\nbind_port = 1\n[pipeline:main]\npipeline = healthcheck object-server\n"
        "[app:object-server]\nuse = x\n[object-auditor]\nconcurrency = 2\n"
    )
    (parts / "20.conf").write_text("[DEFAULT]\nbind_port = 2\n[filter:healthcheck]\nuse = y\n")
    return tmp_path


def test_a_conf_is_shown_merged(etc: Path, capsys: Out) -> None:
    assert config.main(["object", "--swift-dir", str(etc), "-s", "object-auditor"]) == 0
    assert capsys.readouterr().out == (
        f"# {etc}/object-server.conf.d\n[object-auditor]\nbind_port = 2\nconcurrency = 2\n\n\n"
    )


def test_only_what_serves_requests(etc: Path, capsys: Out) -> None:
    assert config.main([f"{etc}/object-server.conf.d", "-w", "--json"]) == 0
    (sections,) = json.loads(capsys.readouterr().out).values()
    assert set(sections) == {"pipeline:main", "filter:healthcheck", "app:object-server"}


def test_a_conf_that_cannot_be_shown(etc: Path, capsys: Out) -> None:
    assert config.main([]) == 1
    (etc / "bad.conf").write_text("no section")
    assert config.main([f"{etc}/bad.conf"]) == 1
    assert config.main(["proxy", "--swift-dir", str(etc)]) == 0
    assert "Unable to locate config for proxy-server" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("Jan  1 00:10:00 host kernel: x", datetime(2026, 1, 1, 0, 10)),
        ("Dec 31 23:59:59 host kernel: x", datetime(2025, 12, 31, 23, 59, 59)),
        ("2026-01-01T00:10:00.123+01:00 host kernel: x", datetime(2026, 1, 1, 0, 10)),
        ("something else", None),
    ],
)
def test_the_time_of_a_log_line(line: str, moment: datetime | None) -> None:
    assert time_of(line, NOW) == moment


def test_complaints_are_counted_as_far_back_as_asked() -> None:
    lines = [
        "Jan  1 00:20:00 h kernel: Buffer I/O error on dev sdb1, logical block 1",
        "Jan  1 00:19:00 h kernel: nvme0n1p1: critical medium error",
        "no time at all, error on sdb1",
        "Dec 31 23:50:00 h kernel: sdb1: rejecting I/O, error",
        "Dec 31 23:20:00 h kernel: error on sdc1",
    ]
    finders = patterns_of({}, "x")
    assert count(lines, finders, NOW, 60) == {"sdb1": 2, "nvme0n1p1": 1}
    assert count([lines[0], "[    0.000000] Linux", lines[3]], finders, NOW, 60) == {"sdb1": 1}


def test_lines_of_a_file_come_backward(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = [f"{number} {'x' * (number % 700)}" for number in range(1000)]
    path.write_text("\n".join(lines) + "\n")
    assert [line.decode() for line in backward(str(path))] == lines[::-1]


def test_an_fstab_loses_only_the_failed_mount() -> None:
    text = (
        "# /srv/node/sdb1 is a disk\n/dev/sdb1 /srv/node/sdb1 xfs noatime 0 0\n"
        "/dev/sdb2 /srv/node/sdb10 xfs noatime 0 0"
    )
    assert without_mount(text, "/srv/node/sdb1") == text.replace("/dev/sdb1", "#/dev/sdb1", 1)


@pytest.fixture
def machine(tmp_path: Path) -> tuple[drive_audit.Machine, list[list[str]]]:
    """One disk, mounted, of which the log complains. The null device plays the disk."""
    (tmp_path / "mounts").write_text(
        "/dev/null /srv/node/d1 xfs rw 0 0\n/dev/zero /srv/node/d2 xfs rw 0 0\ntmpfs /tmp x x\n"
    )
    (tmp_path / "partitions").write_text("major minor\n\n 1 3 9 sdx1\n 1 5 9 sdy1\n")
    (tmp_path / "fstab").write_text("/dev/sdx1 /srv/node/d1 xfs x 0 0\n")
    stamp = datetime.now().strftime("%Y-%m-%dT%H:%M:%S")
    (tmp_path / "kern.log").write_text(f"{stamp} h kernel: I/O error, dev sdx1\n" * 3)
    called: list[list[str]] = []

    def run(command: Sequence[str]) -> int:
        called.append(list(command))
        return 0

    return drive_audit.Machine(str(tmp_path), str(tmp_path / "fstab"), run, str(tmp_path)), called


def conf_of(folder: Path, **more: object) -> str:
    path = folder / "drive-audit.conf"
    settings = {"log_file_pattern": folder / "kern.log", "recon_cache_path": folder, **more}
    lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
    path.write_text(f"[drive-audit]\n{lines}")
    return str(path)


Found = tuple[drive_audit.Machine, list[list[str]]]


def test_a_failed_disk_is_unmounted_and_told_to_recon(tmp_path: Path, machine: Found) -> None:
    assert drive_audit.main([conf_of(tmp_path)], machine[0]) == 0
    assert machine[1] == [["umount", "-fl", "/srv/node/d1"], ["systemctl", "daemon-reload"]]
    assert (tmp_path / "fstab").read_text().startswith("#/dev/sdx1")
    assert json.loads((tmp_path / "drive.recon").read_text()) == {
        "/srv/node/d1": 3,
        "/srv/node/d2": 0,
        "drive_audit_errors": 3,
    }


@pytest.mark.parametrize("more", [{"unmount_failed_device": "false"}, {"error_limit": 4}])
def test_a_disk_may_be_left_alone(tmp_path: Path, machine: Found, more: dict[str, object]) -> None:
    assert drive_audit.main([conf_of(tmp_path, **more)], machine[0]) == 0
    assert machine[1] == []


def test_a_dry_run_changes_nothing(tmp_path: Path, machine: Found, capsys: Out) -> None:
    assert drive_audit.main([conf_of(tmp_path), "--dry-run", "--json"], machine[0]) == 0
    assert json.loads(capsys.readouterr().out)["errors"]["/srv/node/d1"] == 3
    assert machine[1] == []
    assert not os.path.exists(tmp_path / "drive.recon")


def test_a_conf_that_is_wrong_is_one_sentence(tmp_path: Path, capsys: Out) -> None:
    assert drive_audit.main([str(tmp_path / "none.conf")]) == 1
    assert drive_audit.main([conf_of(tmp_path, minutes="x")]) == 1
    assert drive_audit.main([conf_of(tmp_path, regex_pattern_1="(")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(
        re.match(r"swiftlite-drive-audit: .*(drive-audit|none)\.conf", line) for line in said
    )
