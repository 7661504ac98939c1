"""The Debian package: built, installed, run, upgraded, removed and purged."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.conftest import Debian
from tools.render_commands import commands

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]

CLUSTER = """
set -e
cd /etc/swift
printf '%s\\n' '[swift-hash]' 'swift_hash_path_suffix = 5d41402abc4b' \\
    '[storage-policy:0]' 'name = gold' 'default = yes' >swift.conf
for ring in account:6202 container:6201 object:6200; do
    swiftlite-ring-builder ${ring%:*}.builder create 4 1 0
    swiftlite-ring-builder ${ring%:*}.builder add r1z1-127.0.0.1:${ring#*:}/sdb1 1
    swiftlite-ring-builder ${ring%:*}.builder rebalance
done
sed -i -e 's/^# mount_check = true/mount_check = false/' -e 's/^# workers = auto/workers = 1/' \\
    account-server.conf container-server.conf object-server.conf
sed -i -e '/^use = egg:swiftlite#tempauth/a user_test_tester = testing .admin' \\
    -e 's/^# account_autocreate = false/account_autocreate = true/' proxy-server.conf
sed -i -e 's/^# user =.*/user = swift/' *-server.conf
mkdir /srv/node/sdb1
chown swift:swift /srv/node/sdb1
swiftlite-init main start
"""
ASK = """
set -e
token=$(curl -sf -D- -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' \\
    http://127.0.0.1:8080/auth/v1.0 | awk 'tolower($1) == "x-auth-token:" {print $2}' | tr -d '\\r')
exec curl -sf -H "X-Auth-Token: $token" "$@"
"""
OURS = "# a line of the operator\n"


def newer(package: Path, folder: Path) -> Path:
    """The version after it, with another line in a conf and a unit more."""
    tree = folder / "newer"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(tree)], check=True)
    for name in ("object-server", "container-server"):
        with (tree / f"etc/swift/{name}.conf").open("a") as file:
            file.write("# new in this version\n")
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .+)-1$", r"\1-2", control.read_text(), flags=re.M))
    target = folder / "newer.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(target)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return target


@pytest.mark.skipif(shutil.which("lintian") is None, reason="needs lintian")
def test_lintian_finds_nothing(package: Path) -> None:
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", str(package)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_an_installation_has_every_command_and_a_purge_leaves_nothing(debian: Debian) -> None:
    debian.run("dpkg --install /root/swiftlite.deb")
    for command in commands():
        page, completion = f"man/man1/{command}.1.gz", f"bash-completion/completions/{command}"
        debian.run(
            f"test -x /usr/bin/{command} -a -f /usr/share/{page} && ls /usr/share/{completion}*"
        )
    for command in ("swiftlite", "swiftlite-ring-builder", "swiftlite-object-replicator"):
        debian.run(f"{command} --help")
    owners = debian.run("stat -c '%n %U:%G %a' /etc/swift /srv/node /run/swift /var/cache/swift")
    assert owners.splitlines() == [
        "/etc/swift root:swift 750",
        "/srv/node root:root 755",
        "/run/swift swift:swift 755",
        "/var/cache/swift swift:swift 775",
    ]
    debian.run("systemd-analyze verify --man=no /lib/systemd/system/swiftlite*.target")

    debian.run("dpkg --purge swiftlite")
    for gone in ("/etc/swift", "/srv/node", "/var/lib/swift", "/usr/lib/swiftlite"):
        debian.run(f"test ! -e {gone}")
    assert debian.run("find /etc/systemd /lib/systemd -name '*swiftlite*'") == ""


def test_run_upgraded_removed_and_purged(debian: Debian, package: Path, tmp_path: Path) -> None:
    debian.run("dpkg --install /root/swiftlite.deb")
    debian.run(CLUSTER)
    url = "http://127.0.0.1:8080/v1/AUTH_test"
    debian.run(ASK, "-T", "/etc/hostname", f"{url}/c", "-X", "PUT")
    debian.run(ASK, "-T", "/etc/hostname", f"{url}/c/o")
    hostname = debian.run("cat /etc/hostname")
    running = debian.run("pgrep -u swift -f swiftlite-object-server")
    assert running

    debian.put(newer(package, tmp_path), "/root/newer.deb")
    debian.run(
        f"echo '{OURS.strip()}' >>/etc/swift/object-server.conf; rm /etc/swift/drive-audit.conf"
    )
    debian.run("dpkg --install --force-confdef /root/newer.deb")
    assert "-2" in debian.run("dpkg-query -W swiftlite")
    conf = debian.run("cat /etc/swift/object-server.conf")
    assert conf.endswith(OURS)
    assert "new in this version" not in conf  # it was changed: kept
    debian.run("test ! -e /etc/swift/drive-audit.conf")  # taken away: stays away
    debian.run("swiftlite-init main reload-seamless")
    assert debian.run(ASK, f"{url}/c/o") == hostname

    debian.run("dpkg --remove swiftlite")
    held = debian.run("cd /srv/node && find . -type f | sort")
    assert ".data" in held
    assert debian.run("pgrep -f swiftlite", check=False) == ""
    assert debian.run("cat /etc/swift/object-server.conf").endswith(OURS)
    debian.run("test ! -e /usr/lib/swiftlite -a ! -e /usr/bin/swiftlite")

    debian.run("touch /var/log/swift/object.log; dpkg --purge swiftlite")
    left = debian.run("ls /etc/swift").split()
    assert left == sorted(
        [*(f"{ring}.{end}" for ring in ("account", "container", "object")
           for end in ("builder", "ring.gz")), "backups", "swift.conf"]
    )  # fmt: skip
    assert debian.run("cd /srv/node && find . -type f | sort") == held
    debian.run("test ! -e /var/log/swift -a ! -e /var/cache/swift -a ! -e /run/swift")
    debian.run("id swift")  # the disks are its
