"""The outermost filter: names the transaction, and stands between any crash and the client.

Every answer carries X-Trans-Id. An exception below becomes a 500 whose body says nothing of the
inside. A body that is longer or shorter than its Content-Length never passes for a good one: it
is replaced by a 500 while the head is unsent, and breaks the connection afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import Any

from swiftlite.config.option import opt
from swiftlite.host.clock import Clock
from swiftlite.host.entropy import Entropy
from swiftlite.middleware.calling import call
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.observe.transaction import extended, new_id
from swiftlite.vocab.errors import ClientBadFraming, ClientFault, ClientTooSlow, SwiftliteError
from swiftlite.vocab.status import code_of, has_no_body
from swiftlite.web.dispatch import ErrorLog
from swiftlite.web.refusals import standard_answer
from swiftlite.web.response import close_body
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp


@dataclass(frozen=True, slots=True)
class CatchErrorsOptions:
    SECTION = "filter:catch_errors"
    trans_id_suffix: str = opt("", "Ends every transaction id, to tell clusters apart in logs.")


class BadResponseLength(SwiftliteError):
    """An app's body is not as long as its Content-Length; breaks the connection when raised."""


class CatchErrors:
    """WSGI filter; see the module's text."""

    def __init__(
        self,
        app: WsgiApp,
        options: CatchErrorsOptions,
        *,
        clock: Clock,
        entropy: Entropy,
        log: ErrorLog,
    ) -> None:
        self.app = app
        self.suffix = options.trans_id_suffix
        self.clock = clock
        self.entropy = entropy
        self.log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        trans_id = new_id(self.entropy, self.clock, self.suffix)
        if "HTTP_X_TRANS_ID_EXTRA" in environ:
            trans_id = extended(trans_id, environ["HTTP_X_TRANS_ID_EXTRA"])
        environ["swift.trans_id"] = trans_id
        try:
            status, headers, body = call(self.app, environ)
            headers, length = _told_length(headers)
            body = _exact(environ["REQUEST_METHOD"], code_of(status), length, body)
        except ClientFault as fault:
            return _client_fault(fault, trans_id)(environ, start_response)
        except Exception:
            # The edge of the pipeline: one request must not take the worker with it.
            self.log.exception(
                f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')} ({trans_id})"
            )
            return _crash(trans_id)(environ, start_response)
        start_response(
            status, [*headers, ("X-Trans-Id", trans_id), ("X-Openstack-Request-Id", trans_id)]
        )
        return body


class _Kinds(dict[str, int]):
    """Header name to what it is here: _LENGTH, _ID, or 0 for all others. Bounded."""

    LIMIT = 4096

    def __missing__(self, name: str) -> int:
        kind = _KINDS.get(name.lower(), 0)
        if len(self) < self.LIMIT:
            self[name] = kind
        return kind


_LENGTH, _ID = 1, 2
_KINDS = {"content-length": _LENGTH, "x-trans-id": _ID, "x-openstack-request-id": _ID}
_kind_of = _Kinds().__getitem__  # of a dict's subclass, [] takes a detour
_name_of = itemgetter(0)


def _told_length(headers: HeaderList) -> tuple[HeaderList, int | None]:
    """The headers without transaction ids of somebody else's, and Content-Length."""
    length = None
    others = False
    for name, value in compress(headers, map(_kind_of, map(_name_of, headers))):
        if _kind_of(name) == _LENGTH:
            length = int(value)
        else:
            others = True
    if others:
        headers = [item for item in headers if _kind_of(item[0]) != _ID]
    return headers, length


def _exact(verb: str, status: int, length: int | None, body: Iterable[bytes]) -> Iterable[bytes]:
    """The body, or one that raises BadResponseLength when it is not of its length."""
    if verb == "HEAD" or has_no_body(status):
        close_body(body)
        return ()
    if length is None:
        return body
    if isinstance(body, (list, tuple)):
        if (size := sum(map(len, body))) != length:
            raise BadResponseLength(f"a body of {size} bytes is announced as {length}")
        return body
    if hasattr(body, "send_to"):
        return _MeasuredSender(body, length)
    return _Measured(body, length)


class _Measured:
    """An iterable body that is checked against its length while it goes out."""

    def __init__(self, body: Iterable[bytes], length: int) -> None:
        self._body = body
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        for block in self._body:
            self._left -= len(block)
            if self._left < 0:
                raise BadResponseLength(f"a body is {-self._left} bytes or more too long")
            yield block
        if self._left:
            raise BadResponseLength(f"a body is {self._left} bytes too short")

    def close(self) -> None:
        close_body(self._body)


class _MeasuredSender(_Measured):
    """The same for a body that sends itself (host.net.SelfSending)."""

    def send_to(self, stream: Any) -> int:  # noqa: ANN401  # a host.net.Stream
        sent: int = self._body.send_to(stream)  # type: ignore[attr-defined]  # it has one
        if sent != self._left:
            raise BadResponseLength(f"a body has {sent} bytes instead of {self._left}")
        return sent


def _crash(trans_id: str) -> WsgiApp:
    answer = standard_answer(500, {"Content-Type": "text/plain", **_ids(trans_id)})
    answer.body = b"An error occurred"
    return answer


def _client_fault(fault: ClientFault, trans_id: str) -> WsgiApp:
    status = 499
    if isinstance(fault, ClientTooSlow):
        status = 408
    elif isinstance(fault, ClientBadFraming):
        status = 400
    return standard_answer(status, {"Connection": "close", **_ids(trans_id)})


def _ids(trans_id: str) -> dict[str, str]:
    return {"X-Trans-Id": trans_id, "X-Openstack-Request-Id": trans_id}


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf("filter:catch_errors", global_conf, local_conf)
    options = conf.options(CatchErrorsOptions)
    host, log = conf.host, conf.log()
    return lambda app: CatchErrors(app, options, clock=host.clock, entropy=host.entropy, log=log)
