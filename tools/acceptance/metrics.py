"""Prometheus over a running cluster: pages, rules, an alert for a dead disk, the dashboard.

An embedded cluster of four nodes, whose devices are XFS file systems of their own, is made in a
folder, loaded a little, and scraped each second, servers and daemons. Then a device dies (its file
system is shut down, as the kernel does when the disk fails) and another one is unmounted, and both
are waited for among the alerts that fire, with the rules as they are shipped. An empty disk takes
the place of the first, the second is mounted again, and no alert may stay. Every query of the
dashboard has to return data.

Usage, as root: python -m tools.acceptance.metrics [--dir DIR] [--port 8700] [--storage-port 7700]
           [--json FILE]
Needs prometheus and promtool (Debian's package prometheus) and mkfs.xfs. Exit code 0 when all held.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from swiftlite.cli.embedded.layout import HOST, Layout
from tools.acceptance.prometheus import Prometheus
from tools.acceptance.replaced_disk import User, body_of
from tools.embedded import REPOSITORY, Embedded

NODES = 4
DEAD, UNMOUNTED = "d2", "d3"
SCRAPE_MS_MAX = 5.0
ALERT_WITHIN_S = 300.0
LOAD_S = 30.0
RULES = REPOSITORY / "etc/prometheus/swiftlite.rules.yml"
BOARD = REPOSITORY / "etc/grafana/swiftlite.json"
_SHUTDOWN, _LOSE_LOG = 0x8004587D, 2


class Table:
    """What was tried, and whether it held."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(self, what: str, good: bool, seen: object) -> None:
        self.rows.append({"what": what, "good": good, "seen": seen})
        print(f"{'ok ' if good else 'BAD'}  {what:<54} {seen}", flush=True)

    @property
    def good(self) -> bool:
        return all(row["good"] for row in self.rows)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--storage-port", type=int, default=7700)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    programs = {name: shutil.which(name) for name in ("prometheus", "promtool", "mkfs.xfs")}
    missing = [name for name, path in programs.items() if path is None]
    if missing or os.geteuid() != 0:
        raise SystemExit(f"needs root, and {', '.join(missing) or 'no program that is missing'}")
    if options.dir is not None:
        options.dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="metrics-", dir=options.dir))
    table = Table()
    try:
        with _cluster(folder, options.port, options.storage_port) as layout:
            _try_all(table, folder, layout, options.port)
    finally:
        shutil.rmtree(folder)
    if options.json:
        options.json.write_text(json.dumps(table.rows, indent=1))
    return 0 if table.good else 1


@contextlib.contextmanager
def _cluster(folder: Path, port: int, storage_port: int) -> Iterator[Layout]:
    """Made by one start, and started again on real devices."""
    root = folder / "cluster"
    cluster = Embedded(root, port, storage_port)
    cluster.start()
    cluster.stop()
    layout = Layout(root, NODES, storage_port)
    devices = [layout.device(node) for node in range(1, NODES + 1)]
    try:
        for device in devices:
            _make_device(folder / f"{device.name}.img", device)
        cluster.configure("mount_check", "true", "*-server/*.conf")
        with cluster:
            yield layout
    finally:
        for device in devices:
            subprocess.run(["umount", str(device)], check=False)


