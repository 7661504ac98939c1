"""The alert rules, by Prometheus' own tool: they load, and each fires for what it is there for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = ROOT / "etc/prometheus/swiftlite.rules.yml"
TESTS = Path(__file__).with_name("swiftlite.test.yml")
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool, of the package prometheus")
def test_rules_load_and_fire(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    for path in (RULES, TESTS):
        shutil.copy(path, tmp_path)
    checked = subprocess.run(
        [PROMTOOL, "check", "rules", RULES.name],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tried = subprocess.run(
        [PROMTOOL, "test", "rules", TESTS.name],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_every_alert_is_tried() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    assert len(alerts) == 12
    assert alerts == set(re.findall(r"alertname: (\w+)", TESTS.read_text()))
