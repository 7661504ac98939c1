"""Faults, planted one by one: each is named with what mends it, and a healthy node has none."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from swiftlite.cli import main as swiftlite_command
from swiftlite.cli.doctor.finding import Finding
from swiftlite.cli.doctor.machine import Listener, Machine
from swiftlite.cli.doctor.services import on
from swiftlite.ring import RingBuilder
from tests.cli.doctor.patients import (
    DAEMONS,
    KINDS,
    NOW,
    PEER,
    Patient,
    healthy_answers,
    me,
    serving,
)
from tests.house.source import REPOSITORY


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    # Whatever the machine: every daemon is installed.
    monkeypatch.setattr("swiftlite.cli.doctor.running.find_command", lambda place: place.command)
    with ExitStack() as running:
        servers = {
            kind: running.enter_context(serving(healthy_answers(kind, tmp_path / "etc")))
            for kind in KINDS
        }
        yield Patient(tmp_path, servers)


FAILURES = {"success": 8, "failure": 2, "failure_nodes": {"10.0.0.2": {"sda1": 2}}}
Act = Callable[[Patient], object]


def test_a_healthy_node_is_met_with_silence(patient: Patient) -> None:
    assert patient.look() == []


def test_a_server_that_was_started_with_a_relative_path_is_known(patient: Patient) -> None:
    first = patient.processes[0]
    patient.processes[0] = replace(first, words=(first.words[0], f"./{patient.conf('proxy').name}"))
    assert patient.look() == []


def test_confs_that_are_named_by_a_relative_path_are_those_of_the_processes(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(patient.root)
    patient.swift_dir = "etc"
    assert patient.look() == []


def test_an_embedded_cluster_starts_its_daemons_when_it_wants(patient: Patient) -> None:
    without(patient, "object-auditor")
    first = patient.processes[0]
    words = ("swiftlite", "server", str(patient.root), "--port", "1")
    patient.processes.append(replace(first, pid=1000, words=words))
    assert patient.look() == []


def test_a_healthy_cluster_is_met_with_silence(patient: Patient) -> None:
    set_time(patient, time.time())
    assert patient.ask() == []


def set_time(patient: Patient, moment: float) -> None:
    for server in patient.servers.values():
        server.told["/recon/time"] = moment  # type: ignore[attr-defined]  # of patients.serving


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pending(patient: Patient) -> None:
    path = patient.devices / "sda1/async_pending/abc/x-1"
    write(path)
    os.utime(path, (NOW - 7200, NOW - 7200))


def without(patient: Patient, name: str) -> None:
    patient.processes = [
        process for process in patient.processes if process.words[0] != f"swiftlite-{name}"
    ]


def silence(patient: Patient, kind: str) -> None:
    """The server is gone, and so is its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    patient.servers[kind].server_address = ("127.0.0.1", free)
    patient.write_conf(kind)
    if kind != "proxy":
        patient.write_ring(kind)


def statvfs(patient: Patient, **told: int) -> None:
    for name in ("sda1", "sdb1"):
        patient.disk.statvfs_of[str(patient.devices / name)] = told


def newer_builder(patient: Patient) -> None:
    """As it is after a change that no ring was made of."""
    builder = RingBuilder.from_ring(str(patient.etc / "object.ring.gz"), 1)
    builder.set_weight(0, 2.0)
    save_later(patient, builder)


def save_later(patient: Patient, builder: RingBuilder) -> None:
    path = patient.etc / "object.builder"
    builder.save(str(path))
    later = time.time() + 3600
    os.utime(path, (later, later))


def few_descriptors(patient: Patient) -> None:
    write(
        patient.root / "proc/100/limits",
        "Limit Soft Hard Units\nMax open files            1024        4096        files\n",
    )


def orphan(patient: Patient) -> None:
    first = patient.processes[-1]
    patient.processes.append(replace(first, pid=999, parent=1, unit=None, age_s=200 * 3600.0))


def all_of(*acts: Act) -> Act:
    def act(patient: Patient) -> None:
        for one in acts:
            one(patient)

    return act


def changed(kind: str, old: str, new: str) -> Act:
    return lambda patient: patient.change(kind, old, new)


def stopped(kind: str) -> Act:
    return all_of(
        lambda patient: silence(patient, kind), lambda patient: without(patient, f"{kind}-server")
    )


def missing(name: str) -> Act:
    return lambda patient: without(patient, name)


