"""SLO manifests: what clients may send, what is stored, the ETag."""

import base64
import contextlib
import json
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.formats.slo_manifest import (
    ManifestInvalid,
    ManifestUnreadable,
    Segment,
    data_segment,
    decode_manifest,
    encode_as_sent,
    encode_manifest,
    parse_wanted,
    slo_etag,
    total_length,
)


def sent(*entries: object) -> bytes:
    return json.dumps(list(entries)).encode()


def test_a_plain_manifest_is_read() -> None:
    wanted = parse_wanted(
        sent(
            {"path": "/c/o-1", "etag": '"abc"', "size_bytes": 7},
            {"path": "c//o/2", "etag": None, "size_bytes": None, "range": "1-3"},
            {"path": "///c/ü", "size_bytes": "12"},
            {"data": base64.b64encode(b"inline").decode()},
        )
    )
    assert [segment.path for segment in wanted] == ["/c/o-1", "/c//o/2", "/c/ü", ""]
    assert [segment.etag for segment in wanted] == ["abc", None, None, None]
    assert [segment.size for segment in wanted] == [7, None, 12, None]
    assert str(wanted[1].range) == "bytes=1-3"
    assert wanted[3].data == b"inline"


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"", "valid JSON"),
        (b"{", "valid JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"a":' * 50_000, "nested too deeply"),
        (b"9" * 10_000, "digits"),
        (b"[NaN]", "not a JSON number"),
        (b"{}", "must be a list"),
        (b"null", "must be a list"),
        (b"7", "must be a list"),
        (b"[7]", "Index 0: not a JSON object"),
        (b"[null]", "Index 0: not a JSON object"),
        (b'["/c/o"]', "Index 0: not a JSON object"),
        (b"[[]]", "Index 0: not a JSON object"),
        (b"[{}]", "expected keys"),
        (b'[{"path":null}]', "expected keys"),
        (b'[{"path":7}]', "path must be a string"),
        (b'[{"path":["/c/o"]}]', "path must be a string"),
        (b'[{"path":""}]', "UTF-8"),
        (b'[{"path":"/c"}]', "does not refer to an object"),
        (b'[{"path":"/c/"}]', "does not refer to an object"),
        (b'[{"path":"//"}]', "does not refer to an object"),
        (b'[{"path":"/c/\\u0000"}]', "null byte"),
        (b'[{"path":"/c/\\ud800"}]', "UTF-8"),
        (b'[{"path":"/c/o","etag":7}]', "etag must be a string"),
        (b'[{"path":"/c/o","etag":[]}]', "etag must be a string"),
        (b'[{"path":"/c/o","size_bytes":"x"}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":"1_0"}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":"+5"}]', "invalid size_bytes"),
        ('[{"path":"/c/o","size_bytes":"²"}]'.encode(), "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":1.5}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":1e999}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":true}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":[]}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":99999999999999999999999}]', "invalid size_bytes"),
        (b'[{"path":"/c/o","size_bytes":0}]', "too small"),
        (b'[{"path":"/c/o","size_bytes":-1}]', "too small"),
        (b'[{"path":"/c/o","range":7}]', "invalid range"),
        (b'[{"path":"/c/o","range":"a-b"}]', "invalid range"),
        (b'[{"path":"/c/o","range":"5-1"}]', "invalid range"),
        (b'[{"path":"/c/o","range":"1-2,4-5"}]', "multiple ranges"),
        (b'[{"path":"/c/o","range":"10-","size_bytes":5}]', "unsatisfiable range"),
        (b'[{"path":"/c/o","colour":"red"}]', "extraneous keys 'colour'"),
        (b'[{"path":"/c/o","data":"aGk="}]', "extraneous keys 'path'"),
        (b'[{"data":7}]', "string of base64"),
        (b'[{"data":"?"}]', "valid base64"),
        ('[{"data":"ü"}]'.encode(), "valid base64"),
        (b'[{"data":""}]', "too small"),
        (b'[{"data":"aGk="}]', "at least one object-backed"),
    ],
)
def test_hostile_and_wrong_manifests_are_refused(document: bytes, complaint: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        parse_wanted(document)
    assert complaint in "\n".join(refused.value.problems)


def test_every_problem_is_told_up_to_a_bound() -> None:
    with pytest.raises(ManifestInvalid) as refused:
        parse_wanted(sent({"path": "/c"}, {"path": "/c/o"}, {"size_bytes": 1}))
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["Index 0", "Index 2"]
    with pytest.raises(ManifestInvalid) as refused:
        parse_wanted(sent(*[{}] * 5000))
    assert len(refused.value.problems) == 100


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_a_refusal(document: bytes) -> None:
    with contextlib.suppress(ManifestInvalid):
        assert isinstance(parse_wanted(document), list)


segments = st.builds(
    Segment,
    name=st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])).map("/c/".__add__),
    etag=st.text("0123456789abcdef", min_size=32, max_size=32),
    size=st.integers(1, 1 << 40),
    content_type=st.sampled_from(["text/plain", "application/x-ü"]),
    last_modified=st.just("2026-01-31T12:00:00.000000"),
    is_manifest=st.booleans(),
) | st.binary(min_size=1, max_size=20).map(data_segment)


