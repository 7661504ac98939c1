"""Storing the files of an archive as objects, while the archive arrives."""

from __future__ import annotations

from collections.abc import Mapping

from swiftlite.host.bundle import Host
from swiftlite.middleware.block_input import BlockInput
from swiftlite.middleware.bulk.options import BulkOptions
from swiftlite.middleware.bulk.report import Report
from swiftlite.middleware.bulk.tar import ArchiveInvalid, Member, TarStream
from swiftlite.vocab.errors import ClientGone
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import check_utf8, quote_path, text_to_wsgi
from swiftlite.vocab.status import is_success
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_subrequest, send
from swiftlite.web.wsgi import WsgiApp

SOURCE = "EA"
AGENT = "%(orig)s BulkExtract"
CREATED = "Number Files Created"
_KEPT_HEADERS = ("X-Delete-At", "X-Delete-After", "X-Auth-Token", "X-Service-Token")
_SKIP_BYTES = 1 << 20  # skipped at once before others have their turn


class Stop(Exception):
    """The rest of the archive is left alone; the report says why."""


class Extraction:
    """One archive being stored below `/v1/AUTH_x[/container[/prefix]]`."""

    def __init__(
        self,
        app: WsgiApp,
        request: Request,
        account_path: str,
        base: str,
        options: BulkOptions,
        limits: Limits,
        host: Host,
    ) -> None:
        """base: text in front of every name, `container` or `container/prefix`; may be empty."""
        self.report = Report(counts={CREATED: 0}, status=201)
        self._app = app
        self._request = request
        self._account_path = account_path
        self._base = base.strip("/")
        self._options = options
        self._limits = limits
        self._host = host
        self._containers: set[str] = set()
        self._made = 0
        passed = {name: request.get_header(name) for name in _KEPT_HEADERS}
        self._headers = {name: value for name, value in passed.items() if value is not None}

    def run(self, archive: TarStream) -> Report:
        """Store what there is. Raises what reading the client's body raises."""
        report = self.report
        try:
            while (member := archive.next()) is not None:
                if member.is_file or member.is_sparse:
                    self._take(member, archive)
                self._skip(archive)
        except Stop:
            return report
        except ArchiveInvalid as error:
            report.status = 400
            report.body = f"Invalid Tar File: {error}"
            return report
        if not report.errors and not report.counts[CREATED]:
            report.status = 400
            report.body = "Invalid Tar File: No Valid Files"
        return report

    def _take(self, member: Member, archive: TarStream) -> None:
        name = member.name.removeprefix("./").lstrip("/")
        if self._base:
            name = f"{self._base}/{name}"
        container, slash, obj = name.partition("/")
        if not slash or not obj or not container:
            return  # a file that is in no container is left out, as Swift does
        shown = quote_path(name)
        problem = self._problem_of(member, name, container, obj)
        if problem is not None:
            self._fail(shown, problem)
            if problem == 413:
                self.report.body = f"{shown} is longer than an object may be; stopped there."
                raise Stop
            return
        if container not in self._containers:
            self._make_container(container, shown)
        status = self._put(f"/{name}", member, archive)
        if is_success(status):
            self.report.counts[CREATED] += 1
        else:
            self._fail(shown, status)
            if status == 401:
                self.report.status = 401
                raise Stop

    def _problem_of(self, member: Member, name: str, container: str, obj: str) -> int | str | None:
        if not check_utf8(name):
            return 412
        if member.is_sparse:
            return "400 Sparse files are not extracted"
        if len(container.encode()) > self._limits.max_container_name_length:
            return 400
        if len(obj.encode()) > self._limits.max_object_name_length:
            return 400
        return 413 if member.size > self._limits.max_file_size else None

    def _make_container(self, container: str, shown: str) -> None:
        """Make a container that is not there. Raises Stop where that cannot be done."""
        status = self._ask("HEAD", f"/{container}").status_int
        if status == 404:
            self._made += 1
            most = self._options.max_containers_per_extraction
            if self._made > most:
                self.report.status = 400
                self.report.body = f"More than {most} containers to create from tar."
                raise Stop
            status = self._ask("PUT", f"/{container}").status_int
        if is_success(status):
            self._containers.add(container)
        elif status == 401:
            self.report.fail(shown, 401)
            self.report.status = 401
            raise Stop
        # Anything else, 403 above all, may still let single objects in: each is tried.

    def _ask(self, verb: str, name: str) -> Response:
        request = make_subrequest(
            self._request.environ,
            verb,
            self._account_path + name,
            headers=self._headers,
            source=SOURCE,
            agent=AGENT,
        )
        response = send(self._app, request)
        response.discard_body()
        return response

    def _put(self, name: str, member: Member, archive: TarStream) -> int:
        request = make_subrequest(
            self._request.environ,
            "PUT",
            self._account_path + name,
            headers={**self._headers, **_headers_of(member.attributes)},
            source=SOURCE,
            agent=AGENT,
        )
        request.environ["wsgi.input"] = _MemberBody(archive)
        request.environ["CONTENT_LENGTH"] = str(member.size)
        response = send(self._app, request)
        response.discard_body()
        return response.status_int

    def _skip(self, archive: TarStream) -> None:
        """Past what nobody read of a member, with a turn for others now and then."""
        skipped = 0
        while block := archive.read(65536):
            skipped += len(block)
            if skipped >= _SKIP_BYTES:
                skipped = 0
                self._host.tasks.sleep(0)

    def _fail(self, shown: str, problem: int | str) -> None:
        self.report.fail(shown, problem)
        if len(self.report.errors) >= self._options.max_failed_extractions:
            raise Stop


def _headers_of(attributes: Mapping[str, str]) -> dict[str, str]:
    """Extended attributes as headers: user.mime_type, and user.meta.* as metadata."""
    headers = {}
    for name, value in attributes.items():
        if not check_utf8(value) or not value.isprintable():
            continue
        if name == "mime_type":
            headers["Content-Type"] = text_to_wsgi(value)
        elif name.startswith("meta.") and _is_token(name[5:]):
            headers[f"X-Object-Meta-{name[5:]}"] = text_to_wsgi(value)
    return headers


def _is_token(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace(".", "").isalnum()


class _MemberBody(BlockInput):
    """wsgi.input over one file of an archive; an archive that ends in it is the client's fault."""

    def __init__(self, archive: TarStream) -> None:
        self._archive = archive

    def next_block(self, n: int) -> bytes:
        try:
            return self._archive.read(n)
        except ArchiveInvalid as error:
            raise ClientGone(str(error)) from error