def disabled(patient: Patient) -> None:
    section = "[filter:healthcheck]\ndisable_path = /etc/swift/disabled\n"
    patient.change("proxy", "[filter:cache]", f"{section}[filter:cache]")
    patient.servers["proxy"].told["/healthcheck"] = 503  # type: ignore[attr-defined]  # serving


def known_passwords(patient: Patient) -> None:
    patient.change("proxy", "127.0.0.1", "0.0.0.0")
    users = "user_test_tester = testing .admin\nuser_a_b = testing2\nuser_c_d = g00d\n"
    patient.change("proxy", "[filter:cache]", f"[filter:tempauth]\n{users}[filter:cache]")


def no_mount_check(patient: Patient) -> None:
    for kind in ("account", "container", "object"):
        patient.change(kind, "[DEFAULT]", "[DEFAULT]\nmount_check = false")


def lost(patient: Patient) -> None:
    no_mount_check(patient)
    (patient.devices / "sda1").rmdir()


def mounted(patient: Patient) -> None:
    lines = [f"/dev/{name} {patient.devices}/{name} xfs rw 0 0\n" for name in ("sda1", "sdb1")]
    write(patient.root / "proc/self/mounts", "".join(lines))


def in_fstab(patient: Patient) -> None:
    mounted(patient)
    write(patient.root / "etc/fstab", (patient.root / "proc/self/mounts").read_text())


def not_enabled(patient: Patient) -> None:
    wants = patient.root / "etc/systemd/system/multi-user.target.wants"
    (wants / "swiftlite-object-server.service").unlink()


def elsewhere(patient: Patient) -> None:
    """The usual place is that of the other servers."""
    patient.change("object", f"devices = {patient.devices}", "devices = /srv/nodes")


def sees(patient: Patient, process: int | str, number: int, options: str) -> None:
    """What /proc says of sda1 as a process has it mounted: number is that of the mount."""
    line = f"{number} 1 8:1 / {patient.devices}/sda1 {options},noatime shared:1 - xfs /dev/sda1 rw"
    write(
        patient.root / f"proc/{process}/mountinfo", f"1 0 8:9 / / rw - ext4 /dev/sdz rw\n{line}\n"
    )


def remounted(patient: Patient) -> None:
    """By hand, read-only and back; two services were started meanwhile, each with a copy of the
    mount, and one before."""
    sees(patient, "self", 7, "rw")
    for process in patient.processes:
        late = process.words[0] in ("swiftlite-account-server", "swiftlite-container-updater")
        sees(patient, process.pid, 1000 + process.pid, "ro" if late else "rw")


STARTED_LATE = "systemctl restart swiftlite-account-server swiftlite-container-updater"