@given(st.lists(segments, min_size=1, max_size=5))
def test_the_stored_form_gives_back_what_went_in(listed: list[Segment]) -> None:
    assert decode_manifest(encode_manifest(listed)) == listed


def test_the_stored_form_is_swifts() -> None:
    listed = [
        Segment("/c/o", "ab", 10, "text/plain", "2026-01-31T12:00:00.000000"),
        Segment("/c/o", "ab", 10, "text/plain", "2026-01-31T12:00:00.000000", 2, 5, True),
        data_segment(b"hi"),
    ]
    common = {
        "name": "/c/o",
        "hash": "ab",
        "bytes": 10,
        "content_type": "text/plain",
        "last_modified": "2026-01-31T12:00:00.000000",
    }
    assert json.loads(encode_manifest(listed)) == [
        common,
        {**common, "range": "2-5", "sub_slo": True},
        {"data": "aGk="},
    ]
    assert total_length(listed) == 10 + 4 + 2
    expected = md5(b"ab" + b"ab:2-5;" + md5(b"hi").hexdigest().encode()).hexdigest()
    assert slo_etag(listed) == expected
    assert json.loads(encode_as_sent(listed)) == [
        {"path": "/c/o", "etag": "ab", "size_bytes": 10},
        {"path": "/c/o", "etag": "ab", "size_bytes": 10, "range": "2-5"},
        {"data": "aGk="},
    ]


def test_what_was_read_may_be_sent_again() -> None:
    wanted = parse_wanted(encode_as_sent([Segment("/c/o", "ab", 10, first=2, last=5)]))
    assert (wanted[0].path, wanted[0].etag, wanted[0].size) == ("/c/o", "ab", 10)
    assert str(wanted[0].range) == "bytes=2-5"


def test_old_manifests_with_fewer_keys_are_read() -> None:
    (segment,) = decode_manifest(b'[{"name": "c/o", "hash": "x", "bytes": 3}]')
    assert (segment.name, segment.length, segment.is_manifest) == ("/c/o", 3, False)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[7]",
        b"[{}]",
        b'[{"name":"/c/o","hash":"x","bytes":"y"}]',
        b'[{"name":"/c/o","hash":"x","bytes":-1}]',
        b'[{"name":"/c/o","hash":"x","bytes":5,"range":"9-"}]',
        b'[{"data":"?"}]',
        b"[" * 100_000,
    ],
)
def test_a_damaged_stored_manifest_is_told_apart(document: bytes) -> None:
    with pytest.raises(ManifestUnreadable):
        decode_manifest(document)
