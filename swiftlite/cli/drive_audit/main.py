"""`swiftlite-drive-audit CONF`, run by root every hour or so.

Exit codes: 0 done, whether it found something or not; 1 the conf or a log cannot be used; 2 wrong
usage.
"""

from __future__ import annotations

import argparse
import json
import locale
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from swiftlite.cli.drive_audit.disks import Mounted, mounted_below, without_mount
from swiftlite.cli.drive_audit.kernel_log import complaints
from swiftlite.cli.drive_audit.options import DriveAuditOptions, patterns_of
from swiftlite.config.load import ConfError, options, read_conf
from swiftlite.host.os_clock import wall
from swiftlite.host.os_disk import OsDisk
from swiftlite.observe import recon
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, open_log
from swiftlite.observe.sinks import StreamSink

SECTION = DriveAuditOptions.SECTION


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-drive-audit",
        description="Read the kernel's log, and unmount disks below device_dir that it complains "
        "of. To be run by root, every hour or so.",
    )
    made.add_argument("conf", help="drive-audit.conf")
    made.add_argument("--dry-run", action="store_true", help="only tell what would be unmounted")
    made.add_argument("--json", action="store_true", help="a JSON object of what was found")
    return made


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at and changed."""

    proc: str = "/proc"
    fstab: str = "/etc/fstab"
    run: Callable[[Sequence[str]], int] = subprocess.call
    systemd: str = "/run/systemd/system"


def main(arguments: Sequence[str] | None = None, machine: Machine | None = None) -> int:
    chosen = parser().parse_args(arguments)
    try:
        section = read_conf(chosen.conf).sections.get(SECTION)
        if section is None:
            raise ConfError(f"{chosen.conf} has no section [{SECTION}].")
        where = f"{chosen.conf} [{SECTION}]"
        wanted = options(DriveAuditOptions, section, where=where)
        finders = patterns_of(section, where)
        log_options = options(LogOptions, section, where=where)
    except ConfError as error:
        print(f"swiftlite-drive-audit: {error}", file=sys.stderr)
        return 1
    log = (
        Log(SECTION, sink=StreamSink(2))
        if wanted.log_to_console
        else open_log(log_options, SECTION, wall=wall)
    )
    encoding = wanted.log_file_encoding
    if encoding == "auto":
        encoding = locale.getpreferredencoding()
    try:
        found = complaints(
            wanted.log_file_pattern,
            encoding,
            finders,
            datetime.fromtimestamp(wall()),
            wanted.minutes,
        )
    except (OSError, LookupError) as error:
        log.error(str(error))
        print(f"swiftlite-drive-audit: {error}", file=sys.stderr)
        return 1
    audit = Audit(wanted, machine or Machine(), log, dry_run=chosen.dry_run)
    told = audit.run(found)
    if chosen.json:
        print(json.dumps(told))
    return 0


@dataclass(frozen=True, slots=True)
class Audit:
    """From complaints to disks that are mounted no more."""

    options: DriveAuditOptions
    machine: Machine
    log: Log
    dry_run: bool = False

    def run(self, found: Counter[str]) -> dict[str, object]:
        disks = mounted_below(self.options.device_dir, self.machine.proc)
        if not disks:
            self.log.error(f"nothing is mounted below {self.options.device_dir}")
        counts: dict[str, object] = {disk.mount_point: 0 for disk in disks}
        failed = [disk for disk in disks if found[disk.kernel_name] >= self.options.error_limit]
        for disk in failed:
            counts[disk.mount_point] = found[disk.kernel_name]
        unmounted = [disk for disk in failed if self._unmount(disk, found[disk.kernel_name])]
        if not unmounted:
            self.log.info("no drives were unmounted")
        elif os.path.isdir(self.machine.systemd):
            self.machine.run(["systemctl", "daemon-reload"])  # it keeps mounts of the old fstab
        total = sum(found[disk.kernel_name] for disk in failed)
        if not self.dry_run:
            path = os.path.join(self.options.recon_cache_path, "drive.recon")
            try:
                recon.dump(OsDisk(), path, {**counts, "drive_audit_errors": total})
            except OSError as error:
                self.log.warning(f"{path} cannot be written: {error.strerror}")
        return {
            "errors": counts,
            "drive_audit_errors": total,
            "unmounted": [disk.mount_point for disk in unmounted],
        }

    def _unmount(self, disk: Mounted, count: int) -> bool:
        if self.dry_run or not self.options.unmount_failed_device:
            self.log.info(f"found {disk.mount_point} with {count} errors; it stays mounted")
            return False
        self.log.info(f"unmounting {disk.mount_point} with {count} errors")
        # Lazily: it goes even while somebody waits for the disk that does not answer.
        self.machine.run(["umount", "-fl", disk.mount_point])
        fstab = Path(self.machine.fstab)
        fresh = fstab.with_suffix(".new")
        fresh.write_text(without_mount(fstab.read_text(), disk.mount_point))
        fresh.replace(fstab)
        return True
