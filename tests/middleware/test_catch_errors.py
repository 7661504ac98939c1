"""Transaction ids on every answer; crashes and wrong lengths never look like good answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from swiftlite.middleware.catch_errors import BadResponseLength, CatchErrors, CatchErrorsOptions
from swiftlite.vocab.errors import ClientBadFraming, ClientGone, ClientTooSlow
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp
from tests.middleware.parts import (
    Canned,
    CountedEntropy,
    FakeStream,
    ListLog,
    SendingBody,
    SetClock,
)
from tests.web.environs import Answer, make_environ


def guarded(app: WsgiApp, log: ListLog | None = None, suffix: str = "") -> CatchErrors:
    return CatchErrors(
        app,
        CatchErrorsOptions(trans_id_suffix=suffix),
        clock=SetClock(),
        entropy=CountedEntropy(),
        log=log or ListLog(),
    )


def blocks(*data: bytes) -> Iterator[bytes]:
    yield from data


def test_an_answer_carries_the_id_under_which_the_app_ran() -> None:
    app = Canned()
    answer = Answer(guarded(app), make_environ())
    assert answer.headers["x-trans-id"] == app.last["swift.trans_id"]
    assert answer.headers["x-openstack-request-id"] == app.last["swift.trans_id"]
    assert app.last["swift.trans_id"].startswith("tx")


def test_two_requests_have_two_ids() -> None:
    filtered = guarded(Canned())
    first, second = (Answer(filtered, make_environ()) for _ in range(2))
    assert first.headers["x-trans-id"] != second.headers["x-trans-id"]


def test_suffix_and_the_clients_extra_end_the_id() -> None:
    answer = Answer(
        guarded(Canned(), suffix="-here"), make_environ(X_Trans_Id_Extra="mine \r\n" + "x" * 100)
    )
    trans_id = answer.headers["x-trans-id"]
    assert trans_id.endswith("-here-mine%20%0D%0A" + "x" * 25)


def test_an_id_that_the_app_sets_itself_is_replaced() -> None:
    app = Canned(headers=[("x-trans-id", "old"), ("X-OpenStack-Request-ID", "old")])
    started: list[list[tuple[str, str]]] = []
    list(guarded(app)(make_environ(), lambda _status, headers: started.append(headers)))
    names = [name.lower() for name, _ in started[0]]
    assert names.count("x-trans-id") == names.count("x-openstack-request-id") == 1
    assert "old" not in dict(started[0]).values()


def test_a_crash_is_a_500_that_tells_nothing() -> None:
    def crash(_environ: Environ, _start: StartResponse) -> Iterable[bytes]:
        raise RuntimeError("secret /path/inside")

    log = ListLog()
    answer = Answer(guarded(crash, log), make_environ())
    assert answer.status == 500
    assert answer.headers["x-trans-id"].startswith("tx")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert answer.headers["content-length"] == str(len(answer.body))
    assert [level for level, _ in log.lines] == ["exception"]
    assert answer.headers["x-trans-id"] in log.text()


def test_a_crash_in_a_lazy_app_is_a_500_too() -> None:
    def lazy(_environ: Environ, start: StartResponse) -> Iterable[bytes]:
        yield from blocks()
        raise RuntimeError("later")

    assert Answer(guarded(lazy), make_environ()).status == 500


def test_an_app_that_starts_late_loses_no_block() -> None:
    def late(_environ: Environ, start: StartResponse) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "4")])
        yield b"ab"
        yield b"cd"

    assert Answer(guarded(late), make_environ()).body == b"abcd"


@pytest.mark.parametrize(
    ("fault", "status"),
    [(ClientGone(), 499), (ClientTooSlow(), 408), (ClientBadFraming("bad chunk"), 400)],
)
def test_a_clients_own_fault_is_no_server_error(fault: Exception, status: int) -> None:
    def fail(_environ: Environ, _start: StartResponse) -> Iterable[bytes]:
        raise fault

    log = ListLog()
    answer = Answer(guarded(fail, log), make_environ("PUT"))
    assert answer.status == status
    assert answer.headers["x-trans-id"].startswith("tx")
    assert not log.lines


@pytest.mark.parametrize("length", ["3", "5"])
def test_a_ready_body_of_the_wrong_length_becomes_a_500(length: str) -> None:
    answer = Answer(
        guarded(Canned(headers=[("Content-Length", length)], body=[b"four"])), make_environ()
    )
    assert answer.status == 500
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("length", ["3", "5"])
def test_a_running_body_of_the_wrong_length_breaks_the_connection(length: str) -> None:
    app = Canned(headers=[("content-length", length)], body=blocks(b"fo", b"ur"))
    body = guarded(app)(make_environ(), lambda *_: None)
    with pytest.raises(BadResponseLength):
        b"".join(body)


def test_no_byte_beyond_the_length_goes_out() -> None:
    app = Canned(headers=[("Content-Length", "2")], body=blocks(b"fo", b"ur"))
    body = iter(guarded(app)(make_environ(), lambda *_: None))
    assert next(body) == b"fo"
    with pytest.raises(BadResponseLength):
        next(body)


def test_a_body_that_sends_itself_still_does_and_is_measured() -> None:
    sending = SendingBody([b"fo", b"ur"])
    app = Canned(headers=[("Content-Length", "4")], body=sending)
    body = guarded(app)(make_environ(), lambda *_: None)
    stream = FakeStream()
    assert body.send_to(stream) == 4  # type: ignore[attr-defined]
    assert (stream.sent, sending.used) == (b"four", "sent")
    body.close()  # type: ignore[attr-defined]
    assert sending.closed == 1

    app.headers = [("Content-Length", "5")]
    with pytest.raises(BadResponseLength):
        guarded(app)(make_environ(), lambda *_: None).send_to(stream)  # type: ignore[attr-defined]


def test_head_and_204_send_no_body() -> None:
    for method, status in (("HEAD", 200), ("GET", 204)):
        body = SendingBody([b"four"])
        app = Canned(status, [("Content-Length", "4")], body)
        answer = Answer(guarded(app), make_environ(method))
        assert (answer.status, answer.body, body.closed) == (status, b"", 1)
