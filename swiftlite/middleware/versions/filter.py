"""The filter of the older kind of versioning, chosen for a container by one of two headers.

X-Versions-Location: an overwritten object goes to the archive, a DELETE brings it back (a stack).
X-History-Location: what is overwritten or deleted goes there, with a mark for each DELETE.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.option import opt
from swiftlite.host.clock import Clock
from swiftlite.infocache import ContainerInfo, get_container_info
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.segments import object_path
from swiftlite.middleware.versions.archive import SOURCE, Archive
from swiftlite.middleware.versions.names import (
    HISTORY,
    LOCATION_HEADERS,
    STACK,
    SYS_LOCATION,
    SYS_MODE,
)
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import check_utf8, unquote_path, wsgi_to_text
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_preauthed, send
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp


@dataclass(frozen=True, slots=True)
class VersionedWritesOptions:
    SECTION = "filter:versioned_writes"
    allow_versioned_writes: bool = opt(False, "Let containers keep versions in another container.")


class VersionedWrites:
    """WSGI filter; objects of containers without an archive cost one look at their info."""

    def __init__(
        self, app: WsgiApp, options: VersionedWritesOptions, limits: Limits, *, clock: Clock
    ) -> None:
        self.app = app
        self.allowed = options.allow_versioned_writes
        self.limits = limits
        self.clock = clock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        segments = environ["PATH_INFO"].split("/", 4)
        if len(segments) < 4 or not segments[3]:
            return self.app(environ, start_response)
        of_object = len(segments) == 5 and bool(segments[4])
        if of_object and environ["REQUEST_METHOD"] not in ("PUT", "DELETE"):
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            if not of_object:
                return self._container(request)(environ, start_response)
            answer = self._object(request)
        except Refusal as refusal:
            answer = refusal.response()
        if answer is None:
            return self.app(environ, start_response)
        return answer(environ, start_response)

    def _container(self, request: Request) -> Response:
        """A container's request, its archive set and shown. Raises Refusal."""
        if request.verb in ("PUT", "POST"):
            self._keep_location(request)
        response = send(self.app, request)
        location = response.get_header(SYS_LOCATION)
        if location:
            mode = response.get_header(SYS_MODE) or STACK
            shown = LOCATION_HEADERS.get(mode, LOCATION_HEADERS[STACK])
            response.headerlist.append((shown, location))
        return response

    def _keep_location(self, request: Request) -> None:
        given = {mode: request.get_header(name) for mode, name in LOCATION_HEADERS.items()}
        removed = any(
            request.get_header("X-Remove-" + name.removeprefix("X-"))
            for name in LOCATION_HEADERS.values()
        )
        chosen = {mode: value for mode, value in given.items() if value}
        if len(chosen) > 1:
            raise Refusal(
                400, f"Only one of {' or '.join(LOCATION_HEADERS.values())} may be specified."
            )
        for name in LOCATION_HEADERS.values():
            request.set_header(name, None)
        for mode, value in chosen.items():
            if not self.allowed:
                raise Refusal(412, "Versioned Writes is disabled.")
            archive = unquote_path(wsgi_to_text(value))
            if "/" in archive or not check_utf8(archive):
                raise Refusal(412, f"{LOCATION_HEADERS[mode]} must be the name of a container.")
            request.set_header(SYS_LOCATION, value)
            request.set_header(SYS_MODE, mode)
        if not chosen and (removed or any(value == "" for value in given.values())):
            request.set_header(SYS_LOCATION, "")
            request.set_header(SYS_MODE, "")

    def _object(self, request: Request) -> Response | None:
        """The answer to a PUT or DELETE that was carried out here; None to let it through."""
        place = object_path(request)
        if place is None:
            return None
        info = get_container_info(request.environ, self.app, source=SOURCE)
        archive = self._archive_of(info)
        if archive is None:
            return None
        account_path, container, obj = place
        versions = Archive(
            self.app, request, account_path, container, obj, archive, self.limits, self.clock
        )
        versions.check_write_right()
        if request.verb == "PUT":
            versions.keep_current()
            return None
        if info.sysmeta.get("versions-mode", STACK) == HISTORY:
            versions.keep_current()
            versions.mark_deleted()
            return None
        consumed = versions.pop()
        if consumed is None:
            return None
        deletion = make_preauthed(request.environ, "DELETE", consumed, source=SOURCE)
        return send(self.app, deletion)

    def _archive_of(self, info: ContainerInfo) -> str | None:
        """The name of the archive, text. What was set before there was this filter still holds."""
        location = info.sysmeta.get("versions-location")
        if location:
            if not self.allowed:
                return None
        else:
            location = info.versions
        return unquote_path(location).split("/", 1)[0] or None if location else None


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(VersionedWritesOptions.SECTION, global_conf, local_conf)
    options = conf.options(VersionedWritesOptions)
    limits, clock = conf.cluster.limits, conf.host.clock
    if options.allow_versioned_writes:
        flags = [name.lower() for name in LOCATION_HEADERS.values()]
        register("versioned_writes", allowed_flags=flags)
    return lambda app: VersionedWrites(app, options, limits, clock=clock)
