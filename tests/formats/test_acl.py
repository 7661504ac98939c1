"""Container and account ACLs: what is stored, who is let in, what is refused."""

import json

import pytest

from swiftlite.formats.acl import (
    AclInvalid,
    clean_container_acl,
    parse_account_acl,
    parse_container_acl,
    referrer_host,
    render_account_acl,
)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("", ""),
        (" , ,", ""),
        ("bob", "bob"),
        (" bob , sue ", "bob,sue"),
        ("AUTH_a:bob", "AUTH_a:bob"),
        ("AUTH_a : bob", "AUTH_a : bob"),
        ("*:*", "*:*"),
        (".rlistings", ".rlistings"),
        (".r:*,.rlistings", ".r:*,.rlistings"),
        (".r:*", ".r:*"),
        (".r : *", ".r:*"),
        (".ref:example.com", ".r:example.com"),
        (".referer:example.com", ".r:example.com"),
        (".referrer:example.com", ".r:example.com"),
        (".r:*.example.com", ".r:.example.com"),
        (".r: * .example.com", ".r:.example.com"),
        (".r:-example.com", ".r:-example.com"),
        (".r: - example.com", ".r:-example.com"),
        (".r:-*.example.com", ".r:-.example.com"),
        (".r:*,.r:-thief.com, bob", ".r:*,.r:-thief.com,bob"),
    ],
)
def test_a_read_list_is_stored_in_one_spelling(sent: str, stored: str) -> None:
    assert clean_container_acl("X-Container-Read", sent) == stored
    assert clean_container_acl("X-Container-Read", stored) == stored


@pytest.mark.parametrize(
    ("header", "sent", "complaint"),
    [
        ("X-Container-Write", ".r:*", "Referrers not allowed"),
        ("X-Container-Write", ".referer:example.com", "Referrers not allowed"),
        ("X-Container-Read", ".r:", "No host/domain"),
        ("X-Container-Read", ".r:-", "No host/domain"),
        ("X-Container-Read", ".r:.", "No host/domain"),
        ("X-Container-Read", ".r:*.", "No host/domain"),
        ("X-Container-Read", ".r:-*.", "No host/domain"),
        ("X-Container-Read", ".r: ,bob", "No host/domain"),
        ("X-Container-Read", ".x:example.com", "Unknown designator"),
        ("X-Container-Read", ".rlistings:x", "Unknown designator"),
    ],
)
def test_what_follows_no_grammar_is_refused(header: str, sent: str, complaint: str) -> None:
    with pytest.raises(AclInvalid, match=complaint):
        clean_container_acl(header, sent)


@pytest.mark.parametrize(
    ("acl", "referrer", "admitted"),
    [
        ("", "http://www.example.com/", False),
        ("bob", "http://www.example.com/", False),
        (".r:*", None, True),
        (".r:*", "", True),
        (".r:*", "http://[", True),
        (".r:.example.com", None, False),
        (".r:.example.com", "http://www.example.com/i.html", True),
        (".r:.example.com", "http://a.b.example.com/", True),
        (".r:.example.com", "http://example.com/", False),
        (".r:.example.com", "http://wwwexample.com/", False),
        (".r:.example.com", "http://www.example.com.evil.org/", False),
        (".r:.example.com", "http://user:www.example.com@evil.org/", False),
        (".r:example.com", "http://example.com:8080/", True),
        (".r:example.com", "http://EXAMPLE.com/", True),
        (".r:Example.COM", "http://example.com/", True),
        (".r:example.com", "example.com", False),
        (".r:*,.r:-thief.com", "http://thief.com/", False),
        (".r:*,.r:-thief.com", "http://www.thief.com/", True),
        (".r:*,.r:-.thief.com", "http://www.thief.com/", False),
        (".r:-thief.com,.r:*", "http://thief.com/", True),
        (".r:unknown", None, True),
        (".r:unknown", "http://[::1", True),
        (".r:-*", "http://a/", False),
        (".r:*,.r:-*", "http://a/", True),
    ],
)
def test_the_last_matching_referrer_rule_decides(
    acl: str, referrer: str | None, admitted: bool
) -> None:
    assert parse_container_acl(acl).admits_referrer(referrer) is admitted


def test_groups_and_listings_are_told_apart_from_referrers() -> None:
    acl = parse_container_acl(".r:*,.rlistings,AUTH_a:bob,sue")
    assert acl.public_listings
    assert acl.admits_group(["x", "sue"])
    assert not acl.admits_group(["*", "r:*", ".r:*"])
    assert not parse_container_acl(".r:*").public_listings


@pytest.mark.parametrize(
    "referrer", ["http://[", "http://]:0", "//[::::]", "http://a:b:c/", "\x00"]
)
def test_a_damaged_referer_is_no_fault_of_the_server(referrer: str) -> None:
    assert isinstance(referrer_host(referrer), str)


def test_an_account_list_survives_its_stored_form() -> None:
    acl = parse_account_acl('{"admin":["a"],"read-only":["b","ü"]}')
    assert acl == {"admin": ("a",), "read-write": (), "read-only": ("b", "ü")}
    stored = render_account_acl(acl)
    assert stored == '{"admin":["a"],"read-only":["b","\\u00fc"]}'
    assert parse_account_acl(stored) == acl


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_no_text_is_no_account_list(text: str) -> None:
    assert parse_account_acl(text) is None


def test_empty_account_lists_are_stored_as_nothing() -> None:
    acl = parse_account_acl("{}")
    assert acl is not None
    assert render_account_acl(acl) == ""
    assert render_account_acl(parse_account_acl('{"admin":[]}') or {}) == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not JSON"),
        ("[" * 8000, "nested"),
        ('{"a":' * 3000, "nested"),
        ("[]", "must be a JSON object"),
        ("7", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("NaN", "not a JSON number"),
        ("1" * 6000, "digits"),
        ('{"admins":[]}', "is not one of"),
        ('{"admin":"bob"}', "must be a list"),
        ('{"admin":{"bob":1}}', "must be a list"),
        ('{"admin":null}', "must be a list"),
        ('{"admin":[7]}', "must be strings"),
        ('{"admin":[["bob"]]}', "must be strings"),
    ],
)
def test_hostile_account_lists_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(AclInvalid, match=complaint):
        parse_account_acl(text)


def test_a_refusal_names_the_key_without_repeating_the_document() -> None:
    with pytest.raises(AclInvalid) as refused:
        parse_account_acl(json.dumps({"admin": ["x" * 5000, 7]}))
    assert len(str(refused.value)) < 200
