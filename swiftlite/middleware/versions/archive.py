"""Moving versions between a container and its archive.

Whoever may write the object may have its versions moved; the archive is read and written with
the cluster's own rights. That right is asked for before anything is touched (CVE-2015-1856).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from swiftlite.host.clock import Clock
from swiftlite.infocache import get_container_info
from swiftlite.middleware.body_reader import BodyReader
from swiftlite.middleware.versions.names import (
    DELETED_TYPE,
    is_delete_marker,
    version_name,
    version_prefix,
)
from swiftlite.vocab.http_date import parse_http_date
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import quote_path, wsgi_to_text
from swiftlite.vocab.status import is_client_error, is_success
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request, environ_key
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_preauthed, read_small_body, send
from swiftlite.web.wsgi import WsgiApp

SOURCE = "VW"
LISTING_BYTES_MAX = 64 * 1024 * 1024
PAGE = 100
# Headers of a version's answer that the PUT of its copy makes itself.
_NOT_COPIED = frozenset(
    (
        "accept-ranges",
        "connection",
        "content-length",
        "content-range",
        "date",
        "last-modified",
        "transfer-encoding",
        "vary",
        "x-openstack-request-id",
        "x-timestamp",
        "x-trans-id",
    )
)


@dataclass(frozen=True, slots=True)
class Archive:
    """One object and the container that keeps its versions. account_path: `/v1/AUTH_x`, text."""

    app: WsgiApp
    request: Request
    account_path: str
    container: str
    obj: str
    archive: str
    limits: Limits
    clock: Clock

    @property
    def current(self) -> str:
        return f"{self.account_path}/{self.container}/{self.obj}"

    def path_of(self, version: str) -> str:
        return f"{self.account_path}/{self.archive}/{version}"

    def check_write_right(self) -> None:
        """Refusal when the client may not write the object's container."""
        authorize = self.request.environ.get("swift.authorize")
        if authorize is None:
            return
        info = get_container_info(self.request.environ, self.app, source=SOURCE)
        self.request.acl = info.write_acl
        denied: Response | None = authorize(self.request)
        if denied is not None:
            raise Denied(denied)

    def keep_current(self) -> None:
        """Copy what is there now to the archive; nothing when there is nothing."""
        found = self._get(self.current)
        if found.status_int == 404 or (
            is_success(found.status_int) and found.get_header("X-Object-Manifest")
        ):
            found.discard_body()  # what a manifest stands for is kept by its segments
            return
        self._check(found, "read")
        moment = _timestamp_of(found)
        self._put(self.path_of(version_name(self.obj, moment)), found)

    def mark_deleted(self) -> None:
        """Leave a mark in the archive that the object was deleted now."""
        moment = Timestamp.from_seconds(self.clock.wall())
        request = make_preauthed(
            self.request.environ,
            "PUT",
            self.path_of(version_name(self.obj, moment)),
            headers={"Content-Type": DELETED_TYPE},
            source=SOURCE,
        )
        response = send(self.app, request)
        response.discard_body()
        self._check(response, "marked")

    def pop(self) -> str | None:
        """Bring the newest version back; the path that is to be deleted for it.

        None: nothing was brought back, and the object itself is to be deleted.
        """
        rows = self._rows()
        for row in rows:
            name = str(row["name"])
            if not is_delete_marker(row.get("content_type")):
                if self._restore(name):
                    return self.path_of(name)
                continue
            if self._exists():
                return None  # to the state that the mark stands for
            for older in rows:
                if is_delete_marker(older.get("content_type")):
                    break
                if self._restore(str(older["name"])):
                    self._delete(self.path_of(str(older["name"])))
                    break
            return self.path_of(name)
        return None

    def _restore(self, version: str) -> bool:
        """Copy a version back; False when it is not there any more."""
        found = self._get(self.path_of(version))
        if found.status_int == 404:
            found.discard_body()
            return False
        self._check(found, "read")
        self._put(self.current, found)
        return True

    def _exists(self) -> bool:
        request = make_preauthed(
            self.request.environ,
            "HEAD",
            self.current,
            headers={"X-Newest": "True"},
            source=SOURCE,
        )
        response = send(self.app, request)
        response.discard_body()
        if response.status_int == 404:
            return False
        self._check(response, "read")
        return True

    def _delete(self, path: str) -> None:
        request = make_preauthed(self.request.environ, "DELETE", path, source=SOURCE)
        send(self.app, request).discard_body()

    def _get(self, path: str) -> Response:
        request = make_preauthed(
            self.request.environ,
            "GET",
            path,
            query="symlink=get",
            headers={"X-Newest": "True"},
            source=SOURCE,
        )
        response = send(self.app, request)
        length = response.get_header("Content-Length") or ""
        if is_success(response.status_int) and (
            not length.isdigit() or int(length) > self.limits.max_file_size
        ):
            response.discard_body()
            raise Refusal(413, "What is there now is too large to be kept as a version.")
        return response

    def _put(self, path: str, found: Response) -> None:
        """Store a body that was fetched, with all its metadata, under another name."""
        request = make_preauthed(self.request.environ, "PUT", path, source=SOURCE)
        environ = request.environ
        for name, value in found.headerlist:
            lower = name.lower()
            if lower not in _NOT_COPIED and not lower.startswith("x-backend-"):
                environ[environ_key(wsgi_to_text(name))] = value
        length = found.get_header("Content-Length") or "0"
        reader = BodyReader(found.app_iter, int(length))
        environ["wsgi.input"] = reader
        environ["CONTENT_LENGTH"] = length
        try:
            response = send(self.app, request)
        finally:
            reader.close()
        response.discard_body()
        if reader.broke is not None:
            raise Refusal(503, "A version could not be read to its end.")
        self._check(response, "stored")

    def _check(self, response: Response, what: str) -> None:
        """Refusal when a step failed: 412 when it is refused (mostly: there is no archive)."""
        status = response.status_int
        if is_success(status):
            return
        if is_client_error(status):
            archive = quote_path(self.archive)
            raise Refusal(412, f"A version could not be {what}; is there a container {archive}?")
        raise Refusal(503, f"A version could not be {what} just now.")

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Versions in the archive, the newest first."""
        prefix = quote_path(version_prefix(self.obj), safe="")
        marker = ""
        while True:
            query = f"format=json&reverse=on&limit={PAGE}&prefix={prefix}{marker}"
            request = make_preauthed(
                self.request.environ,
                "GET",
                f"{self.account_path}/{self.archive}",
                query=query,
                source=SOURCE,
            )
            response = send(self.app, request)
            if response.status_int == 404:
                response.discard_body()
                return
            if not is_success(response.status_int):
                response.discard_body()
                self._check(response, "listed")
            rows = json.loads(read_small_body(response, LISTING_BYTES_MAX) or b"[]")
            yield from rows
            if not rows:
                return
            marker = f"&marker={quote_path(str(rows[-1]['name']), safe='')}"


class Denied(Refusal):
    """A no of the authorise callback; carries its response."""

    def __init__(self, denial: Response) -> None:
        super().__init__(denial.status_int)
        self._denial = denial

    def response(self) -> Response:
        return self._denial


def _timestamp_of(found: Response) -> Timestamp:
    """When the current version was made: by its X-Timestamp, else by Last-Modified."""
    try:
        return Timestamp.from_text(found.get_header("X-Timestamp") or "")
    except ValueError:
        return Timestamp.from_seconds(parse_http_date(found.get_header("Last-Modified") or "") or 0)
