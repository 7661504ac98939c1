"""What machines boot: a Debian 12 made once by debootstrap, and a layer with our package in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tools.datacentre.machine import run

MIRROR = "http://deb.debian.org/debian"
PACKAGES = (
    *("python3", "systemd", "systemd-sysv", "dbus", "ca-certificates", "procps", "netbase"),
    *("iproute2", "iputils-ping", "openssh-server", "openssh-client", "rsync", "curl", "less"),
    *("xfsprogs", "memcached", "haproxy", "python3-apt"),
)
# Services that a package starts by itself and a machine has to ask for.
_ASKED_FOR = ("haproxy.service", "memcached.service", "rsync.service")
NEEDED = ("debootstrap", "systemd-nspawn", "nsenter", "ip", "losetup", "mkfs.xfs")


def missing() -> list[str]:
    """Commands that this host would need."""
    return [name for name in NEEDED if shutil.which(name) is None]


def debian(tree: Path) -> Path:
    """The tree, made if it is not there; a quarter of a GiB and some minutes."""
    if not (tree / "etc/debian_version").exists() or not (tree / ".made").exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.parent.mkdir(parents=True, exist_ok=True)
        include = f"--include={','.join(PACKAGES)}"
        run("debootstrap", "--variant=minbase", include, "bookworm", str(tree), MIRROR)
        for unit in _ASKED_FOR:
            run("systemctl", f"--root={tree}", "disable", unit)
        (tree / ".made").touch()
    return tree


def layer_over(base: Path, package: Path | None, folder: Path) -> Path:
    """A layer that has a key with which root goes anywhere, and the package."""
    layer, root, work = (folder / name for name in ("layer", "root", "work"))
    for path in (layer, root, work):
        path.mkdir(parents=True)
    told = f"lowerdir={base},upperdir={layer},workdir={work}"
    run("mount", "-t", "overlay", "image", "-o", told, str(root))
    try:
        _let_root_in(root)
        if package is not None:
            shutil.copyfile(package, root / "root" / package.name)
            run("chroot", str(root), "dpkg", "--install", f"/root/{package.name}")
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)
    return layer


def _let_root_in(root: Path) -> None:
    folder = root / "root/.ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "id_ed25519"))
    shutil.copyfile(folder / "id_ed25519.pub", folder / "authorized_keys")
    (folder / "config").write_text("StrictHostKeyChecking no\nLogLevel ERROR\n")
