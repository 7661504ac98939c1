"""host.os_process: what a process does to itself."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os
from swiftlite.host.os_process import OsProcess
{before}
OsProcess().wait_for_a_processor()
print(os.sched_getscheduler(0) == os.{wanted})
"""


def policy_is(wanted: str, before: str = "") -> bool:
    code = CODE.format(before=before, wanted=wanted)
    run = [sys.executable, "-c", code]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout == "True\n"


def test_a_server_pushes_nobody_off_a_processor() -> None:
    assert policy_is("SCHED_BATCH")


def test_a_policy_given_from_outside_stays() -> None:
    assert policy_is("SCHED_IDLE", "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))")
