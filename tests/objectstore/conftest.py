from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.objectstore.stores import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    try:
        os.setxattr(tmp_path, "user.swiftlite.test", b"1")
    except OSError as error:
        pytest.skip(f"{tmp_path} keeps no user attributes: {error}")
    return Store(tmp_path)