FAULTS: list[tuple[str, Act]] = [
    ("swift-conf-unusable", lambda p: (p.etc / "swift.conf").unlink()),
    ("swift-conf-unusable", lambda p: write(p.etc / "swift.conf", "[swift-hash]\n")),
    (
        "hash-is-the-samples",
        lambda p: write(
            p.etc / "swift.conf",
            "[swift-hash]\nswift_hash_path_suffix = changeme\n"
            "[storage-policy:0]\nname = gold\ndefault = yes\n",
        ),
    ),
    ("conf-unreadable", lambda p: write(p.conf("object"), "bind_port = 1\n")),
    ("option-wrong", changed("object", "[DEFAULT]", "[DEFAULT]\nworkers = many")),
    ("option-misspelled", changed("proxy", "[DEFAULT]", "[DEFAULT]\nclient_timout = 3")),
    (
        "option-misspelled",
        changed("object", "[object-replicator]", "[object-replicator]\nintervall = 3"),
    ),
    (
        "port-twice",
        lambda p: p.change(
            "account", f"bind_port = {p.port('account')}", f"bind_port = {p.port('container')}"
        ),
    ),
    ("known-passwords", known_passwords),
    ("ring-missing", lambda p: (p.etc / "container.ring.gz").unlink()),
    ("ring-damaged", lambda p: write(p.etc / "container.ring.gz", "no ring at all")),
    ("ring-not-written", newer_builder),
    ("ring-without-policy", lambda p: write(p.etc / "object-7.ring.gz", "x")),
    ("wrong-port", lambda p: p.change("account", f"= {p.port('account')}", "= 1")),
    ("device-missing", lambda p: (p.devices / "sda1").rmdir()),
    ("device-unmounted", lambda p: p.disk.unmounted.add(str(p.devices / "sda1"))),
    ("no-such-user", all_of(*(changed(k, "user = ", "user = nobody-like-this-") for k in KINDS))),
    ("read-only", lambda p: statvfs(p, flag=os.ST_RDONLY)),
    ("read-only-to-some", remounted),
    ("device-full", lambda p: statvfs(p, bavail=1000)),
    ("device-filling", lambda p: statvfs(p, bavail=50_000)),
    ("inodes-out", lambda p: statvfs(p, favail=1)),
    ("attributes-none", lambda p: setattr(p.disk, "attribute_error", errno.ENOTSUP)),
    ("attributes-small", lambda p: setattr(p.disk, "attribute_room", 4000)),
    ("async-pendings", pending),
    ("quarantined", lambda p: write(p.devices / "sdb1/quarantined/objects/abc/x.data")),
    ("device-in-no-ring", lambda p: (p.devices / "sdc1").mkdir()),
    ("not-running", stopped("object")),
    ("not-running", stopped("proxy")),
    ("not-answering", lambda p: silence(p, "container")),
    ("port-taken", missing("account-server")),
    ("proxy-disabled", disabled),
    *[("daemon-not-running", missing(name)) for name in DAEMONS],
    ("few-descriptors", few_descriptors),
    ("orphans", orphan),
    ("replication-old", lambda p: p.recon("object", object_replication_last=NOW - 2 * 86_400)),
    ("replication-old", lambda p: p.recon("account", replication_last=NOW - 2 * 86_400)),
    ("replication-fails", lambda p: p.recon("object", replication_stats=FAILURES)),
    ("replication-fails", lambda p: p.recon("account", replication_stats=FAILURES)),
    ("wrong-address", changed("account", "bind_ip = 127.0.0.1", "bind_ip = 127.0.0.7")),
    ("no-recon-cache", lambda p: p.cache.rmdir()),
    ("recon-cron-silent", lambda p: p.recon("object", async_pending_last=NOW - 9999)),
    ("not-enabled", not_enabled),
    ("not-in-fstab", mounted),
    ("mounts-unchecked", all_of(in_fstab, no_mount_check)),
    ("devices-elsewhere", elsewhere),
    ("rsync-not-running", changed("object", "sync_method = ssync", "sync_method = rsync")),
    (
        "drive-errors",
        lambda p: write(
            p.cache / "drive.recon", json.dumps({"/srv/node/sda1": 3, "drive_audit_errors": 3})
        ),
    ),
    ("log-directory-missing", changed("proxy", "log_file = ", "log_file = /none")),
    ("log-directory-full", lambda p: p.disk.statvfs_of.update({str(p.root): {"bavail": 100}})),
    (
        "memcached-unreachable",
        changed("proxy", "[filter:cache]", "[filter:cache]\nmemcache_servers = 127.0.0.1:1"),
    ),
]


@pytest.mark.parametrize(
    ("name", "plant"), FAULTS, ids=[f"{at}-{name}" for at, (name, _) in enumerate(FAULTS)]
)
def test_a_planted_fault_is_named(patient: Patient, name: str, plant: Act) -> None:
    plant(patient)
    found = patient.look()
    assert name in [one.name for one in found]
    for one in found:
        assert one.what
        assert one.why.endswith(".")
        assert subprocess.run(["bash", "-n", "-c", one.mend], check=False).returncode == 0
        assert "<" not in one.mend  # nothing is left for the reader to fill in
        assert not one.page or (REPOSITORY / "doc" / one.page).exists()


def test_a_peer_that_was_missed_a_few_times_is_no_fault(patient: Patient) -> None:
    patient.recon("object", replication_stats={"success": 90, "failure": 10})
    assert patient.look() == []


def test_every_fault_that_a_node_can_have_is_planted() -> None:
    assert len({name for name, _ in FAULTS}) >= 25


