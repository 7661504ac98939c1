"""Samples and manual pages are what the option tables say, and the samples can be used."""

from __future__ import annotations

import re

import pytest

from swiftlite.config.load import options, parse_conf, unknown_keys
from swiftlite.config.option import declared
from swiftlite.policies import parse_policies
from tests.house.source import REPOSITORY
from tools.render_config import documents, rendered, tables

TABLES = list(tables())


@pytest.mark.parametrize("path", rendered(), ids=str)
def test_generated_files_are_fresh(path: str) -> None:
    target = REPOSITORY / path
    assert target.exists(), "run tools/render_config.py"
    stale = target.read_text(encoding="utf-8") != rendered()[path]  # type: ignore[index]  # a Path
    assert not stale, "run tools/render_config.py"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_default_passes_its_own_check(table: type) -> None:
    for option in declared(table):
        shown = option.show_default()
        if shown and shown == option.about.shown and option.about.parse is None:
            option.read(shown)  # an example, as good as a default
        elif shown:
            assert option.read(shown) == option.default, option.name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_option_is_explained_in_a_sentence(table: type) -> None:
    for option in declared(table):
        assert option.about.help[:1].isupper() or option.about.help[:1].isdigit(), option.name
        assert option.about.help.endswith("."), option.name


@pytest.mark.parametrize("conf", documents())
def test_a_sample_is_a_conf_with_all_defaults(conf: str) -> None:
    text = (REPOSITORY / "etc" / f"{conf}-sample").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (\w+ = \S.*)$", r"\1", text, flags=re.MULTILINE)
    for version in (text, uncommented):
        parsed = parse_conf(conf, [(conf, version)])
        sections = {"DEFAULT": parsed.defaults, **parsed.sections}
        for section in documents()[conf]:
            assert section.header in sections
            for table in section.tables:
                options(table, sections[section.header], where=f"{conf} [{section.header}]")


def test_the_sample_of_swift_conf_has_a_policy_that_can_be() -> None:
    text = (REPOSITORY / "etc" / "swift.conf-sample").read_text(encoding="utf-8")
    assert parse_policies(parse_conf("x", [("x", text)]).sections).default.name == "gold"


@pytest.mark.parametrize("conf", documents())
def test_no_option_of_a_section_is_unknown_to_its_tables(conf: str) -> None:
    for section in documents()[conf]:
        mapping = {option.name: "" for option in section.options()}
        assert unknown_keys(section.tables, mapping) == []
