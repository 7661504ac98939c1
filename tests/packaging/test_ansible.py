"""The Ansible role: its linter has nothing to say, and a node made by it serves."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.house.source import REPOSITORY
from tests.packaging.conftest import Debian
from tests.packaging.test_debian_package import ASK

FOLDER = REPOSITORY / "etc/ansible"
INVENTORY = """\
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
    ansible_become: false
    swiftlite_hash_path_suffix: 5d41402abc4b
    swiftlite_replicas: 1
    swiftlite_part_power: 4
    swiftlite_services: false
    swiftlite_rings_folder: /root/rings
    swiftlite_users: [{account: test, user: tester, key: testing, groups: .admin}]
swiftlite_storage:
  hosts:
    node1: {swiftlite_address: 127.0.0.1, swiftlite_devices: [sdb1]}
swiftlite_proxy:
  hosts:
    node1:
"""
PLAY = "cd /root/ansible && ANSIBLE_NOCOLOR=1 ansible-playbook -i inventory.yml site.yml"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ansible-lint") is None, reason="needs ansible-lint")
def test_ansible_lint_finds_nothing() -> None:
    done = subprocess.run(
        ["ansible-lint", "--offline", "--nocolor", "-q", "."],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="needs ansible")
def test_a_node_made_by_the_role_serves_and_a_second_run_changes_nothing(debian: Debian) -> None:
    debian.run("dpkg --install /root/swiftlite.deb")
    debian.run('cp -r "$1" /root/ansible', str(FOLDER))
    debian.run('printf "%s" "$1" >/root/ansible/inventory.yml', INVENTORY)
    first = debian.run(PLAY)
    assert "changed=0" not in first
    assert "changed=0" in debian.run(PLAY)
    # Disks are folders here, and there is no systemd.
    debian.run("sed -i 's/^# mount_check = true/mount_check = false/' /etc/swift/*-server.conf")
    debian.run("sed -i 's/^# user =.*/user = swift/' /etc/swift/*-server.conf")
    debian.run("swiftlite-init main start")
    url = "http://127.0.0.1:8080/v1/AUTH_test/c"
    debian.run(ASK, url, "-X", "PUT", "-d", "")
    debian.run(ASK, f"{url}/o", "-T", "/etc/hosts")
    assert debian.run(ASK, f"{url}/o") == debian.run("cat /etc/hosts")
