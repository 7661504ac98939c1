from __future__ import annotations

import pytest

from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Refusal, Request
from tests.web.environs import make_environ, make_request


def test_a_request_is_a_webob_request_over_the_same_environ() -> None:
    environ = make_environ("PUT", "/v1/a/c/o", X_Object_Meta_Color="blue")
    request = Request(environ)
    assert request.environ is environ
    assert request.method == "PUT"
    assert request.headers["X-Object-Meta-Color"] == "blue"
    request.method = "GET"
    assert environ["REQUEST_METHOD"] == "GET"


def test_attributes_are_its_own_and_leave_the_environ_alone() -> None:
    request = make_request()
    keys = set(request.environ)
    request.node_index = 3
    assert request.node_index == 3
    assert set(request.environ) == keys
    with pytest.raises(AttributeError):
        _ = request.nothing_of_the_kind


def test_headers_are_read_by_any_spelling() -> None:
    request = make_request(Content_Type="text/plain", X_Timestamp="1")
    assert request.get_header("content-type") == "text/plain"
    assert request.get_header("X-TIMESTAMP") == "1"
    assert request.get_header("X-Other") is None
    assert request.get_header("X-Other", "no") == "no"


def test_a_header_name_in_utf8_keeps_its_bytes() -> None:
    # ÿ has no upper case within latin-1; only ASCII letters may change.
    key = "HTTP_X_OBJECT_META_" + "ÿµ".encode().decode("latin-1")
    request = Request({**make_environ(), key: "1"})
    assert request.get_header("X-Object-Meta-ÿµ") == "1"


def test_text_header_decodes_utf8_and_refuses_other_bytes() -> None:
    request = make_request(X_Name="gr\xc3\xbcn", X_Bad="gr\xfcn")
    assert request.text_header("X-Name") == "grün"
    with pytest.raises(Refusal) as refusal:
        request.text_header("X-Bad")
    assert refusal.value.status == 400


@pytest.mark.parametrize("word", ["true", "TRUE", "yes", "1", "on", "t", " True "])
def test_words_for_true(word: str) -> None:
    assert make_request(X_Newest=word).true_header("X-Newest")


@pytest.mark.parametrize("word", ["false", "0", "", "no", "truth"])
def test_other_words_are_not_true(word: str) -> None:
    assert not make_request(X_Newest=word).true_header("X-Newest")


def test_set_header_none_removes() -> None:
    request = make_request(X_A="1")
    request.set_header("X-A", None)
    request.set_header("X-B", "2")
    assert request.get_header("X-A") is None
    assert request.get_header("X-B") == "2"


def test_header_items_by_prefix_in_title_case() -> None:
    request = make_request(X_Object_Meta_Red="1", X_Object_Meta_Blue="2", X_Other="3")
    assert sorted(request.header_items("X-Object-Meta-")) == [
        ("X-Object-Meta-Blue", "2"),
        ("X-Object-Meta-Red", "1"),
    ]


def test_all_header_items_include_the_content_headers() -> None:
    request = make_request("PUT", body=b"abc", Content_Type="text/plain", ETag="x")
    assert dict(request.header_items()) == {
        "Content-Type": "text/plain",
        "Content-Length": "3",
        "ETag": "x",
    }


def test_path_text_is_decoded_and_bad_bytes_are_refused() -> None:
    assert make_request(path="/v1/a/\xc3\xbc").path_text == "/v1/a/ü"
    with pytest.raises(Refusal) as refusal:
        _ = make_request(path="/v1/a/\xfc").path_text
    assert refusal.value.status == 412


def test_split_names_what_is_there() -> None:
    assert make_request(path="/v1/a/c/o/p").split(2, 4, True) == ["v1", "a", "c", "o/p"]
    assert make_request(path="/v1/a").split(2, 4, True) == ["v1", "a", None, None]
    with pytest.raises(Refusal) as refusal:
        make_request(path="/v1").split(2, 4, True)
    assert refusal.value.status == 400


def test_timestamp_is_required_and_checked() -> None:
    assert make_request(X_Timestamp="123.45").timestamp == Timestamp.from_text("123.45")
    for request in (make_request(), make_request(X_Timestamp="noon")):
        with pytest.raises(Refusal) as refusal:
            _ = request.timestamp
        assert refusal.value.status == 400


def test_params_are_text_and_the_last_wins() -> None:
    query = "prefix=gr%C3%BCn+x&limit=5&limit=6&format&=ignored"
    assert make_request(query=query).params_text == {
        "prefix": "grün x",
        "limit": "6",
        "format": "",
    }


def test_params_with_bad_bytes_are_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        _ = make_request(query="marker=%FF").params_text
    assert refusal.value.status == 400


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "²"])
def test_policy_index_must_be_a_number(text: str) -> None:
    with pytest.raises(Refusal):
        _ = make_request(X_Backend_Storage_Policy_Index=text).policy_index


def test_policy_index_defaults_to_zero() -> None:
    assert make_request().policy_index == 0
    assert make_request(X_Backend_Storage_Policy_Index="2").policy_index == 2


def test_read_body_reads_to_the_end_within_its_limit() -> None:
    assert make_request("PUT", body=b"hello").read_body(5) == b"hello"
    with pytest.raises(Refusal) as refusal:
        make_request("PUT", body=b"hello!").read_body(5)
    assert refusal.value.status == 413


def test_read_body_counts_a_chunked_body() -> None:
    request = make_request("PUT", body=b"hello!", Transfer_Encoding="chunked")
    del request.environ["CONTENT_LENGTH"]
    assert request.body_length is None
    with pytest.raises(Refusal):
        request.read_body(5)
