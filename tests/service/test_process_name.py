from __future__ import annotations

import os
from pathlib import Path

import pytest

from swiftlite.service.process_name import set_process_name, short_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("swiftlite-object-server 127.0.0.1:6200", "sl-object-serve"),
        ("swiftlite-proxy-server", "sl-proxy-server"),
        ("other", "other"),
    ],
)
def test_short_names_fit_the_kernel(title: str, name: str) -> None:
    assert short_name(title) == name


def test_a_child_gets_its_own_name_and_the_parent_keeps_its() -> None:
    before = Path("/proc/self/cmdline").read_bytes()
    pid = os.fork()
    if pid == 0:
        set_process_name("swiftlite-x")
        shown = Path("/proc/self/cmdline").read_bytes()
        comm = Path("/proc/self/comm").read_text()
        os._exit(0 if shown.startswith(b"swiftlite-x\0") and comm == "sl-x\n" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert Path("/proc/self/cmdline").read_bytes() == before
