"""Access lines: one per request, with every field, without any secret."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5, sha256
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.config.load import ConfError
from swiftlite.config.load import options as read_options
from swiftlite.host.net import PeerGone
from swiftlite.middleware.proxy_logging import ProxyLogging
from swiftlite.middleware.proxy_logging.filter import ProxyLoggingOptions
from swiftlite.middleware.proxy_logging.redact import redact_header, redact_query
from swiftlite.middleware.proxy_logging.template import (
    DEFAULT_TEMPLATE,
    NUMBERS,
    TEXTS,
    TIME_FORMS,
    TIMES,
)
from swiftlite.observe.log import Log
from swiftlite.web.subrequest import make_subrequest, send
from swiftlite.web.wsgi import Environ, StartResponse
from tests.middleware.parts import Canned, FakeStream, ListSink, SendingBody, SetClock
from tests.web.environs import Answer, make_environ

FIELDS = (
    "client_ip",
    "remote_addr",
    "datetime",
    "method",
    "path",
    "protocol",
    "status",
    "referer",
    "agent",
    "token",
    "recvd",
    "sent",
    "etag",
    "trans",
    "headers",
    "seconds",
    "source",
    "info",
    "start",
    "end",
    "policy",
)
SECRET = "s3cr3t" * 10


class ListStatsd:
    enabled = True

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []

    def timing(self, metric: str, seconds: float) -> None:
        self.told.append((metric, seconds))

    def count(self, metric: str, value: float) -> None:
        self.told.append((metric, value))


class Logged:
    """A proxy_logging over an app, and the lines it wrote."""

    def __init__(self, app: Any, **conf: str) -> None:  # noqa: ANN401  # any WSGI app
        self.sink = ListSink()
        self.clock = SetClock()
        self.statsd = ListStatsd()
        self.app = ProxyLogging(
            app,
            read_options(ProxyLoggingOptions, conf, where="test"),
            clock=self.clock,
            log=Log("proxy-server", sink=self.sink),
            statsd=self.statsd,  # type: ignore[arg-type]
        )

    def ask(self, *args: Any, **kwargs: Any) -> dict[str, str]:  # noqa: ANN401  # make_environ's
        """One request; the fields of its line."""
        Answer(self.app, make_environ(*args, **kwargs))
        return self.fields()

    def fields(self) -> dict[str, str]:
        assert len(self.sink.lines) == 1, self.sink.lines
        return dict(zip(FIELDS, self.sink.lines.pop().split(" ")[1:], strict=True))


def test_a_line_has_every_field() -> None:
    def mark(environ: Environ) -> None:
        environ["swift.log_info"] = ["one", "two x"]

    app = Canned(200, [("X-Backend-Storage-Policy-Index", "3")], [b"abc", b"de"], then=mark)
    logged = Logged(app)
    environ = make_environ(
        "GET",
        "/v1/AUTH_a/c/ö x".encode().decode("latin-1"),
        query="format=json&marker=a%20b",
        X_Forwarded_For="9.9.9.9, 8.8.8.8",
        Referer="http://from/x y",
        User_Agent="curl/7 (it)",
        X_Auth_Token="AUTH_tk" + "x" * 60,
        ETag='"etag"',
    )
    environ["REMOTE_ADDR"] = "1.2.3.4"
    environ["swift.trans_id"] = "tx0"
    environ["swift.source"] = "SLO"
    Answer(logged.app, environ)
    fields = logged.fields()
    assert fields == {
        "client_ip": "9.9.9.9",
        "remote_addr": "1.2.3.4",
        "datetime": "14/Nov/2023/22/13/20",
        "method": "GET",
        "path": "/v1/AUTH_a/c/%25C3%25B6%2520x%3Fformat%3Djson%26marker%3Da%2520b",
        "protocol": "HTTP/1.1",
        "status": "200",
        "referer": "http://from/x%20y",
        "agent": "curl/7%20%28it%29",
        "token": "AUTH_tk" + "x" * 9 + "...",
        "recvd": "0",
        "sent": "5",
        "etag": "%22etag%22",
        "trans": "tx0",
        "headers": "-",
        "seconds": "0.0000",
        "source": "SLO",
        "info": "one%2Ctwo%20x",
        "start": "1700000000.000000000",
        "end": "1700000000.000000000",
        "policy": "3",
    }
    assert unquote(fields["path"]) == "/v1/AUTH_a/c/%C3%B6%20x?format=json&marker=a%20b"


def test_a_line_of_an_empty_request_has_as_many_words() -> None:
    fields = Logged(Canned(204)).ask("GET", "/")
    assert fields["referer"] == fields["token"] == fields["policy"] == "-"
    assert (fields["status"], fields["sent"]) == ("204", "0")


@pytest.mark.parametrize(
    "text", ["a b", "a\nb", "a\r\nINJECTED", "\x00", "\x7f\x80\xff", "", "%", "'\"{}", "a" * 9000]
)
def test_no_text_of_a_client_breaks_a_line(text: str) -> None:
    fields = Logged(Canned(200, [], [b""])).ask(
        "GET",
        "/v1/" + text,
        query=text,
        User_Agent=text,
        Referer=text,
        ETag=text,
        X_Auth_Token=text,
    )
    assert set(fields) == set(FIELDS)
    assert unquote(fields["agent"], "latin-1") == (text or "-")


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_text_at_all_breaks_a_line(text: str) -> None:
    fields = Logged(Canned(200, [], [b""])).ask("GET", "/" + text, query=text, User_Agent=text)
    assert unquote(fields["agent"], "latin-1") in (text, "-")


# Once per request


def test_a_request_is_logged_by_the_left_one_and_subrequests_by_the_right_one() -> None:
    def between(environ: Environ, start: StartResponse) -> Any:  # noqa: ANN401  # WSGI
        sub = make_subrequest(environ, "HEAD", "/v1/a/c/sub", source="SLO")
        send(right.app, sub).discard_body()
        return right.app(environ, start)

    right = Logged(Canned(200, [], [b"x"]))
    left = Logged(between)
    fields = left.ask("GET", "/v1/a/c/o")
    assert fields["path"] == "/v1/a/c/o"
    fields = right.fields()
    assert (fields["path"], fields["source"], fields["method"]) == ("/v1/a/c/sub", "SLO", "HEAD")


def test_a_copy_is_logged_under_its_own_name() -> None:
    def run(environ: Environ) -> None:
        environ["swift.orig_req_method"] = "COPY"

    assert Logged(Canned(201, then=run)).ask("PUT", "/v1/a/c/o")["method"] == "COPY"


# Bodies


def running(*blocks: bytes) -> Iterator[bytes]:
    yield from blocks


def test_a_running_body_is_counted_and_logged_at_its_end() -> None:
    logged = Logged(Canned(200, [], running(b"abc", b"de")))
    body = iter(logged.app(make_environ(), lambda *_: None))
    assert next(body) == b"abc"
    assert not logged.sink.lines
    logged.clock.seconds += 2
    assert list(body) == [b"de"]
    fields = logged.fields()
    assert (fields["sent"], fields["status"], fields["seconds"]) == ("5", "200", "2.0000")


def test_a_client_that_leaves_is_a_499_with_what_it_got() -> None:
    logged = Logged(
        Canned(200, [], running(b"abc", b"de")),
        log_msg_template="{status_int} {wire_status_int} {bytes_sent}",
    )
    body: Any = logged.app(make_environ(), lambda *_: None)
    blocks = iter(body)
    next(blocks)
    body.close()
    blocks.close()
    assert logged.sink.lines == ["proxy-server: 499 200 3"]


def test_a_body_that_breaks_is_a_500_in_the_log() -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise OSError("backend")

    logged = Logged(Canned(200, [], broken()))
    with pytest.raises(OSError, match="backend"):
        list(logged.app(make_environ(), lambda *_: None))
    assert logged.fields()["status"] == "500"


def test_a_crash_is_logged_and_raised() -> None:
    def crash(_environ: Environ, _start: StartResponse) -> list[bytes]:
        raise RuntimeError("inside")

    logged = Logged(crash)
    with pytest.raises(RuntimeError):
        logged.app(make_environ(), lambda *_: None)
    assert logged.fields()["status"] == "500"


def test_a_body_that_sends_itself_still_does() -> None:
    sending = SendingBody([b"abc", b"de"])
    logged = Logged(Canned(200, [], sending))
    body: Any = logged.app(make_environ(), lambda *_: None)
    stream = FakeStream()
    assert body.send_to(stream) == 5
    body.close()
    assert (stream.sent, sending.used, sending.closed) == (b"abcde", "sent", 1)
    assert logged.fields()["sent"] == "5"


def test_a_client_that_leaves_a_sending_body_is_a_499() -> None:
    class Leaving(FakeStream):
        def send_all(self, data: bytes | memoryview, more: bool = False) -> None:
            raise PeerGone

    logged = Logged(Canned(200, [], SendingBody([b"abc"])))
    body: Any = logged.app(make_environ(), lambda *_: None)
    with pytest.raises(PeerGone):
        body.send_to(Leaving())
    body.close()
    assert logged.fields()["status"] == "499"


def test_a_ready_body_is_passed_on_as_it_is() -> None:
    ready = [b"abc"]
    logged = Logged(Canned(200, [], ready))
    assert logged.app(make_environ(), lambda *_: None) is ready


def test_a_body_that_nobody_wants_is_no_499() -> None:
    for method, status in (("HEAD", 200), ("GET", 304)):
        logged = Logged(Canned(status, [], running(b"abc")))
        body: Any = logged.app(make_environ(method), lambda *_: None)
        body.close()
        assert logged.fields()["status"] == str(status)


class Server:
    """wsgi.input as our own server gives it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    @property
    def left(self) -> int:
        return len(self.body)

    def read(self, size: int) -> bytes:
        block, self.body = self.body[:size], self.body[size:]
        return block


