from __future__ import annotations

import pytest

from swiftlite.vocab.limits import Limits
from swiftlite.web import Refusal, Request, checks
from tests.web.environs import make_request

LIMITS = Limits()
NOW = 1_000_000.0


def put(**headers: str) -> Request:
    return make_request("PUT", body=b"x", Content_Type="text/plain", **headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Object_Meta_Color": "blue"},
        {"X_Object_Meta_Color": ""},
        {"X_Object_Meta_" + "n" * 128: "v" * 256},
        {"X_Container_Meta_" + "n" * 129: "of another kind"},
        {"X_Object_Meta_Name": "gr\xc3\xbcn"},
        {f"X_Object_Meta_{n}": "v" for n in range(90)},
    ],
)
def test_metadata_within_the_limits(headers: dict[str, str]) -> None:
    checks.check_metadata(put(**headers), "object", LIMITS)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Object_Meta_": "no name"},
        {"X_Object_Meta_" + "n" * 129: "v"},
        {"X_Object_Meta_Name": "v" * 257},
        {"X_Object_Meta_Name": "\xff"},
        {"X_Object_Meta_Name": "a\x00b"},
        {f"X_Object_Meta_{n}": "v" for n in range(91)},
        {f"X_Object_Meta_{n:02}": "v" * 256 for n in range(16)},
        {"X_Anything": "v" * 8193},
    ],
)
def test_metadata_beyond_them(headers: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refusal:
        checks.check_metadata(put(**headers), "object", LIMITS)
    assert refusal.value.status == 400
    assert refusal.value.message


def test_an_object_of_a_good_kind() -> None:
    checks.check_object_creation(put(), "o", LIMITS, NOW)
    chunked = make_request("PUT", Transfer_Encoding="chunked", Content_Type="")
    checks.check_object_creation(chunked, "o", LIMITS, NOW)


@pytest.mark.parametrize(
    ("request_", "name", "status"),
    [
        (make_request("PUT", Content_Type="a/b"), "o", 411),
        (make_request("PUT", Content_Length="5368709123", Content_Type="a/b"), "o", 413),
        (make_request("PUT", Content_Length="-1", Content_Type="a/b"), "o", 400),
        (make_request("PUT", body=b"x"), "o", 400),
        (put(), "o" * 1025, 400),
        (put(), "ü" * 513, 400),
        (put(X_Delete_At="999999"), "o", 400),
        (put(X_Delete_At="soon"), "o", 400),
        (put(X_Delete_After="0"), "o", 400),
        (put(X_Delete_After="1.5"), "o", 400),
    ],
)
def test_an_object_that_cannot_be(request_: Request, name: str, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        checks.check_object_creation(request_, name, LIMITS, NOW)
    assert refusal.value.status == status


def test_delete_after_becomes_delete_at() -> None:
    request = put(X_Delete_After="60")
    checks.check_delete_headers(request, NOW + 0.9)
    assert request.get_header("X-Delete-At") == "1000060"
    assert request.get_header("X-Delete-After") is None


def test_delete_at_has_at_most_ten_digits() -> None:
    request = put(X_Delete_At="99999999999")
    checks.check_delete_headers(request, NOW)
    assert request.get_header("X-Delete-At") == "9999999999"


def test_a_replica_keeps_a_time_that_has_passed() -> None:
    request = put(X_Delete_At="5", X_Backend_Replication="true")
    checks.check_delete_headers(request, NOW)
    assert request.get_header("X-Delete-At") == "5"


def test_names_are_measured_in_bytes_and_hidden_accounts_have_twice_the_room() -> None:
    checks.check_container_name("a", "c" * 256, LIMITS)
    checks.check_container_name(".shards_a", "c" * 512, LIMITS)
    for account, name in [
        ("a", "c" * 257),
        ("a", "ü" * 129),
        (".shards_a", "c" * 513),
        ("a", "b/c"),
    ]:
        with pytest.raises(Refusal):
            checks.check_container_name(account, name, LIMITS)
    with pytest.raises(Refusal):
        checks.check_account_name("a" * 257, LIMITS)


def test_a_nul_in_the_path_is_refused_unless_reserved_names_are_allowed() -> None:
    request = make_request(path="/v1/a/\x00versions\x00c")
    with pytest.raises(Refusal) as refusal:
        checks.check_utf8_path(request)
    assert refusal.value.status == 412
    assert checks.check_utf8_path(request, allow_reserved=True) == "/v1/a/\x00versions\x00c"


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("-3", -3), (" 7 ", 7)])
def test_whole_numbers(text: str, number: int) -> None:
    assert checks.int_header(make_request(X_N=text), "X-N", 0) == number


@pytest.mark.parametrize("text", ["", "1.0", "٣", "1e3", "9" * 19])
def test_what_is_not_a_whole_number(text: str) -> None:
    with pytest.raises(Refusal):
        checks.int_header(make_request(X_N=text), "X-N", 0)


@pytest.mark.parametrize("text", ["nan", "inf", "1e300", "x"])
def test_what_is_not_a_number(text: str) -> None:
    with pytest.raises(Refusal):
        checks.float_header(make_request(X_N=text), "X-N", 0.0)


def test_limits_of_listings() -> None:
    assert checks.int_param({}, "limit", 10, 100) == 10
    assert checks.int_param({"limit": "100"}, "limit", 10, 100) == 100
    for text in ("101", "-1", "x", "1" * 30):
        with pytest.raises(Refusal) as refusal:
            checks.int_param({"limit": text}, "limit", 10, 100)
        assert refusal.value.status == 412
