"""Charts: where points come to lie, and what their axes say."""

import xml.etree.ElementTree as ET

import pytest

from tools.bench.chart import Axis, Chart, spelled
from tools.bench.growth_plots import PICTURES, lines_of

LINES = {"GET": [(1.0, 2.0), (1000.0, 40.0)], "PUT <b>": [(10.0, 5.0)]}


def test_a_chart_is_well_formed_and_names_its_lines_and_axes() -> None:
    chart = Chart("a & b", Axis("clients", logarithmic=True), Axis("ms"), LINES)
    root = ET.fromstring(chart.svg())
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"a & b", "clients", "ms", "GET", "PUT <b>"} <= set(texts)
    assert {"1", "10", "100", "1k"} <= set(texts)


def test_a_logarithmic_axis_spans_whole_powers() -> None:
    assert Axis("x", logarithmic=True).span([3, 250]) == (1.0, 1000.0)
    assert Axis("x", logarithmic=True).span([1]) == (1.0, 10.0)
    assert Axis("x", logarithmic=True).share(10, 1, 1000) == pytest.approx(1 / 3)


def test_a_linear_axis_begins_at_nothing_and_has_round_ticks() -> None:
    axis = Axis("x")
    assert axis.span([3, 47]) == (0.0, 47)
    assert axis.ticks(0, 47) == [0, 10, 20, 30, 40]
    assert axis.ticks(0, 0.7) == pytest.approx([0, 0.2, 0.4, 0.6])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (1000, "1k"), (2.5e6, "2.5M"), (1e9, "1G")]
)
def test_numbers_are_spelled_short(value: float, text: str) -> None:
    assert spelled(value) == text


def test_points_become_lines_in_order_and_those_without_a_value_are_left_out() -> None:
    points = [
        {"what": "sizes", "at": 1024, "name": "GET", "cpu_ms": 0.4, "cpu_s_per_gb": 400.0},
        {"what": "sizes", "at": 0, "name": "GET", "cpu_ms": 0.3, "cpu_s_per_gb": None},
        {"what": "rows", "at": 10, "name": "GET", "cpu_ms": 9.0},
    ]
    pictures = {picture.name: picture for picture in PICTURES}
    assert lines_of(pictures["sizes"], points) == {"GET": [(1, 0.3), (1024, 0.4)]}
    assert lines_of(pictures["sizes-gb"], points) == {"GET": [(1024, 400.0)]}