def test_why_a_node_takes_no_pushes_is_looked_at(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.recon("object", replication_stats=FAILURES | {"failure_nodes": {PEER: {"sda1": 2}}})
    answering: set[int] = set()
    monkeypatch.setattr(
        "swiftlite.cli.doctor.replication._answers", lambda ip, port: port in answering
    )

    def mend() -> tuple[str, str]:
        (one,) = (one for one in patient.look() if one.name == "replication-fails")
        return one.mend, one.page

    assert mend() == (f"ssh {PEER} systemctl start swiftlite-object-server", "")
    answering.add(6200)
    assert mend() == (f"ssh {PEER} swiftlite doctor", "operations/doctor.md")
    patient.change("object", "sync_method = ssync", "sync_method = rsync")
    assert mend() == (f"ssh {PEER} systemctl enable --now rsync", "")
    answering.add(873)
    assert mend() == (f"ssh {PEER} swiftlite doctor", "operations/doctor.md")


def test_services_that_were_started_while_a_device_was_read_only_are_started_again(
    patient: Patient,
) -> None:
    remounted(patient)
    (one,) = patient.look()
    assert (one.name, one.where) == ("read-only-to-some", f"{patient.devices}/sda1")
    assert "swiftlite-account-server and swiftlite-container-updater" in one.what
    assert one.mend == STARTED_LATE


def test_a_device_that_is_made_writable_is_so_to_all(patient: Patient) -> None:
    """Whoever has a copy of the mount has one that stays read-only, unless it was made before."""
    in_fstab(patient)
    remounted(patient)
    path = patient.devices / "sda1"
    patient.disk.statvfs_of[str(path)] = {"flag": os.ST_RDONLY}
    (one,) = patient.look()
    assert (one.name, one.page) == ("read-only", "")
    assert one.mend == f"mount -o remount,rw {path} && {STARTED_LATE}"


def test_who_shares_the_mounts_of_the_machine_needs_no_new_start(patient: Patient) -> None:
    in_fstab(patient)
    sees(patient, "self", 7, "ro")
    for process in patient.processes:
        sees(patient, process.pid, 7, "ro")
    patient.disk.statvfs_of[str(patient.devices / "sda1")] = {"flag": os.ST_RDONLY}
    (one,) = patient.look()
    assert one.mend == f"mount -o remount,rw {patient.devices / 'sda1'}"


def test_the_rsync_daemon_has_a_copy_of_the_mounts_too(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sees(patient, "self", 7, "rw")
    sees(patient, 77, 8, "ro")
    daemon = Listener(77, "/usr/bin/rsync --daemon --no-detach", "rsync.service")
    monkeypatch.setattr(Machine, "listener", lambda self, port: daemon if port == 873 else None)
    (one,) = patient.look()
    assert (one.name, one.mend) == ("read-only-to-some", "systemctl restart rsync")


def test_a_file_system_is_changed_while_nobody_uses_it(patient: Patient) -> None:
    """Servers and daemons of all kinds have files open there, now and then."""
    path = patient.devices / "sda1"
    write(patient.root / "proc/self/mounts", f"/dev/sda1 {path} ext4 rw 0 0\n")
    write(patient.root / "etc/fstab", f"/dev/sda1 {path} ext4 noatime 0 0\n")
    patient.disk.attribute_room = 4000
    one = next(one for one in patient.look() if one.name == "attributes-small")
    stop, work, start = re.fullmatch(r"(.+) && (timeout .+); (.+)", one.mend).groups()  # type: ignore[union-attr]  # else it fails
    assert f"until umount {path};" in work
    assert work.endswith(f"&& tune2fs -O ea_inode /dev/sda1 && mount /dev/sda1 {path}")
    assert start == stop.replace(" stop ", " start ")
    for process in patient.processes:
        runs = process.words[0] in stop
        assert runs == (process.words[0] != "swiftlite-proxy-server")


def test_a_device_that_breaks_is_replaced(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stat(path: str) -> os.stat_result:
        if path.endswith("sda1"):
            raise OSError(errno.EIO, "Input/output error")
        return os.stat(path)

    monkeypatch.setattr(patient.disk, "stat", stat)
    (one,) = patient.look()
    assert (one.name, one.page) == ("device-broken", "operations/tasks/replace-a-disk.md")


def test_a_device_is_mounted_as_the_machine_would_mount_it(patient: Patient) -> None:
    path = patient.devices / "sda1"
    patient.disk.unmounted.add(str(path))

    def mend() -> tuple[str, str]:
        (one,) = patient.look()
        return one.mend, one.page

    assert mend() == ("lsblk --fs", "operations/tasks/replace-a-disk.md")
    write(patient.root / "etc/fstab", f"LABEL=sda1 {path} xfs noatime 0 0\n")
    assert mend() == (f"mount {path}", "")
    write(patient.root / "etc/fstab", f"/dev/none {path} xfs noatime 0 0\n")
    assert mend() == ("lsblk --fs", "operations/tasks/replace-a-disk.md")
    write(patient.root / "etc/fstab")
    unit = str(path).strip("/").replace("-", r"\x2d").replace("/", "-") + ".mount"
    write(patient.root / "etc/systemd/system" / unit)
    assert mend() == (f"systemctl start '{unit}'", "")


def test_a_builder_that_changed_nothing_of_the_ring_is_none_to_speak_of(patient: Patient) -> None:
    ring = str(patient.etc / "object.ring.gz")
    builder = RingBuilder.from_ring(ring, 1)
    builder.set_weight(0, 2.0)
    builder.write_ring(ring)
    builder.set_min_part_hours(3)
    save_later(patient, builder)
    assert patient.look() == []


def test_a_device_that_fstab_mounts_is_none_to_speak_of(patient: Patient) -> None:
    in_fstab(patient)
    assert patient.look() == []


def test_what_the_servers_cannot_read_is_named(patient: Patient) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    for kind in KINDS:
        patient.change(kind, f"user = {me()}", "user = nobody")
    for folder in (patient.devices, patient.cache):
        subprocess.run(["chown", "-R", "nobody", folder], check=True)
    (patient.etc / "container.ring.gz").chmod(0o600)
    patient.etc.chmod(0o700)
    found = patient.look()
    assert [one.name for one in found] == ["not-readable"] * 2
    subprocess.run(["bash", "-c", " && ".join(one.mend for one in found)], check=True)
    assert patient.look() == []


def test_an_owner_that_is_wrong_is_named(patient: Patient) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(patient.devices / "sda1", 12345, 12345)
    (one,) = patient.look()
    assert one.name == "wrong-owner"
    os.system(one.mend)
    assert patient.look() == []


MENDED = [
    ("option-misspelled", changed("proxy", "[DEFAULT]", "[DEFAULT]\nclient_timout = 3")),
    (
        "option-misspelled",
        changed("proxy", "[DEFAULT]", "[DEFAULT]\nclient_timout = 3\nclient_timeout = 2"),
    ),
    ("option-wrong", changed("object", "[DEFAULT]", "[DEFAULT]\nworkers = many")),
    ("option-wrong", changed("object", "[object-auditor]", "[object-auditor]\ninterval = soon")),
    ("conf-unreadable", changed("object", "[DEFAULT]", "[DEFAULT]\nwhat is this")),
    ("conf-unreadable", changed("object", "[DEFAULT]", "[DEFAULT]\nbind_port = 1")),
    (
        "port-twice",
        lambda p: p.change("account", f"= {p.port('account')}", f"= {p.port('container')}"),
    ),
    ("no-recon-cache", lambda p: p.cache.rmdir()),
    ("quarantined", lambda p: write(p.devices / "sdb1/quarantined/objects/abc/x.data")),
    ("wrong-port", lambda p: p.change("account", f"= {p.port('account')}", "= 1")),
    ("wrong-port", lambda p: p.change("account", f"bind_port = {p.port('account')}\n", "")),
    ("wrong-address", changed("account", "bind_ip = 127.0.0.1", "bind_ip = 127.0.0.7")),
    ("no-such-user", changed("object", f"user = {me()}", f"user = {me()}t")),
    (
        "log-directory-missing",
        lambda p: p.change("proxy", f"log_file = {p.root}/", f"log_file = {p.root}/none/"),
    ),
    (
        "mounts-unchecked",
        all_of(in_fstab, changed("object", "[DEFAULT]", "[DEFAULT]\nmount_check = off")),
    ),
    ("devices-elsewhere", elsewhere),
    ("device-missing", lost),
    ("known-passwords", known_passwords),
]


@pytest.mark.parametrize(
    ("name", "plant"), MENDED, ids=[f"{at}-{name}" for at, (name, _) in enumerate(MENDED)]
)
def test_the_command_that_is_named_mends_it(patient: Patient, name: str, plant: Act) -> None:
    """But for restarts: they are tried on machines, by tools/acceptance/doctor.py."""
    plant(patient)
    (one, *_) = (one for one in patient.look() if one.name == name)
    assert not one.page
    command, _, restart = one.mend.partition(" && systemctl ")
    assert "systemctl" not in restart
    subprocess.run(["bash", "-c", command], check=True)
    assert name not in patient.names()


def test_what_others_have_is_fetched_from_them(patient: Patient) -> None:
    (patient.etc / "swift.conf").write_text("")
    (one,) = (one for one in patient.look() if one.name == "swift-conf-unusable")
    path = patient.etc / "swift.conf"
    assert one.mend == f"rsync -aI {PEER}:{path} {path}"
    assert not one.page


def test_where_nobody_else_has_it_the_page_tells_what_to_do(patient: Patient) -> None:
    (patient.etc / "swift.conf").write_text("")
    for ring in patient.etc.glob("*.ring.gz"):
        ring.unlink()
    (one,) = (one for one in patient.look() if one.name == "swift-conf-unusable")
    assert one.page == "operations/tasks/total-loss.md"


CLUSTER_FAULTS = {
    "ring-differs": ("/recon/ringmd5", {"/etc/swift/object.ring.gz": "0" * 32}),
    "swift-conf-differs": ("/recon/swiftconfmd5", {"/etc/swift/swift.conf": "0" * 32}),
    "clock-off": ("/recon/time", 1.0),
    "version-differs": ("/recon/version", {"version": "0.9"}),
    "no-recon": ("/recon/version", 404),
    "device-unmounted": ("/recon/unmounted", [{"device": "sda1", "mounted": False}]),
    "device-filling": ("/recon/diskusage", [{"device": "sda1", "size": 100, "avail": 5}]),
    "quarantined": ("/recon/quarantined", {"accounts": 0, "containers": 0, "objects": 2}),
    "drive-errors": ("/recon/driveaudit", {"drive_audit_errors": 4}),
    "async-pendings": ("/recon/async", {"async_pending": 99_999, "async_pending_last": NOW}),
    "recon-cron-silent": ("/recon/async", {"async_pending": 0, "async_pending_last": NOW - 9999}),
    "replication-old": ("/recon/replication/object", {"object_replication_last": NOW - 200_000}),
    "replication-fails": ("/recon/replication/object", {"replication_stats": FAILURES}),
    "wrong-server": ("name", "container-server"),
}


@pytest.mark.parametrize("name", CLUSTER_FAULTS)
def test_a_fault_of_another_node_is_named(patient: Patient, name: str) -> None:
    set_time(patient, time.time())
    path, told = CLUSTER_FAULTS[name]
    patient.servers["object"].told["HEAD"] = 507  # type: ignore[attr-defined]  # of patients.serving
    patient.servers["object"].told[path] = told  # type: ignore[attr-defined]  # of patients.serving
    found = patient.ask()
    assert [one.name for one in found] == [name]
    assert "127.0.0.1" in found[0].where


def test_a_sandbox_without_mounts_is_healthy(patient: Patient) -> None:
    set_time(patient, time.time())
    path, told = CLUSTER_FAULTS["device-unmounted"]
    patient.servers["object"].told[path] = told  # type: ignore[attr-defined]  # of patients.serving
    assert patient.ask() == []


def test_a_directory_that_no_ring_names_is_none_to_speak_of(patient: Patient) -> None:
    set_time(patient, time.time())
    told = patient.servers["object"].told  # type: ignore[attr-defined]  # of patients.serving
    told |= {"HEAD": 507, "/recon/unmounted": [{"device": "old", "mounted": False}]}
    assert patient.ask() == []


def test_a_node_that_does_not_answer_is_named(patient: Patient) -> None:
    set_time(patient, time.time())
    silence(patient, "container")
    assert [one.name for one in patient.ask()] == ["node-unreachable"]


def test_findings_as_a_program_reads_them(
    patient: Patient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.cache.rmdir()
    monkeypatch.setattr("swiftlite.cli.doctor.node.running", list)
    code = swiftlite_command.main(["doctor", "-d", str(patient.etc), "--json"])
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert code == 1
    assert found["no-recon-cache"]["weight"] == "warning"
    assert set(found["no-recon-cache"]) == {
        "name",
        "where",
        "what",
        "why",
        "mend",
        "weight",
        "page",
    }
    assert swiftlite_command.main(["doctor", "-d", str(patient.etc)]) == 1
    assert "     mend  install -d" in capsys.readouterr().out


def test_a_task_is_told_by_its_first_command_and_its_page() -> None:
    told = Finding("drive-errors", "/srv/node/sdb1", "x", "y.", "smartctl -a /dev/sdb", page="p.md")
    assert list(told.lines())[-2:] == ["     begin smartctl -a /dev/sdb", "     see   doc/p.md"]


@pytest.mark.parametrize(
    "command",
    [
        "ls -l /etc",
        "ls '*.x' && sed 's/a\\(b\\)/& \\1/' f",
        'echo "a" $HOME',
        "printf '\\n\\\\'",
        "echo `a`",
    ],
)
def test_a_command_for_another_node_arrives_as_it_is(command: str) -> None:
    script = on("10.0.0.2", command).replace("ssh 10.0.0.2", "printf %s", 1)
    if script.endswith(command):
        return  # words of one meaning everywhere
    assert subprocess.check_output(["bash", "-c", script], text=True) == command
