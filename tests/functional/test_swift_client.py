"""A day with the stock client, small: tools/acceptance/client_tour.py runs the large one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.cluster import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.interop, pytest.mark.timeout(600)]


def test_a_day_with_the_stock_client_quiet_and_under_kills(tmp_path: Path) -> None:
    pytest.importorskip("swiftclient")
    tour = subprocess.run(
        [
            *(sys.executable, "tools/acceptance/client_tour.py"),
            *("--tree", "/usr/share/doc", "--files", "150", "--megabytes", "5"),
            *("--big-megabytes", "40"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tour.returncode == 0, tour.stdout + tour.stderr
