"""Requests made to be read in two ways: one answer, then a close; what is hidden never runs.

Each attack is followed, inside what may be taken for its body or tail, by a request for /hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Start = Callable[..., Any]
_ANSWERS = re.compile(rb"HTTP/1\.1 [0-9]{3} ")
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"
CHUNKED_TAIL = b"0\r\n\r\n" + HIDDEN


class Seen:
    """An app that remembers what it was asked, and reads every body as far as it goes."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        self.paths.append(environ["PATH_INFO"])
        environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [b"ok"]


def post(headers: bytes, body: bytes = CHUNKED_TAIL) -> bytes:
    return b"POST /front HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n\r\n" + body


LENGTH = b"Content-Length: %d" % len(CHUNKED_TAIL)

ATTACKS = {
    "both": post(LENGTH + b"\r\nTransfer-Encoding: chunked"),
    "both, other order": post(b"Transfer-Encoding: chunked\r\n" + LENGTH),
    "both, length 0": post(b"Content-Length: 0\r\nTransfer-Encoding: chunked"),
    "length and unknown coding": post(LENGTH + b"\r\nTransfer-Encoding: x"),
    "length and empty coding": post(LENGTH + b"\r\nTransfer-Encoding:"),
    "length and identity": post(LENGTH + b"\r\nTransfer-Encoding: identity"),
    "identity": post(b"Transfer-Encoding: identity"),
    "unknown coding": post(b"Transfer-Encoding: x"),
    "coding list ends in chunked": post(b"Transfer-Encoding: gzip, chunked"),
    "coding list begins with chunked": post(b"Transfer-Encoding: chunked, identity"),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked"),
    "two codings": post(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
    "two codings, other order": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
    "chunked in two headers": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    "xchunked": post(b"Transfer-Encoding: xchunked"),
    "quoted chunked": post(b'Transfer-Encoding: "chunked"'),
    "vertical tab chunked": post(b"Transfer-Encoding: \x0bchunked"),
    "form feed chunked": post(b"Transfer-Encoding: \x0cchunked"),
    "chunked and NUL": post(b"Transfer-Encoding: chunked\x00"),
    "chunked and high byte": post(b"Transfer-Encoding: chunked\xa0"),
    "bare CR before coding": post(b"X: y\rTransfer-Encoding: chunked"),
    "bare LF before coding": post(b"X: y\nTransfer-Encoding: chunked"),
    "bare CR in coding": post(b"Transfer-Encoding: chu\rnked"),
    "folded coding": post(b"Transfer-Encoding:\r\n chunked"),
    "folded with tab": post(b"Transfer-Encoding:\r\n\tchunked"),
    "folded away": post(b"X: y\r\n Transfer-Encoding: chunked"),
    "space before colon": post(b"Transfer-Encoding : chunked"),
    "tab before colon": post(b"Transfer-Encoding\t: chunked"),
    "space before name": post(b" Transfer-Encoding: chunked"),
    "control in name": post(b"Transfer\x0b-Encoding: chunked"),
    "NUL in name": post(b"Transfer-Encoding\x00: chunked"),
    "underscore coding": post(b"Transfer_Encoding: chunked"),
    "underscore coding and length": post(LENGTH + b"\r\nTransfer_Encoding: chunked"),
    "no colon": post(b"Transfer-Encoding chunked"),
    "two lengths": post(b"Content-Length: 0\r\n" + LENGTH),
    "two lengths, other order": post(LENGTH + b"\r\nContent-Length: 0"),
    "equal lengths": post(LENGTH + b"\r\n" + LENGTH),
    "length list": post(b"Content-Length: 0, %d" % len(CHUNKED_TAIL)),
    "equal length list": post(b"Content-Length: 0, 0"),
    "underscore length": post(b"Content_Length: %d" % len(CHUNKED_TAIL)),
    "both spellings of length": post(b"Content-Length: 0\r\nContent_Length: 5"),
    "plus length": post(b"Content-Length: +0"),
    "minus length": post(b"Content-Length: -5"),
    "minus zero": post(b"Content-Length: -0"),
    "hex length": post(b"Content-Length: 0x0"),
    "float length": post(b"Content-Length: 0.0"),
    "exponent length": post(b"Content-Length: 0e1"),
    "underscored digits": post(b"Content-Length: 0_0"),
    "inner space length": post(b"Content-Length: 0 0"),
    "empty length": post(b"Content-Length:"),
    "superscript length": post(b"Content-Length: \xc2\xb2"),
    "latin superscript length": post(b"Content-Length: \xb2"),
    "huge length": post(b"Content-Length: " + b"9" * 30),
    "enormous length": post(b"Content-Length: " + b"9" * 5000),
    "length and NUL": post(b"Content-Length: 0\x00"),
    "folded length": post(b"Content-Length:\r\n 0"),
    "space before length's colon": post(b"Content-Length : 0"),
    "chunk size with plus": post(b"Transfer-Encoding: chunked", b"+0\r\n\r\n" + HIDDEN),
    "chunk size with 0x": post(b"Transfer-Encoding: chunked", b"0x0\r\n\r\n" + HIDDEN),
    "chunk size with minus": post(b"Transfer-Encoding: chunked", b"-0\r\n\r\n" + HIDDEN),
    "chunk size with space": post(b"Transfer-Encoding: chunked", b"0 \r\n\r\n" + HIDDEN),
    "chunk size after space": post(b"Transfer-Encoding: chunked", b" 0\r\n\r\n" + HIDDEN),
    "chunk size underscored": post(b"Transfer-Encoding: chunked", b"0_0\r\n\r\n" + HIDDEN),
    "chunk size empty": post(b"Transfer-Encoding: chunked", b"\r\n\r\n" + HIDDEN),
    "chunk size no hex": post(b"Transfer-Encoding: chunked", b"g\r\n\r\n" + HIDDEN),
    "chunk size overflow": post(
        b"Transfer-Encoding: chunked", b"10000000000000000\r\n\r\n" + HIDDEN
    ),
    "chunk size ends in LF": post(b"Transfer-Encoding: chunked", b"0\n\n" + HIDDEN),
    "chunk size ends in CR": post(b"Transfer-Encoding: chunked", b"0\r\r\n" + HIDDEN),
    "LF in chunk extension": post(b"Transfer-Encoding: chunked", b"0;a\n\r\n" + HIDDEN),
    "CR in chunk extension": post(b"Transfer-Encoding: chunked", b"5;\rx\r\nabcde\r\n0\r\n\r\n"),
    "NUL in chunk extension": post(b"Transfer-Encoding: chunked", b"0;\x00\r\n\r\n" + HIDDEN),
    "endless chunk extension": post(b"Transfer-Encoding: chunked", b"0;" + b"a" * 9000),
    "chunk longer than its size": post(
        b"Transfer-Encoding: chunked", b"1\r\nabc\r\n0\r\n\r\n" + HIDDEN
    ),
    "chunk data ends in LF": post(b"Transfer-Encoding: chunked", b"1\r\na\n0\r\n\r\n" + HIDDEN),
    "chunk data ends in XX": post(b"Transfer-Encoding: chunked", b"1\r\naXX0\r\n\r\n" + HIDDEN),
    "request as trailer": post(b"Transfer-Encoding: chunked", b"0\r\n" + HIDDEN),
    "trailer with LF": post(b"Transfer-Encoding: chunked", b"0\r\nX: y\n\r\n" + HIDDEN),
    "trailer with CR": post(b"Transfer-Encoding: chunked", b"0\r\nX: y\r\r\n\r\n" + HIDDEN),
    "folded trailer": post(b"Transfer-Encoding: chunked", b"0\r\n X: y\r\n\r\n" + HIDDEN),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked").replace(b"/1.1", b"/1.0", 1),
    "bare LF head": b"POST /front HTTP/1.1\nHost: h\nContent-Length: 0\n\n" + HIDDEN,
    "bare LF at the head's end": b"POST /front HTTP/1.1\r\nHost: h\r\n\n" + HIDDEN,
    "CR CR LF": b"POST /front HTTP/1.1\r\nHost: h\r\r\n\r\n" + HIDDEN,
    "CR in the request line": b"POST /front\r HTTP/1.1\r\nHost: h\r\n\r\n" + HIDDEN,
    "LF in the target": b"POST /front\nX: y HTTP/1.1\r\nHost: h\r\n\r\n" + HIDDEN,
    "space in the target": b"POST /front x HTTP/1.1\r\nHost: h\r\n\r\n" + HIDDEN,
    "tab in the target": b"POST /front\tx HTTP/1.1\r\nHost: h\r\n\r\n" + HIDDEN,
    "HTTP/0.9": b"GET /front\r\n\r\n" + HIDDEN,
    "two hosts": post(b"Host: g\r\nContent-Length: 0", HIDDEN),
    "no host": b"GET /front HTTP/1.1\r\n\r\n" + HIDDEN,
    "host with space": b"GET /front HTTP/1.1\r\nHost: h h\r\n\r\n" + HIDDEN,
    "unknown expectation": post(b"Expect: x\r\nContent-Length: 5", HIDDEN),
    "bad character in a name": post(b"X(y): z\r\nContent-Length: 0", HIDDEN),
    "no name": post(b": z\r\nContent-Length: 0", HIDDEN),
    "two line ends before": b"\r\n\r\n" + HIDDEN.replace(b"hidden", b"front") + HIDDEN,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_ambiguous_request_gets_one_refusal_and_a_close(start: Start, name: str) -> None:
    seen = Seen()
    server = start(seen)
    everything = server.client().send(ATTACKS[name]).rest()
    assert len(_ANSWERS.findall(everything)) == 1, everything
    head, _, body = everything.partition(b"\r\n\r\n")
    assert head[9:10] in (b"4", b"5")
    assert head[9:12] != b"500"
    assert b"\r\nConnection: close" in head
    assert body.rstrip().endswith((b".", b"'", b'"', b"chunked"))
    assert b"Traceback" not in body
    assert "/hidden" not in seen.paths
    assert server.log.lines == []


BODIES_THAT_LOOK_LIKE_REQUESTS = {
    "length": post(b"Content-Length: %d" % len(HIDDEN), HIDDEN),
    "chunks": post(b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
    "trailers": post(b"Transfer-Encoding: chunked", b"0\r\nGET: /hidden\r\nHost: h\r\n\r\n"),
    "extension": post(
        b"Transfer-Encoding: chunked", b'1;x="GET /hidden HTTP/1.1"\r\na\r\n0\r\n\r\n'
    ),
    "header": post(b"X: GET /hidden HTTP/1.1\r\nContent-Length: 0", b""),
    "dropped header": post(b"X_Y: GET /hidden HTTP/1.1\r\nContent-Length: 0", b""),
    "upper case coding": post(b"TRANSFER-ENCODING: CHUNKED", b"0\r\n\r\n"),
    "GET with a body": post(b"Content-Length: %d" % len(HIDDEN), HIDDEN).replace(b"POST", b"GET"),
}


@pytest.mark.parametrize("read_it", [True, False])
@pytest.mark.parametrize("name", BODIES_THAT_LOOK_LIKE_REQUESTS)
def test_a_body_is_never_taken_for_a_request(start: Start, name: str, read_it: bool) -> None:
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ["PATH_INFO"])
        if read_it:
            environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [b"ok"]

    after = b"GET /after HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    everything = start(app).client().send(BODIES_THAT_LOOK_LIKE_REQUESTS[name] + after).rest()
    assert everything.count(b"HTTP/1.1 200 OK") == 2
    assert seen == ["/front", "/after"]


def test_a_body_never_read_behind_an_expectation_closes(start: Start) -> None:
    seen = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ["PATH_INFO"])
        start_response("403 Forbidden", [])
        return [b"no"]

    raw = post(b"Expect: 100-continue\r\nContent-Length: %d" % len(HIDDEN), HIDDEN)
    everything = start(app).client().send(raw).rest()
    assert len(_ANSWERS.findall(everything)) == 1
    assert b"100 Continue" not in everything
    assert seen == ["/front"]


def test_what_follows_a_closing_request_is_not_carried_out(start: Start) -> None:
    seen = Seen()
    raw = b"GET /front HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + HIDDEN
    everything = start(seen).client().send(raw).rest()
    assert len(_ANSWERS.findall(everything)) == 1
    assert seen.paths == ["/front"]
