"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import os
import subprocess
import venv

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


@pytest.fixture(scope="session")
def swift_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has the `swift` package: $SWIFT_PYTHON, or one made for the occasion."""
    given_python = os.environ.get("SWIFT_PYTHON")
    if given_python:
        return given_python
    folder = tmp_path_factory.mktemp("swift")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    wanted = ["setuptools<81", "swift"]
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"the swift package cannot be installed: {done.stderr[-300:]}")
    return python
