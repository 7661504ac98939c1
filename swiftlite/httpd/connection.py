"""One connection, from its first byte to its close: one task, many requests, one after the other.

What a client does wrong gets a sentence and a close; what an app does wrong gets logged, and the
client a 500 without any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from swiftlite.host.incoming import Incoming
from swiftlite.host.net import DeadlinePassed, PeerGone, Stream
from swiftlite.httpd.answer import Answer
from swiftlite.httpd.bodies import NO_BODY, Body, ChunkedInput, LengthBody, NoBody
from swiftlite.httpd.limits import HttpLimits
from swiftlite.httpd.wsgi import (
    App,
    DateLine,
    Environ,
    ServerLog,
    connection_environ,
    describe,
    plain_answer,
)
from swiftlite.protocols.http1.connection import client_keeps, expects_continue, may_use_again
from swiftlite.protocols.http1.errors import Malformed
from swiftlite.protocols.http1.framing import CHUNKED, request_body
from swiftlite.protocols.http1.heads import read_request_head
from swiftlite.protocols.http1.render import Unsendable, answer_head
from swiftlite.vocab.errors import ClientBadFraming, ClientFault, ClientGone, ClientTooSlow

_INTERNAL = "The server met an error. It has been logged."
_PIPELINED_IN_A_ROW = 16  # requests that were here already, then others get their turn
_BARE_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Service:
    """What all connections of a listener share."""

    def __init__(
        self,
        app: App,
        environ: Environ,
        *,
        limits: HttpLimits,
        log: ServerLog,
        date: DateLine,
        monotonic: Callable[[], float],
        let_others_run: Callable[[], None],
    ) -> None:
        self.app = app
        self.environ = environ
        self.limits = limits
        self.log = log
        self.date = date
        self.monotonic = monotonic
        self.let_others_run = let_others_run
        self.crowded = False  # somebody waits for a connection to end
        self.draining = False  # finish what has begun, take no further request


class Connection:
    """Serves a stream until either side has had enough of it; run() closes it."""

    __slots__ = (
        "_answer",
        "_body",
        "_environ",
        "_http11",
        "_incoming",
        "_keep",
        "_pipelined",
        "_served",
        "_service",
        "_waits_for_continue",
        "idle",
        "stream",
    )

    def __init__(self, service: Service, stream: Stream) -> None:
        self.stream = stream
        self.idle = True  # between two requests
        self._service = service
        self._incoming = Incoming(stream)
        self._environ = connection_environ(service.environ, stream, self.send_continue)
        self._body: Body | NoBody = NO_BODY
        self._answer: Answer | None = None
        self._http11 = True
        self._keep = True
        self._pipelined = 0  # requests since the last wait for one
        self._served = False  # a head has been read before
        self._waits_for_continue = False

    def run(self) -> None:
        try:
            while self._serve_one():
                pass
        except (PeerGone, DeadlinePassed):
            pass  # the client went away, or stopped taking its answer
        except Exception:
            self._service.log.exception("ERROR in the HTTP server itself")
        finally:
            self.stream.close()
            self._environ.clear()  # it holds us, by send_continue

    def _serve_one(self) -> bool:
        """One request and its answer; false when the connection is over."""
        environ = self._environ.copy()
        try:
            head = self._next_head()
            if head is None:
                return False
            self._read_head(head, environ)
        except Malformed as error:
            self._refuse(error.status, error.sentence)
            return False
        answer = Answer(
            self.stream,
            environ["REQUEST_METHOD"],
            self._http11,
            self._service.date,
            self._could_go_on,
        )
        self._call_app(environ, answer)
        if not answer.complete:
            return False
        return self._finish_request(answer)

    def _next_head(self) -> bytes | None:
        """Wait for the next request. None when the client leaves, or stays silent for too long."""
        service, stream = self._service, self.stream
        limits = service.limits
        incoming = self._incoming
        stream.idle_s = None
        if incoming.is_empty:
            self.idle = True
            pause = limits.keepalive_timeout if self._served else limits.head_timeout
            stream.deadline = service.monotonic() + pause
            try:
                if not incoming.peek():
                    return None
            except DeadlinePassed:
                return None
            self.idle = False
            self._pipelined = 0
        else:
            self._pipelined += 1
            if self._pipelined % _PIPELINED_IN_A_ROW == 0:
                service.let_others_run()
        head = incoming.head_that_is_here()
        if head is None:
            stream.deadline = service.monotonic() + limits.head_timeout
            try:
                head = incoming.head(limits.head.head_bytes)
            except DeadlinePassed:
                raise Malformed("The head of the request took too long.", 408) from None
        stream.deadline = None
        stream.idle_s = limits.client_timeout
        self._served = True
        return head

    def _read_head(self, head: bytes, environ: Environ) -> None:
        """Fill the environ and find out what follows the head. Raises Malformed."""
        http11 = self._http11 = read_request_head(head, environ, self._service.limits.head)
        get = environ.get
        length = request_body(get("HTTP_TRANSFER_ENCODING"), get("CONTENT_LENGTH"), http11)
        expect = get("HTTP_EXPECT")
        self._waits_for_continue = (
            expect is not None and expects_continue(http11, expect) and length != 0
        )
        before = self._bare_continue if self._waits_for_continue else None
        body: Body | NoBody
        if length == 0:
            body = NO_BODY
        elif length == CHUNKED:
            body = ChunkedInput(self._incoming, before)
        else:
            body = LengthBody(self._incoming, length, before)
        self._body = environ["wsgi.input"] = body
        self._keep = (
            client_keeps(http11, get("HTTP_CONNECTION"))
            and self._service.limits.keepalive_timeout > 0
        )

    def _call_app(self, environ: Environ, answer: Answer) -> None:
        service = self._service
        result: Iterable[bytes] = ()
        try:
            result = service.app(environ, answer.start_response)
            answer.send(result)
        except (PeerGone, DeadlinePassed) as error:
            if answer.head_sent:
                raise  # the client does not take its answer
            service.log.exception(f"ERROR {error!r} in {describe(environ, self.stream.peer)}")
            self._fail(answer, 500, _INTERNAL)
        except ClientGone:
            service.log.debug(f"client left during {describe(environ, self.stream.peer)}")
        except ClientTooSlow:
            self._fail(answer, 408, "The client took too long to send the request.")
        except ClientBadFraming as error:
            self._fail(answer, 400, error.message)
        except Exception:
            service.log.exception(f"ERROR in {describe(environ, self.stream.peer)}")
            self._fail(answer, 500, _INTERNAL)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        if answer.mistake:
            service.log.error(f"ERROR {answer.mistake}: {describe(environ, self.stream.peer)}")

    def _finish_request(self, answer: Answer) -> bool:
        """Deal with what the app has left unread; true if the connection goes on."""
        body = self._body
        if answer.closes or body.broken is not None:
            if body.left and not isinstance(body.broken, ClientGone):
                self._linger()
            return False
        if body.left:
            assert isinstance(body, Body)
            try:
                if not body.drain(self._service.limits.drain_bytes):
                    self._linger()
                    return False
            except ClientFault:
                return False
        return True

    def _could_go_on(self) -> bool:
        service, body = self._service, self._body
        left = body.left
        if service.draining or service.crowded or body.broken is not None:
            return False
        if not left:
            return self._keep
        return may_use_again(
            client_wants=self._keep,
            body_left=left,
            drain_max=service.limits.drain_bytes,
            waits_for_continue=self._waits_for_continue,
        )

    def _fail(self, answer: Answer, status: int, sentence: str) -> None:
        """Answer in the app's place, if nothing of its own has been sent."""
        if answer.head_sent:
            return
        self._keep = False
        line, headers, body = plain_answer(status, sentence)
        failed = Answer(self.stream, "GET", self._http11, self._service.date, self._could_go_on)
        failed.start_response(line, headers)
        failed.send([body])
        answer.head_sent = answer.complete = answer.closes = True

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer what could not be read as a request, and close."""
        line, headers, body = plain_answer(status, sentence)
        own = f"{self._service.date()}Connection: close\r\n\r\n"
        self.stream.deadline = self._service.monotonic() + self._service.limits.linger_timeout
        self.stream.send_all(answer_head(line, headers, own) + body)
        self._linger()

    def _linger(self) -> None:
        """Let the client read its answer: a close with unread bytes would destroy it."""
        stream = self.stream
        stream.shutdown_sending()
        stream.deadline = self._service.monotonic() + self._service.limits.linger_timeout
        while stream.recv(65536):
            pass

    # 100 Continue

    def _bare_continue(self) -> None:
        if self._waits_for_continue:
            self._waits_for_continue = False
            self.stream.send_all(_BARE_CONTINUE)

    def send_continue(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        """environ["swiftlite.continue"]: send a 100 with these headers, any number of times.

        Raises Unsendable for headers with control characters, ClientGone and ClientTooSlow.
        """
        self._waits_for_continue = False
        head = answer_head("100 Continue", headers, "\r\n")
        try:
            self.stream.send_all(head)
        except PeerGone:
            raise ClientGone("The client closed the connection.") from None
        except DeadlinePassed:
            raise ClientTooSlow("The client takes nothing.") from None


__all__ = ["Connection", "Service", "Unsendable"]