def test_what_was_received_is_counted() -> None:
    def reading(environ: Environ) -> None:
        environ["wsgi.input"].read(3)

    for source in (Server(b"abcde"), None):
        logged = Logged(Canned(201, then=reading))
        environ = make_environ("PUT", "/v1/a/c/o", body=b"abcde")
        if source:
            environ["wsgi.input"] = source
        Answer(logged.app, environ)
        assert logged.fields()["recvd"] == "3"
        if source:
            assert environ["wsgi.input"] is source, "our own body needs no wrapper"


def test_a_chunked_body_is_counted_however_it_is_read() -> None:
    def reading(environ: Environ) -> None:
        source = environ["wsgi.input"]
        source.read(2)
        source.readline()
        view = memoryview(bytearray(2))
        source.readinto(view)
        assert source.getvalue(), "what else the body has is still there"

    logged = Logged(Canned(201, then=reading))
    environ = make_environ("PUT", "/v1/a/c/o", body=b"abc\nde", Transfer_Encoding="chunked")
    del environ["CONTENT_LENGTH"]
    Answer(logged.app, environ)
    assert logged.fields()["recvd"] == "6"


# Secrets


@pytest.mark.parametrize(
    "query",
    [
        f"temp_url_sig={SECRET}&temp_url_expires=1",
        f"a=b&TEMP_URL_SIG={SECRET}",
        f"temp%5Furl%5fsig={SECRET}",
        f"%74%65mp_url_sig={SECRET}",
        f"X-Amz-Signature={SECRET}&x=y",
        f"x%2damz-signature={SECRET}",
        f"Signature={SECRET}",
        f"+signature={SECRET}",
        f"X-Amz-Security-Token={SECRET}",
        f"swiftinfo_sig={SECRET}",
        f"temp_url_sig={SECRET}&temp_url_sig={SECRET}",
        f"temp_url_sig=x={SECRET}",
    ],
)
def test_signatures_are_not_written_whole(query: str) -> None:
    for kwargs in ({"query": query}, {"Referer": f"http://x/y?{query}"}):
        fields = Logged(Canned()).ask("GET", "/v1/a/c/o", **kwargs)
        shown = unquote(unquote(" ".join(fields.values())))
        assert SECRET not in shown
        assert SECRET[:14] in shown
        assert SECRET[:17] not in shown


