from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.proxy.best_response import (
    SILENT,
    NodeAnswer,
    best_response,
    has_quorum,
    quorum_size,
)


def said(*statuses: int) -> list[NodeAnswer]:
    return [NodeAnswer(status, headers=[("X-Place", str(i))]) for i, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("count", "quorum"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4)]
)
def test_a_quorum_is_half_rounded_up(count: int, quorum: int) -> None:
    assert quorum_size(count) == quorum


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((201, 201, 201), 201),
        ((201, 201, 503), 201),
        ((201, 503, 503), 503),
        ((201, 202, 404), 202),
        ((404, 404, 201), 404),
        ((404, 409, 201), 409),
        ((404, 503, 503), 503),
        ((200, 404, 503), 503),
        ((100, 100, 201), 100),
        ((204, 404), 204),
        ((404, 412, 416), 416),
        ((507, 507, 507), 503),
        ((301, 301, 404), 301),
    ],
)
def test_the_class_with_a_quorum_speaks_by_its_highest_status(
    statuses: tuple[int, ...], best: int
) -> None:
    assert best_response(said(*statuses)).status == best


def test_nobody_said_anything() -> None:
    assert best_response([]).status == 503
    assert best_response([SILENT, SILENT]).status == 503


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((204, 404, 404), 404),  # a quorum as it stands
        ((204, 404, 503), 204),
        ((204, 204, 404), 204),
        ((404, 404, 404), 404),
        ((204, 503, 503), 503),
        ((404, 503, 503), 503),
        ((204, 404, 409, 503), 409),  # 409 is no 204
    ],
)
def test_a_delete_counts_404_as_done_only_without_another_quorum(
    statuses: tuple[int, ...], best: int
) -> None:
    assert best_response(said(*statuses), overrides={404: 204}).status == best


def test_the_answer_shown_is_a_real_one() -> None:
    shown = best_response(said(404, 204, 503), overrides={404: 204})
    assert shown.header("x-place") == "1"


@pytest.mark.parametrize(
    ("statuses", "nodes", "decided"),
    [
        ((201,), 3, False),
        ((201, 201), 3, True),
        ((201, 404), 3, False),
        ((201, 404, 404), 3, True),
        ((503, 503), 3, False),
        ((201,), 1, True),
        ((201, 201), 4, True),
        ((), 1, False),
    ],
)
def test_a_quorum_is_seen_as_soon_as_it_is_there(
    statuses: tuple[int, ...], nodes: int, decided: bool
) -> None:
    assert has_quorum(statuses, nodes) is decided


@given(st.lists(st.sampled_from([201, 202, 204, 404, 409, 422, 500, 503, 507]), min_size=1))
def test_a_good_answer_always_has_a_quorum_behind_it(statuses: list[int]) -> None:
    best = best_response(said(*statuses))
    if 200 <= best.status < 300:
        good = sum(200 <= status < 300 for status in statuses)
        assert good >= quorum_size(len(statuses))
