"""The HAProxy sample: HAProxy takes it, and does with it what it is for."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.house.source import REPOSITORY

SAMPLE = REPOSITORY / "etc/haproxy/haproxy.cfg"

pytestmark = pytest.mark.skipif(shutil.which("haproxy") is None, reason="needs haproxy")


def check(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["haproxy", "-c", "-f", "/dev/stdin"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_haproxy_takes_the_sample_without_a_warning() -> None:
    done = check(SAMPLE.read_text())
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "WARNING" not in said


def test_haproxy_would_say_what_is_wrong() -> None:
    assert check(SAMPLE.read_text().replace("balance leastconn", "balance whoever")).returncode
