"""Refusals: an answer that is raised, so that a handler reads as its good case.

A refusal with a message answers with that sentence in plain text; one without answers with a
short HTML page, as Swift does, because clients show the body to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NoReturn

from swiftlite.vocab.status import has_no_body, reason_of
from swiftlite.web.response import Response

_EXPLANATIONS = {
    301: "What you asked for has moved; follow the Location header.",
    400: "The server could not make sense of this request.",
    401: "This server could not verify that you may have what you asked for.",
    402: "Access was denied for financial reasons.",
    403: "You may not do this here.",
    404: "There is nothing here by this name.",
    405: "This method is not allowed here.",
    406: "The server has no form of this that you accept.",
    408: "The server waited too long for your request.",
    409: "This request conflicts with the state the resource is in.",
    410: "What was here is gone.",
    411: "A Content-Length header is needed.",
    412: "A precondition of this request does not hold.",
    413: "The body of your request is too large for this server.",
    414: "The request line is too long.",
    415: "This media type is not supported here.",
    416: "No part of the range you asked for is in this object.",
    417: "The expectation could not be met.",
    422: "The request was understood, but what it claims about itself is not true.",
    423: "The resource is locked.",
    498: "You have sent too many requests; slow down.",
    499: "The client went away before its request was complete.",
    500: "The server met an error it did not expect.",
    501: "This server does not know how to do that.",
    502: "A server behind this one gave an answer that could not be used.",
    503: "The server cannot do this just now. Please try again later.",
    504: "A server behind this one did not answer in time.",
    507: "There is no room to store this, or the device is not there.",
    529: "This server has too many requests to this device; try another or later.",
}


class Refusal(Exception):  # a refusal is an answer, not a fault
    """An answer other than the good one; `Dispatcher` turns it into a response.

    message: a sentence for the caller, or None for the standard page of the status.
    """

    def __init__(
        self, status: int, message: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers = dict(headers) if headers else {}

    def __str__(self) -> str:
        return f"{self.status} {self.message or reason_of(self.status)}"

    def response(self) -> Response:
        if self.message is None:
            return standard_answer(self.status, self.headers)
        headers = {"Content-Type": "text/plain; charset=UTF-8", **self.headers}
        return Response(self.status, headers, self.message)


def refuse(status: int, message: str | None = None, **headers: str) -> NoReturn:
    """Raise a Refusal; keywords become headers: refuse(405, Allow="GET, HEAD")."""
    raise Refusal(
        status, message, {name.replace("_", "-").title(): value for name, value in headers.items()}
    )


def standard_answer(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The bare answer of a status: Swift's short HTML page, or no body where none is due."""
    own = dict(headers) if headers else {}
    if has_no_body(status):
        return Response(status, own)
    explanation = _EXPLANATIONS.get(status)
    if explanation is None:
        body = "" if status < 300 else f"<html><h1>{escape(reason_of(status))}</h1></html>"
    else:
        body = f"<html><h1>{escape(reason_of(status))}</h1><p>{escape(explanation)}</p></html>"
    return Response(status, {"Content-Type": "text/html; charset=UTF-8", **own}, body)