def _make_device(image: Path, place: Path) -> None:
    with image.open("wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["mkfs.xfs", "-q", str(image)], check=True)
    _mount(image, place)


def _mount(image: Path, place: Path) -> None:
    subprocess.run(["mount", "-o", "loop,noatime", str(image), str(place)], check=True)


def _try_all(table: Table, folder: Path, layout: Layout, port: int) -> None:
    promtool, prometheus = shutil.which("promtool"), shutil.which("prometheus")
    assert promtool is not None
    assert prometheus is not None
    targets = _targets(layout, port)
    table.add("promtool check rules", *_run(promtool, "check", "rules", str(RULES)))
    for name, address in targets.items():
        _until(lambda address=address: _page(address) is not None, 60)  # type: ignore[misc]
        page = _page(address) or b""
        good, said = _run(promtool, "check", "metrics", page=page)
        table.add(f"promtool check metrics: {name}", good and bool(page), said or f"{len(page)} B")
    with Prometheus(prometheus, folder, port + 1, list(targets.values()), RULES) as watch:
        table.add("promtool check config", *_run(promtool, "check", "config", str(watch.conf)))
        _load(port)
        health = watch.health()
        up = sorted(name for name, at in targets.items() if health.get(at) == "up")
        table.add("pages scraped", len(up) == len(targets), f"{len(up)} of {len(targets)}")
        rules = watch.rules()
        table.add("rules loaded and evaluated", set(rules.values()) == {"ok"}, f"{len(rules)} ok")
        _try_board(table, watch)
        _try_scrapes(table, watch, targets)
        table.add("no alert on a healthy cluster", not watch.firing(), watch.firing())
        _try_disks(table, watch, folder, layout)


def _targets(layout: Layout, port: int) -> dict[str, str]:
    servers = {
        server.log_name: port if server.kind == "proxy" else layout.port(server)
        for server in layout.servers
    }
    daemons = {f"daemons-{node}": layout.metrics_port(node) for node in range(1, NODES + 1)}
    every = {**servers, **daemons, "object-expirer": layout.metrics_port(0)}
    return {name: f"{HOST}:{at}" for name, at in every.items()}


def _page(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            content: bytes = answer.read()
            return content
    except OSError:
        return None


def _run(*command: str, page: bytes | None = None) -> tuple[bool, str]:
    done = subprocess.run(command, input=page, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode().strip().splitlines()
    return done.returncode == 0, said[-1].strip() if said else ""


def _load(port: int) -> None:
    """Each verb now and then, for longer than rates look back."""
    user = User(port)
    user.ask("PUT", "")
    until, number = time.monotonic() + LOAD_S, 0
    while time.monotonic() < until:
        name = f"/o{number % 50}"
        user.ask("PUT", name, body_of(name, 1000))
        user.ask("GET", name)
        user.ask("GET", "/none")
        if number % 10 == 0:
            user.ask("DELETE", name)
        number += 1
        time.sleep(0.2)


def _try_board(table: Table, watch: Prometheus) -> None:
    board = json.loads(BOARD.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            found = watch.query(target["expr"].replace("$__rate_interval", "20s"))
            what = f"dashboard: {panel['title']}, {target['refId']}"
            table.add(what, bool(found), f"{len(found)} series")


def _try_scrapes(table: Table, watch: Prometheus, targets: dict[str, str]) -> None:
    """The usual scrape of each; a machine that does other work as well makes some longer."""
    found = watch.query("quantile_over_time(0.5, scrape_duration_seconds[1m]) * 1000")
    took = {one["metric"]["instance"]: float(one["value"][1]) for one in found}
    for kind in ("proxy", "account", "container", "object", "daemons", "object-expirer"):
        worst = max(took[at] for name, at in targets.items() if name.startswith(kind))
        table.add(f"scrape of {kind}", worst <= SCRAPE_MS_MAX, f"{worst:.1f} ms")


def _try_disks(table: Table, watch: Prometheus, folder: Path, layout: Layout) -> None:
    devices = {layout.device_name(node): layout.device(node) for node in range(1, NODES + 1)}
    began = time.monotonic()
    _kill(devices[DEAD])
    subprocess.run(["umount", "-l", str(devices[UNMOUNTED])], check=True)
    for name in (DEAD, UNMOUNTED):
        wanted = {"alertname": "SwiftliteDeviceNotMounted", "device": name, "host": HOST}
        fires = _until(lambda wanted=wanted: _fires(watch, wanted), ALERT_WITHIN_S)  # type: ignore[misc]
        how = "dies" if name == DEAD else "is unmounted"
        told = sum(alert.get("device") == name for alert in watch.firing())
        table.add(
            f"SwiftliteDeviceNotMounted fires when {name} {how}",
            fires and told == 1,
            f"after {time.monotonic() - began:.0f} s, {told} alert",
        )
    subprocess.run(["umount", "-l", str(devices[DEAD])], check=True)
    _make_device(folder / f"{DEAD}-new.img", devices[DEAD])
    _mount(folder / f"{UNMOUNTED}.img", devices[UNMOUNTED])
    began = time.monotonic()
    _until(lambda: not _of_devices(watch), ALERT_WITHIN_S)
    left = _of_devices(watch)
    seen = left or f"after {time.monotonic() - began:.0f} s"
    table.add("no alert once a new disk and the other are mounted", not left, seen)


def _of_devices(watch: Prometheus) -> list[dict[str, str]]:
    return [alert for alert in watch.firing() if "device" in alert]


def _fires(watch: Prometheus, wanted: dict[str, str]) -> bool:
    return any(wanted.items() <= alert.items() for alert in watch.firing())


def _kill(device: Path) -> None:
    """Every access to it fails from now on."""
    descriptor = os.open(device, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _LOSE_LOG))
    finally:
        os.close(descriptor)


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


if __name__ == "__main__":
    sys.exit(main())
