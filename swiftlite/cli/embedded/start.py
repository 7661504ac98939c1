"""From what was asked for on the command line to a running cluster, or to one clear sentence.

Everything that can be wrong with a folder, a port or a number is found here, before any process
is started.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from swiftlite.cli.embedded import confs
from swiftlite.cli.embedded.confs import Front
from swiftlite.cli.embedded.create import create, new_marker, write_confs
from swiftlite.cli.embedded.layout import HOST, Layout
from swiftlite.cli.embedded.marker import FolderUnusable, Marker, read_marker, write_marker
from swiftlite.cli.embedded.ports import Claim, claim_again, claim_new
from swiftlite.cli.embedded.supervise import supervise
from swiftlite.config.load import read_conf
from swiftlite.host import plain
from swiftlite.service.port import port_fault

DEFAULT_PORT = 8080
DEFAULT_DEVICES = 4
DEFAULT_REPLICAS = 3
MOST_DEVICES = 64
MOST_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says; None where it says nothing."""

    root: Path
    bind_ip: str | None = None
    port: int | None = None
    devices: int | None = None
    replicas: int | None = None
    workers: int | None = None
    test_users: bool = False
    storage_port: int | None = None


def start(wishes: Wishes) -> int:
    """Create or open the cluster and run it until it is told to stop; the exit code.

    Raises FolderUnusable or CannotStart with a sentence for the person at the keyboard.
    """
    host = plain.make_host()
    began = host.clock.monotonic()
    _check_numbers(wishes)
    with _sentences_for(wishes.root):
        marker = read_marker(wishes.root)
        claim = None
        if marker is None:
            marker, claim = _begin(wishes)
        _check_same(wishes, marker)
        layout = Layout(wishes.root, marker.devices, marker.first_port)
        layout.run.mkdir(exist_ok=True)
        with _locked(layout), contextlib.closing(claim or claim_again(marker.first_port)):
            if not marker.complete:
                marker = create(layout, marker, host)
            front, kept = _prepare_confs(wishes, layout, marker)
            _check_ports(layout, front)
            for path in kept:
                print(f"{path} was changed by hand and is used as it is.", file=sys.stderr)
            supervise(layout, marker, front, began=began, clock=host.clock)
    return 0


def _begin(wishes: Wishes) -> tuple[Marker, Claim]:
    """Make the folder and mark it as a cluster in the making, whose ports nobody else takes."""
    devices = wishes.devices or DEFAULT_DEVICES
    replicas = wishes.replicas or min(DEFAULT_REPLICAS, devices)
    if replicas > devices:
        raise FolderUnusable(f"{replicas} replicas need at least {replicas} devices.")
    claim = claim_new(devices, wishes.storage_port)
    marker = new_marker(devices, replicas, claim.first_port)
    wishes.root.mkdir(parents=True, exist_ok=True)
    write_marker(wishes.root, marker)
    return marker, claim


def _check_numbers(wishes: Wishes) -> None:
    bounds = (
        ("--devices", wishes.devices, 1, MOST_DEVICES),
        ("--replicas", wishes.replicas, 1, MOST_DEVICES),
        ("--workers", wishes.workers, 1, 256),
        ("--port", wishes.port, 1, 65_535),
        ("--storage-port", wishes.storage_port, 1, 65_535),
    )
    for name, number, least, most in bounds:
        if number is not None and not least <= number <= most:
            raise FolderUnusable(f"{name} must be from {least} to {most}.")
    if re.search(r"[\n\r]", str(wishes.root)):
        raise FolderUnusable("The folder's name must not contain a line break.")


def _check_same(wishes: Wishes, marker: Marker) -> None:
    """Devices and replicas are decided once."""
    for name, wanted, present in (
        ("--devices", wishes.devices, marker.devices),
        ("--replicas", wishes.replicas, marker.replicas),
        ("--storage-port", wishes.storage_port, marker.first_port),
    ):
        if wanted is not None and wanted != present:
            raise FolderUnusable(
                f"{wishes.root} holds a cluster made with {name} {present:g}, which cannot be "
                f"changed to {wanted}; leave the option out, or name another folder."
            )


def _prepare_confs(wishes: Wishes, layout: Layout, marker: Marker) -> tuple[Front, list[str]]:
    """Write the confs; what the proxy's then really says, and those that are an operator's."""
    front = Front(
        bind_ip=_address(wishes.bind_ip or HOST),
        port=wishes.port or DEFAULT_PORT,
        workers=wishes.workers or min(MOST_WORKERS, len(os.sched_getaffinity(0))),
        test_users=wishes.test_users,
        owner_key=marker.owner_key,
    )
    if front.test_users and not is_loopback(front.bind_ip):
        raise FolderUnusable(
            f"--test-users lets in users whose passwords everybody knows, so it is refused at "
            f"{front.bind_ip}, which others can reach."
        )
    _, kept = write_confs(layout, marker, front)
    if "etc/proxy-server.conf" in kept:
        front = _front_as_edited(wishes, layout, front)
    return front, kept


def _front_as_edited(wishes: Wishes, layout: Layout, front: Front) -> Front:
    """What a proxy conf says that an operator has changed; the command line still wins."""
    conf = read_conf(str(layout.etc / "proxy-server.conf"))
    users = conf.sections.get("filter:tempauth", {})
    front = replace(
        front,
        bind_ip=front.bind_ip if wishes.bind_ip else conf.defaults.get("bind_ip", HOST),
        port=wishes.port or int(conf.defaults.get("bind_port", DEFAULT_PORT)),
        test_users=any(users.get(name) == value for name, value in confs.TEST_USERS.items()),
    )
    if front.test_users and not is_loopback(front.bind_ip):
        raise FolderUnusable(
            f"etc/proxy-server.conf names users whose passwords everybody knows, so it is not "
            f"served at {front.bind_ip}, which others can reach."
        )
    return front


def _check_ports(layout: Layout, front: Front) -> None:
    fault = port_fault(front.bind_ip, front.port)
    if fault is not None:
        raise FolderUnusable(f"Port {front.port} {fault}; choose another with --port.")
    for server in layout.servers:
        if server.kind == "proxy":
            continue
        port = layout.port(server)
        fault = port_fault(HOST, port)
        if fault is not None:
            raise FolderUnusable(
                f"Port {port}, which the {server.label} of this cluster has, {fault}."
            )


def is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_loopback


def _address(text: str) -> str:
    if text == "localhost":
        return HOST
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise FolderUnusable(f"--bind needs an IP address, not {text!r}.") from None


@contextlib.contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """Hold the cluster's lock. Children inherit it, so it is free only once the last is gone."""
    descriptor = os.open(layout.run / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise FolderUnusable(
            f"The cluster in {layout.root} is running already (process {pid or 'unknown'})."
        ) from None
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _sentences_for(root: Path) -> Iterator[None]:
    """What the operating system refuses about the folder, as a sentence."""
    try:
        yield
    except PermissionError as error:
        raise FolderUnusable(f"{error.filename or root} may not be written by this user.") from None
    except OSError as error:
        if error.errno == errno.EROFS:
            raise FolderUnusable(f"{root} is on a file system that is read-only.") from None
        if error.errno == errno.ENOSPC:
            raise FolderUnusable(f"The file system of {root} is full.") from None
        raise
