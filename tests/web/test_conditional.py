from __future__ import annotations

from typing import Any

import pytest

from swiftlite.web import Refusal
from swiftlite.web.conditional import etag_for_conditions, judge, names_etag, wants_no_overwrite
from tests.web.environs import make_request

BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
EXACTLY = "Sun, 06 Nov 1994 08:49:37 GMT"
MODIFIED = 784111777

CASES = [
    ({}, None),
    ({"If_Match": '"abc"'}, None),
    ({"If_Match": "abc"}, None),
    ({"If_Match": '"x", "abc"'}, None),
    ({"If_Match": "*"}, None),
    ({"If_Match": '"x"'}, 412),
    ({"If_Match": 'W/"abc"'}, 412),
    ({"If_None_Match": '"abc"'}, 304),
    ({"If_None_Match": 'W/"abc"'}, 304),
    ({"If_None_Match": "*"}, 304),
    ({"If_None_Match": '"x"'}, None),
    ({"If_Modified_Since": BEFORE}, None),
    ({"If_Modified_Since": EXACTLY}, 304),
    ({"If_Modified_Since": "yesterday"}, None),
    ({"If_Unmodified_Since": BEFORE}, 412),
    ({"If_Unmodified_Since": EXACTLY}, None),
    # An entity tag that differs makes the date beside it irrelevant.
    ({"If_None_Match": '"x"', "If_Modified_Since": EXACTLY}, None),
    ({"If_Match": '"abc"', "If_Unmodified_Since": BEFORE}, None),
    ({"If_Match": '"x"', "If_None_Match": '"abc"'}, 412),
]


@pytest.mark.parametrize(("headers", "status"), CASES)
def test_conditions_of_a_get(headers: dict[str, Any], status: int | None) -> None:
    request = make_request("GET", **headers)
    assert judge(request, etag="abc", last_modified=MODIFIED) == status


def test_none_match_of_a_change_is_412() -> None:
    request = make_request("DELETE", If_None_Match="*")
    assert judge(request, etag="abc", last_modified=MODIFIED) == 412


def test_nothing_matches_what_does_not_exist() -> None:
    assert judge(make_request(If_Match="*"), etag=None, last_modified=None) == 412
    assert judge(make_request(If_None_Match="*"), etag=None, last_modified=None) is None
    assert not names_etag("*", None)


def test_a_put_may_only_say_star() -> None:
    assert wants_no_overwrite(make_request("PUT", If_None_Match="*"))
    assert not wants_no_overwrite(make_request("PUT"))
    with pytest.raises(Refusal) as refusal:
        wants_no_overwrite(make_request("PUT", If_None_Match='"abc"'))
    assert refusal.value.status == 400


def test_conditions_compare_with_the_first_etag_that_is_stored() -> None:
    stored = {"X-Object-Sysmeta-Slo-Etag": "slo", "X-Object-Sysmeta-Crypto-Etag": "crypto"}
    asked = make_request(
        X_Backend_Etag_Is_At="x-object-sysmeta-none, X-Object-Sysmeta-Slo-Etag,"
        "X-Object-Sysmeta-Crypto-Etag"
    )
    assert etag_for_conditions(asked, stored, "plain") == "slo"
    assert etag_for_conditions(make_request(), stored, "plain") == "plain"
    assert etag_for_conditions(asked, {}, "plain") == "plain"
