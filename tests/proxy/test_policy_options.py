"""What a policy has to itself in the proxy's conf."""

from __future__ import annotations

import pytest

from swiftlite.config.load import ConfError, options, parse_conf
from swiftlite.proxy.options import PolicyOptions, ProxyOptions, options_of_policy


def of_policy(text: str, index: int = 0) -> PolicyOptions:
    conf = parse_conf("proxy.conf", [("proxy.conf", text)])
    table = options(ProxyOptions, conf.section("app:proxy-server"), where="proxy.conf")
    return options_of_policy(table, conf, index)


APP = "[app:proxy-server]\nsorting_method = timing\n"


def test_a_policy_without_a_section_has_what_the_proxy_has() -> None:
    assert of_policy(APP).sorting_method == "timing"


def test_a_policys_section_counts_for_that_policy() -> None:
    text = f"{APP}[proxy-server:policy:1]\nsorting_method = shuffle\n"
    assert of_policy(text, 1).sorting_method == "shuffle"
    assert of_policy(text, 0).sorting_method == "timing"


def test_what_default_says_for_everybody_is_no_fault_of_a_policy() -> None:
    text = f"[DEFAULT]\nclient_timeout = 30\n{APP}[proxy-server:policy:0]\n"
    assert of_policy(text).sorting_method == "timing"


def test_what_a_policy_cannot_have_is_refused() -> None:
    with pytest.raises(ConfError, match=r"policy:0.*client_timeout cannot be set for one policy"):
        of_policy(f"{APP}[proxy-server:policy:0]\nclient_timeout = 30\n")
