"""Runs the Ansible role against booted machines: from a bare Debian to a cluster that serves.

Three storage nodes and a proxy get our package, their disks, confs, rings and services by the role,
over ssh, as from an operator's desk. A second run changes nothing, doctor has nothing to say on any
of them, a client stores and reads.

Usage (as root): python -m tools.acceptance.ansible_role [--package DEB] [--tree DIR]. Exit code 0
when all came so, 1 when not, 77 when this host cannot do it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tools.acceptance.doctor import Ward
from tools.acceptance.pages import ADDRESSES, REPOSITORY, Run, add_options, in_a_data_centre
from tools.datacentre.centre import NETWORK

STORAGE = ("storage1", "storage2", "storage3")
PROXY = "proxy1"
DESK = "balancer"
INVENTORY = """\
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {key}
    ansible_ssh_common_args: -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
    ansible_python_interpreter: /usr/bin/python3
    ansible_become: false
    swiftlite_package: {package}
    swiftlite_hash_path_suffix: 5d41402abc4b
    swiftlite_rings_folder: {folder}/rings
    swiftlite_users: [{{account: test, user: tester, key: g00d-Pa55, groups: .admin}}]
swiftlite_storage:
  hosts:
{storage}
swiftlite_proxy:
  hosts:
    {proxy}: {{ansible_host: {proxy_address}, swiftlite_address: {proxy_address}}}
"""
HOST = (
    "    {name}: {{ansible_host: {ip}, swiftlite_address: {ip}, swiftlite_zone: {zone}, {disks}}}"
)
STORE_AND_READ = """
set -e
url=http://{ip}:8080
token=$(curl -sf -D- -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: g00d-Pa55' $url/auth/v1.0 |
    awk 'tolower($1) == "x-auth-token:" {{print $2}}' | tr -d '\\r')
store() {{ curl -sf -H "X-Auth-Token: $token" "$@"; }}
store -X PUT $url/v1/AUTH_test/c
store -T /etc/services $url/v1/AUTH_test/c/o
store $url/v1/AUTH_test/c/o | cmp - /etc/services
"""


class Wrong(Exception):
    """It did not come as it ought to."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    options = parser.parse_args()
    if shutil.which("ansible-playbook") is None:
        print("needs ansible-playbook", file=sys.stderr)
        return 77
    return in_a_data_centre(options, _tried, installed=False)


def _tried(run: Run) -> int:
    try:
        _try(run)
    except (Wrong, AssertionError) as wrong:
        print(f"WRONG {wrong}")
        return 1
    return 0


def _try(run: Run) -> None:
    centre = run.centre
    for name in (*STORAGE, PROXY, DESK):
        for disk in ("sdb1", "sdc1") if name in STORAGE else ():
            centre.insert_disk(name, disk)
        centre.power_on(name)
    first = _play(run)
    print(f"ok    the role: {_recap(first)}", flush=True)
    second = _play(run)
    if second.count("changed=0 ") != len(STORAGE) + 1:
        raise Wrong(f"a second run changes something:\n{second}")
    print("ok    a second run changes nothing", flush=True)
    ward = Ward(centre)
    for name in (*STORAGE, PROXY):
        ward.silent(name, whole=True, within_s=60)
    print("ok    doctor has nothing to say", flush=True)
    centre.machines[DESK].check(STORE_AND_READ.format(ip=_address(PROXY)))
    print("ok    a client stores and reads", flush=True)


def _play(run: Run) -> str:
    """From the desk's place in the network, with what this host has of Ansible."""
    desk = run.centre.machines[DESK]
    folder = desk.root.parent / "ansible"
    if not folder.exists():
        shutil.copytree(REPOSITORY / "etc/ansible", folder)
        (folder / "inventory.yml").write_text(_inventory(run, folder))
    done = subprocess.run(
        [
            *("ip", "netns", "exec", desk.namespace, "env", "ANSIBLE_NOCOLOR=1"),
            *("ansible-playbook", "-i", "inventory.yml", "site.yml"),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Wrong(f"ansible-playbook ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def _inventory(run: Run, folder: Path) -> str:
    disks = "swiftlite_disks: [sdb1, sdc1]"
    return INVENTORY.format(
        key=run.centre.machines[DESK].root / "root/.ssh/id_ed25519",
        package=run.package.resolve(),
        folder=folder,
        storage="\n".join(
            HOST.format(name=name, ip=_address(name), zone=zone, disks=disks)
            for zone, name in enumerate(STORAGE, 1)
        ),
        proxy=PROXY,
        proxy_address=_address(PROXY),
    )


def _address(name: str) -> str:
    return f"{NETWORK}.{ADDRESSES[name]}"


def _recap(output: str) -> str:
    lines = output.partition("PLAY RECAP")[2].splitlines()[1:]
    return "; ".join(" ".join(line.split()[:5]) for line in lines if line.strip())


if __name__ == "__main__":
    sys.exit(main())
