"""Runs the commands of the operators' pages as they are written, in a data centre of machines.

Storage nodes, proxies and a balancer are machines with a Debian and systemd of their own in network
namespaces; the pages build the cluster from our Debian package and then do with it what operators
do, each going on where the one before it ended. What a page says comes of a command has to come.

Usage (as root): python -m tools.acceptance.pages [--package DEB] [--tree DIR] [--dir DIR] [PAGE]...
Without --package it is built first. --tree is where a Debian 12 is, or is to be made. Named pages
run alone, after the first. Exit code 0 when everything came as written, 1 when not, 77 when this
host cannot do it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.datacentre import image
from tools.datacentre.centre import DataCentre
from tools.datacentre.page import Act, Block, Command, Page, read_page, unanswered

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "doc/operations/tasks"
ORDER = (
    "first-cluster",
    "see-that-all-is-well",
    "follow-a-request",
    "add-a-node",
    "add-a-proxy",
    "replace-a-disk",
    "reboot",
    "long-shutdown",
    "upgrade",
    "drain-and-remove-a-node",
    "remove-a-proxy",
    "back-up",
    "total-loss",
)
ADDRESSES = {
    "balancer": 10,
    **{f"storage{number}": 10 + number for number in range(1, 5)},
    **{f"proxy{number}": 20 + number for number in range(1, 3)},
}
_HOURS_PASS = (
    "for builder in /etc/swift/*.builder; do "
    "swiftlite-ring-builder $builder pretend_min_part_hours_passed; done"
)
_AGAIN_S = 1.0
_CANNOT = 77


class Wrong(Exception):
    """Something did not come as the page says."""


class Run:
    """One data centre and the pages that are run in it."""

    def __init__(self, centre: DataCentre, package: Path) -> None:
        self.centre = centre
        self.package = package

    def page(self, page: Page) -> None:
        for step in page.steps:
            try:
                self._act(step) if isinstance(step, Act) else self._block(step)
            except (Wrong, AssertionError, RuntimeError, subprocess.SubprocessError) as error:
                raise Wrong(f"{page.path.name}:{step.line}: {error}") from error

    def _act(self, act: Act) -> None:
        verb, machine, *words = act.words
        centre = self.centre
        match verb:
            case "power-on":
                centre.power_on(machine)
            case "power-off":
                centre.power_off(machine)
            case "pull-the-plug":
                centre.pull_the_plug(machine)
            case "rebooted":
                centre.rebooted(machine)
            case "insert":
                centre.insert_disk(machine, *words)
            case "fail":
                centre.pull_disk(machine, *words)
            case "hours-pass":
                centre.machines[machine].check(_HOURS_PASS)
            case "next-version":
                self._hand_over(machine, next_version(self.package))
            case "this-version":
                self._hand_over(machine, self.package)
            case _:
                raise Wrong(f"nobody knows how to {verb!r}")

    def _hand_over(self, machine: str, package: Path) -> None:
        folder = self.centre.machines[machine].root / "root"
        shutil.copyfile(package, folder / package.name)

    def _block(self, block: Block) -> None:
        for machine in block.machines:
            for command in block.commands[:-1]:
                self._command(machine, command, block.status, 0)
            self._command(machine, block.commands[-1], block.status, block.within_s)

    def _command(self, machine: str, command: Command, status: int, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while True:
            done = self.centre.machines[machine].run(command.script)
            missing = unanswered(command.answers, done.stdout)
            if done.returncode == status and missing is None:
                return
            if time.monotonic() > deadline:
                told = f"no {missing!r}" if missing is not None else f"status {done.returncode}"
                raise Wrong(f"{machine}: {command.script!r}: {told} in\n{done.stdout}")
            time.sleep(_AGAIN_S)


def next_version(package: Path) -> Path:
    """The same package once more as the version after it, for upgrades and ways back."""
    target = package.with_name(package.name.replace("-1_", "-2_"))
    if not target.exists():
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder, "tree")
            _run("dpkg-deb", "--raw-extract", str(package), str(tree))
            control = tree / "DEBIAN/control"
            text = control.read_text()
            control.write_text(text.replace("-1\nArch", "-2\nArch", 1))
            _run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(target))
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("page", nargs="*", choices=[[], *ORDER], metavar="PAGE")
    options = parser.parse_args()
    names = [ORDER[0], *options.page] if options.page else list(ORDER)
    return in_a_data_centre(
        options, lambda run: run_all(run, [name for name in ORDER if name in names])
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", type=Path)
    parser.add_argument("--tree", type=Path, default=Path("/var/cache/swiftlite/debian-12"))
    parser.add_argument("--dir", type=Path, help="for the machines' files (a temporary one)")


def in_a_data_centre(
    options: argparse.Namespace, work: Callable[[Run], int], *, installed: bool = True
) -> int:
    """Machines, none powered on, while work goes on; its exit code. installed: they have our
    package."""
    missing = image.missing()
    if os.geteuid() != 0 or missing:
        print("needs root" if os.geteuid() else f"needs {', '.join(missing)}", file=sys.stderr)
        return _CANNOT
    signal.signal(signal.SIGTERM, _told_to_end)
    folder = Path(options.dir or tempfile.mkdtemp(prefix="datacentre-"))
    package = options.package or _build(folder)
    try:
        base = image.debian(options.tree)
        layer = image.layer_over(base, package if installed else None, folder / "image")
        name = f"pages{os.getpid()}"
        with DataCentre(name, folder / "machines", [layer, base], ADDRESSES).open() as centre:
            return work(Run(centre, package))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _told_to_end(*_: object) -> None:
    """What was made goes all the same, however often it is said."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def run_all(run: Run, names: list[str]) -> int:
    failed = 0
    for name in names:
        page = read_page(PAGES / f"{name}.md")
        began = time.monotonic()
        try:
            run.page(page)
        except Wrong as wrong:
            failed += 1
            print(f"WRONG {name}: {wrong}", flush=True)
            if name == ORDER[0]:
                break
        else:
            took = time.monotonic() - began
            print(f"ok    {name}: {page.count} commands, {took:.0f} s", flush=True)
    return 1 if failed else 0


def _build(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _run(sys.executable, str(REPOSITORY / "tools/build_deb.py"), "--output", str(folder))
    (package,) = folder.glob("*.deb")
    return package


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
