"""Our filters beside an installed OpenStack Swift's: tools/interop/middleware_versus.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.interop import middleware_versus as tool
from tools.interop.middleware_scenarios import SCENARIOS

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.fixture(scope="module")
def peer(swift_python: str) -> Iterator[tool.Peer]:
    tool.prepare()
    found = tool.Peer(swift_python)
    yield found
    found.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_answer_a_scenario_alike(name: str, peer: tool.Peer) -> None:
    requests, found = tool.differences(name, peer)
    assert requests
    assert not [text for text in found if not tool.is_expected(name, text)]