def test_other_parameters_are_shown_as_they_are() -> None:
    for query in ("prefix=sig&marker=%20&token", "a=b&c", "&&=", "signature", "temp_url_sig"):
        assert redact_query(query, 16) == query


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("X-Auth-Token", True),
        ("X-Storage-Token", True),
        ("X-Service-Token", True),
        ("Authorization", True),
        ("X-Container-Sync-Auth", True),
        ("X-Auth-Key", False),
        ("X-Storage-Pass", False),
        ("X-Container-Sync-Key", False),
        ("X-Account-Meta-Temp-Url-Key", False),
        ("X-Account-Meta-Temp-Url-Key-2", False),
        ("X-Container-Meta-Temp-URL-Key", False),
        ("Cookie", False),
    ],
)
def test_secret_headers_are_hidden_where_headers_are_logged(name: str, shown: bool) -> None:
    logged = Logged(Canned(), access_log_headers="true")
    fields = logged.ask("GET", "/", **{name.replace("-", "_"): SECRET, "Accept": "x/y"})
    headers = unquote(fields["headers"])
    assert "Accept: x/y" in headers
    assert SECRET[:17] not in headers
    assert (SECRET[:16] in headers) is shown
    assert redact_header(name, "short", 16) == "..."


def test_only_named_headers_are_logged() -> None:
    logged = Logged(Canned(), log_headers="yes", access_log_headers_only="accept, X-Other")
    fields = logged.ask("GET", "/", Accept="x/y", X_Auth_Token=SECRET, X_Third="3", X_Other="o")
    assert sorted(unquote(fields["headers"]).split("\n")) == ["Accept: x/y", "X-Other: o"]


