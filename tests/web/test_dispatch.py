from __future__ import annotations

import pytest

from swiftlite.vocab.errors import ClientBadFraming, ClientGone, ClientTooSlow
from swiftlite.web import Dispatcher, Refusal, Request, Response, refuse
from tests.web.environs import Answer, make_environ


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def exception(self, message: str, /) -> None:
        self.lines.append(message)


def get(request: Request) -> Response:
    return Response(200, None, b"got " + request.verb.encode())


def test_the_verb_picks_the_handler() -> None:
    app = Dispatcher({"GET": get}, log=Log())
    assert Answer(app, make_environ("GET")).body == b"got GET"


def test_an_unknown_verb_gets_405_and_the_list_of_known_ones() -> None:
    app = Dispatcher({"PUT": get, "GET": get}, log=Log())
    answer = Answer(app, make_environ("BREW"))
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, PUT"


def test_a_private_verb_does_not_exist_for_strangers() -> None:
    app = Dispatcher({"GET": get, "UPDATE": get}, log=Log(), private={"UPDATE"})
    stranger = Answer(app, make_environ("UPDATE"))
    assert (stranger.status, stranger.headers["allow"]) == (405, "GET")
    peer = make_environ("UPDATE", X_Backend_Allow_Private_Methods="true")
    assert Answer(app, peer).status == 200


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (Refusal(409), 409),
        (ClientGone(), 499),
        (ClientTooSlow(), 408),
        (ClientBadFraming("a chunk size that is no number"), 400),
    ],
)
def test_what_a_handler_raises_for_a_client_is_an_answer_and_no_log_line(
    raised: Exception, status: int
) -> None:
    def handler(_: Request) -> Response:
        raise raised

    log = Log()
    assert Answer(Dispatcher({"GET": handler}, log=log), make_environ()).status == status
    assert log.lines == []


def test_an_unexpected_error_is_a_500_and_logged_with_its_transaction() -> None:
    def handler(_: Request) -> Response:
        raise KeyError("x")

    log = Log()
    environ = {**make_environ(path="/a/b"), "swift.trans_id": "tx123"}
    answer = Answer(Dispatcher({"GET": handler}, log=log), environ)
    assert answer.status == 500
    assert "tx123" in log.lines[0]
    assert "KeyError" not in answer.body.decode()


def test_a_refusal_without_words_has_a_short_page() -> None:
    answer = Answer(Refusal(404).response(), make_environ())
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert answer.body.startswith(b"<html><h1>Not Found</h1><p>")


def test_a_refusal_with_words_is_plain_text() -> None:
    answer = Answer(Refusal(412, "Limit must be <= 5").response(), make_environ())
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.body == b"Limit must be <= 5"


def test_refuse_takes_headers_as_keywords() -> None:
    with pytest.raises(Refusal) as refusal:
        refuse(503, Retry_After="5")
    assert refusal.value.headers == {"Retry-After": "5"}
