"""Where a process is, and that others of the same place can open what it has open."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from swiftlite.host.os_process import OsProcess

CODE = "from swiftlite.host.os_process import OsProcess; print(OsProcess().place)"


def test_processes_of_one_place_can_open_each_others_files() -> None:
    there = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert there.stdout.strip() == OsProcess().place != ""
    with tempfile.TemporaryFile() as file:
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
        write = f"import os; os.write(os.open({path!r}, os.O_WRONLY), b'from elsewhere')"
        subprocess.run([sys.executable, "-c", write], check=True)
        assert file.read() == b"from elsewhere"


def test_another_user_is_another_place() -> None:
    code = "import os; os.setuid(65534); " + CODE
    if os.geteuid() == 0:
        there = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        assert there.stdout.strip() != OsProcess().place


def test_another_network_is_another_place() -> None:
    """Addresses mean other hosts there, and a proxy only opens what its own addresses tell of."""
    if os.geteuid() == 0:
        command = ["unshare", "--net", sys.executable, "-c", CODE]
        there = subprocess.run(command, check=True, capture_output=True, text=True)
        assert there.stdout.strip() not in ("", OsProcess().place)