@pytest.mark.parametrize(("prefix", "token"), [("0", "..."), ("4", "s3cr...")])
def test_how_much_is_shown_is_the_operators_choice(prefix: str, token: str) -> None:
    logged = Logged(Canned(), reveal_sensitive_prefix=prefix)
    assert logged.ask("GET", "/", X_Auth_Token=SECRET)["token"] == token


def test_a_short_token_is_not_shown_at_all() -> None:
    assert Logged(Canned()).ask("GET", "/", X_Auth_Token="short")["token"] == "..."


# Templates


def line(template: str, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401  # make_environ's
    conf = {key: kwargs.pop(key) for key in list(kwargs) if key.startswith("log_")}
    logged = Logged(Canned(200, [], [b""]), log_msg_template=template, **conf)
    Answer(logged.app, make_environ(*args, **kwargs))
    return logged.sink.lines[0].removeprefix("proxy-server: ")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{method} {path}", "GET /v1/AUTH_a/c/o/p"),
        ("{account}|{container}|{object}", "AUTH_a|c|o/p"),
        ("{domain}", "host:80"),
        ('it\'s "{method}" \\ \t{{literal}}', 'it\'s "GET" \\ \\t{literal}'),
        ("{start_time.iso8601}Z", "2023-11-14T22:13:20Z"),
        ("{start_time.s} {end_time.ms}", "1700000000 1700000000000"),
        ("{end_time.us} {end_time.ns}", "1700000000000000 1700000000000000000"),
        ("{start_time.asctime}", "Tue%20Nov%2014%2022:13:20%202023"),
        ("{account.anonymized}", "{MD5}" + md5(b"AUTH_a").hexdigest()),
        ("{source.anonymized}", "-"),
        ("", ""),
    ],
)
def test_templates(template: str, expected: str) -> None:
    assert line(template, "GET", "/v1/AUTH_a/c/o/p", Host="host:80") == expected


def test_anonymised_with_salt_and_another_digest() -> None:
    shown = line(
        "{account.anonymized}",
        "GET",
        "/v1/AUTH_a",
        log_anonymization_method="sha256",
        log_anonymization_salt="salt",
    )
    assert shown == "{SSHA256}" + sha256(b"saltAUTH_a").hexdigest()


def test_every_field_can_be_used() -> None:
    names = [*TEXTS, *NUMBERS, *TIMES, *(f"{text}.anonymized" for text in TEXTS)]
    names += [f"{time}.{form}" for time in TIMES for form in TIME_FORMS]
    for name in names:
        assert " " not in line(f"{{{name}}}", "GET", "/v1/a/c/o")
    assert "{client_ip}" in DEFAULT_TEMPLATE


@pytest.mark.parametrize(
    "template",
    [
        "{nothing}",
        "{}",
        "{0}",
        "{",
        "}",
        "{path",
        "{path!r}",
        "{path:>10}",
        "{path.nothing}",
        "{path.datetime}",
        "{status_int.anonymized}",
        "{start_time.anonymized}",
        "{entry.environ}",
        "{path.__class__}",
        "{__import__('os')}",
        "{path[0]}",
    ],
)
def test_a_template_of_unknown_fields_is_refused_at_start_up(template: str) -> None:
    with pytest.raises(ConfError, match="log_msg_template"):
        Logged(Canned(), log_msg_template=template)


def test_a_digest_that_python_lacks_is_refused_at_start_up() -> None:
    with pytest.raises(ConfError, match="log_anonymization_method"):
        Logged(Canned(), log_anonymization_method="rot13")


# Metrics


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/v1/a/c/o", "object.GET.200"),
        ("PUT", "/v1/a/c", "container.PUT.200"),
        ("HEAD", "/v1/a", "account.HEAD.200"),
        ("BREW", "/v1/a", "account.BAD_METHOD.200"),
        ("GET", "/info", "UNKNOWN.GET.200"),
    ],
)
def test_metrics_are_named_as_in_swift(method: str, path: str, name: str) -> None:
    logged = Logged(Canned(200, [], [b"abc"]))
    logged.ask(method, path)
    names = [metric for metric, _ in logged.statsd.told]
    first_byte = [f"{name}.first-byte.timing"] if ".GET." in name else []
    assert names == [f"{name}.timing", *first_byte, f"{name}.xfer"]
    assert logged.statsd.told[-1][1] == 3


def test_objects_are_counted_by_policy_too() -> None:
    logged = Logged(Canned(201, [("X-Backend-Storage-Policy-Index", "2")]))
    logged.ask("PUT", "/v1/a/c/o", body=b"abc")
    assert [metric for metric, _ in logged.statsd.told] == [
        "object.PUT.201.timing",
        "object.PUT.201.xfer",
        "object.policy.2.PUT.201.timing",
        "object.policy.2.PUT.201.xfer",
    ]
