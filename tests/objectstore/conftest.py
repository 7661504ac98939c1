from __future__ import annotations

from pathlib import Path

import pytest

from tests.objectstore.stores import Store
from tests.user_attributes import need_user_attributes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    need_user_attributes(tmp_path)
    return Store(tmp_path)
