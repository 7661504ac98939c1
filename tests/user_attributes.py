"""Extended attributes of the tests' own folder: not every file system keeps them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def need_user_attributes(folder: Path) -> None:
    """Skip the test where there are none."""
    try:
        os.setxattr(folder, "user.swiftlite.test", b"1")
    except OSError as error:
        pytest.skip(f"{folder} keeps no user attributes: {error}")
