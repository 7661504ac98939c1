"""From a WSGI call to a handler by verb, and from whatever the handler raises to an answer.

The one place in a server where an unexpected exception ends: it is logged with its transaction
id and the client gets a 500. Blame is in the type: a refusal is the handler's answer, a Client*
error is the client's doing, everything else is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from swiftlite.vocab.errors import ClientBadFraming, ClientGone, ClientTooSlow
from swiftlite.web.refusals import Refusal, standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse

Handler = Callable[[Request], Response]


class ErrorLog(Protocol):
    """The part of a log that a dispatcher needs."""

    def exception(self, message: str, /) -> None: ...


class Dispatcher:
    """A WSGI app over handlers by verb.

    private: verbs that only a peer may use, who says so by X-Backend-Allow-Private-Methods;
    for everybody else they do not exist (405, and not in Allow).
    """

    def __init__(
        self,
        methods: Mapping[str, Handler],
        *,
        log: ErrorLog,
        private: Collection[str] = (),
    ) -> None:
        self.methods = dict(methods)
        self.private = frozenset(private)
        self.log = log
        self.allow = ", ".join(sorted(verb for verb in self.methods if verb not in self.private))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        """The response to a request; raises nothing that is an Exception."""
        verb = request.environ["REQUEST_METHOD"]
        handler = self.methods.get(verb)
        if handler is None or (verb in self.private and not _may_use_private(request)):
            return standard_answer(405, {"Allow": self.allow})
        return guarded(handler, request, self.log)


def guarded(handler: Handler, request: Request, log: ErrorLog) -> Response:
    """Run a handler; every exception becomes an answer."""
    try:
        return handler(request)
    except Refusal as refusal:
        return refusal.response()
    except ClientGone:
        return standard_answer(499)
    except ClientTooSlow:
        return standard_answer(408, {"Connection": "close"})
    except ClientBadFraming as error:
        return Refusal(400, str(error), {"Connection": "close"}).response()
    except Exception:
        # The loop's edge: one request must not take the worker with it.
        log.exception(f"{request.verb} {request.environ.get('PATH_INFO')} ({request.trans_id})")
        return standard_answer(500)


def _may_use_private(request: Request) -> bool:
    return request.true_header("X-Backend-Allow-Private-Methods")
