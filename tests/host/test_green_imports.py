"""What a process that uses the green host has in memory."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import swiftlite.host.green
assert "asyncio" not in sys.modules
import asyncio

async def seven():
    await asyncio.sleep(0)
    return 7

assert asyncio.run(seven()) == 7
import eventlet
eventlet.monkey_patch()
host = swiftlite.host.green.make_host()
assert host.tasks.spawn(lambda: 8).wait() == 8
print("good")
"""


def test_asyncio_is_not_loaded_for_nothing_and_works_for_who_wants_it() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)  # fmt: skip  # noqa: E501
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stderr
