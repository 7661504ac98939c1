"""No internal header passes in either direction, however it is spelled."""

from __future__ import annotations

import pytest

from swiftlite.middleware.gatekeeper import KNOWN_LIMIT, Gatekeeper, GatekeeperOptions, is_internal
from swiftlite.web.request import environ_key
from swiftlite.web.wsgi import Environ
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ

INTERNAL = [
    "X-Account-Sysmeta-Core-Access-Control",
    "X-Container-Sysmeta-Versions-Enabled",
    "X-Object-Sysmeta-Slo-Etag",
    "X-Object-Transient-Sysmeta-Crypto-Meta",
    "X-Backend-Storage-Policy-Index",
    "X-Backend-Replication",
    "X-Backend-Allow-Reserved-Names",
    "X-Backend-Allow-Private-Methods",
    "X-Backend-Container-Update-Override-Etag",
    "X-Backend",
    "X-Account-Host",
    "X-Account-Device",
    "X-Account-Partition",
    "X-Container-Host",
    "X-Container-Device",
    "X-Container-Partition",
    "X-Container-Root-Db-State",
    "X-Delete-At-Host",
    "X-Delete-At-Device",
    "X-Delete-At-Partition",
    "X-Delete-At-Container",
]
PUBLIC = [
    "X-Account-Meta-Sysmeta-Color",
    "X-Container-Meta-Quota-Bytes",
    "X-Container-Read",
    "X-Container-Sync-To",
    "X-Object-Meta-X-Backend-Color",
    "X-Object-Manifest",
    "X-Delete-At",
    "X-Delete-After",
    "X-Auth-Token",
    "Host",
    "Range",
]


def sent(headers: dict[str, str]) -> Environ:
    environ = make_environ()
    environ.update({environ_key(name): value for name, value in headers.items()})
    return environ


def kept(app: Canned, options: GatekeeperOptions | None = None) -> Gatekeeper:
    return Gatekeeper(app, options or GatekeeperOptions())


@pytest.mark.parametrize("name", INTERNAL)
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper, lambda n: n.replace("-", "_")])
def test_internal_headers_are_known_in_any_spelling(name: str, spelling: object) -> None:
    assert is_internal(spelling(name))  # type: ignore[operator]


@pytest.mark.parametrize("name", PUBLIC)
def test_headers_of_clients_are_not_internal(name: str) -> None:
    assert not is_internal(name)


@pytest.mark.parametrize("name", INTERNAL)
def test_an_internal_header_goes_neither_in_nor_out(name: str) -> None:
    app = Canned(headers=[(name, "answered"), (name.lower(), "answered"), ("X-Other", "seen")])
    filtered = kept(app)
    for _ in range(2):  # the second time from memory
        answer = Answer(filtered, sent({name: "asked", "X-Object-Meta-Color": "red"}))
        assert "asked" not in app.last.values()
        assert app.last["HTTP_X_OBJECT_META_COLOR"] == "red"
        assert answer.headers == {"x-other": "seen"}


@pytest.mark.parametrize("name", PUBLIC)
def test_other_headers_pass_both_ways(name: str) -> None:
    app = Canned(headers=[(name, "answered")])
    answer = Answer(kept(app), sent({name: "asked"}))
    assert "asked" in app.last.values()
    assert answer.headers == {name.lower(): "answered"}


def test_a_clients_timestamp_is_set_aside() -> None:
    app = Canned()
    Answer(kept(app), make_environ(X_Timestamp="12345.67890"))
    assert "HTTP_X_TIMESTAMP" not in app.last
    assert app.last["HTTP_X_BACKEND_INBOUND_X_TIMESTAMP"] == "12345.67890"


def test_a_client_cannot_set_what_its_timestamp_becomes() -> None:
    app = Canned()
    Answer(kept(app), make_environ(X_Backend_Inbound_X_Timestamp="1"))
    assert "HTTP_X_BACKEND_INBOUND_X_TIMESTAMP" not in app.last


def test_timestamps_pass_where_the_operator_says_so() -> None:
    app = Canned()
    Answer(
        kept(app, GatekeeperOptions(shunt_inbound_x_timestamp=False)), make_environ(X_Timestamp="1")
    )
    assert app.last["HTTP_X_TIMESTAMP"] == "1"


@pytest.mark.parametrize("allowed", [True, False])
def test_reserved_names_need_the_operators_leave(allowed: bool) -> None:
    app = Canned()
    options = GatekeeperOptions(allow_reserved_names_header=allowed)
    Answer(kept(app, options), make_environ(X_Allow_Reserved_Names="true"))
    assert ("HTTP_X_BACKEND_ALLOW_RESERVED_NAMES" in app.last) is allowed


def test_what_is_remembered_of_clients_names_is_bounded() -> None:
    app = Canned()
    filtered = kept(app)
    for start in range(0, 3 * KNOWN_LIMIT, 100):
        names = {f"X-Object-Meta-{start + n}": "v" for n in range(100)}
        app.headers = list(names.items())
        Answer(filtered, sent(names))
    assert len(filtered._harmless) <= KNOWN_LIMIT
    assert len(filtered._verdicts) <= KNOWN_LIMIT
    Answer(filtered, make_environ(X_Backend_Late="asked"))
    assert "asked" not in app.last.values()


def test_location_is_relative_only_when_a_filter_asked() -> None:
    def leave(environ: dict[str, object]) -> None:
        environ["swift.leave_relative_location"] = True

    headers = [("Location", "http://there:8080/v1/a/c?x=1")]
    assert Answer(kept(Canned(301, headers)), make_environ()).headers["location"] == headers[0][1]
    answer = Answer(kept(Canned(301, headers, then=leave)), make_environ())
    assert answer.headers["location"] == "/v1/a/c?x=1"
