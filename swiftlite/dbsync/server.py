"""The frame of a server of databases: errors to answers, a line per request, OPTIONS.

Account and container servers are this with their own verbs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swiftlite import __version__
from swiftlite.cluster.conf import ClusterConf
from swiftlite.dbstore.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseMissing,
    DatabaseReplaced,
    DeviceFull,
    DeviceUnusable,
    MetadataRefused,
)
from swiftlite.host.bundle import Host
from swiftlite.observe.log import Log
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.dispatch import Dispatcher, Handler
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.server_log import request_line
from swiftlite.web.wsgi import Environ, StartResponse

REFUSAL: tuple[tuple[type[DatabaseError], int], ...] = (
    (DatabaseMissing, 404),
    (DeviceFull, 507),
    (DeviceUnusable, 507),
    (DatabaseBusy, 503),
    (DatabaseReplaced, 503),
    (DatabaseDamaged, 503),
)
"""What a peer hears of an error; metadata refused is 400 with its sentence."""


class DatabaseServer:
    """A WSGI app over handlers by verb. name: `account-server`."""

    def __init__(
        self,
        name: str,
        host: Host,
        conf: ClusterConf,
        log: Log,
        verbs: Mapping[str, Handler],
        *,
        log_requests: bool,
    ) -> None:
        self.name = name
        self.conf = conf
        self.log = log
        self._clock = host.clock
        self._log_requests = log_requests
        handlers = {verb: self._answering(handler) for verb, handler in verbs.items()}
        handlers["OPTIONS"] = self._options
        self._dispatcher = Dispatcher(handlers, log=log)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        begun = self._clock.monotonic()
        request = Request(environ)
        response = self._dispatcher.answer(request)
        self.finish(request, response)
        if self._log_requests:
            seconds = self._clock.monotonic() - begun
            self.log.info(request_line(request, response, seconds, self._clock.wall()))
        return response(environ, start_response)

    def finish(self, request: Request, response: Response) -> None:
        """Add to an answer what every answer of the server has."""

    def now(self) -> Timestamp:
        return Timestamp.from_seconds(self._clock.wall())

    def _answering(self, handler: Handler) -> Handler:
        """Translate the database room's errors, once, here."""

        def answer(request: Request) -> Response:
            try:
                return handler(request)
            except MetadataRefused as error:
                raise Refusal(400, error.detail) from error
            except DatabaseError as error:
                status = _status_of(error)
                if status is None:
                    raise
                if status != 404:
                    self.log.warning(f"{request.verb}: {type(error).__name__}: {error}")
                raise Refusal(status) from error

        return answer

    def _options(self, _request: Request) -> Response:
        server = f"{self.name}/{__version__}"
        return Response(200, {"Allow": self._dispatcher.allow, "Server": server})


def _status_of(error: DatabaseError) -> int | None:
    return next((status for kind, status in REFUSAL if isinstance(error, kind)), None)
