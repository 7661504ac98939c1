"""The filter: `?bulk-delete` with a list of names, `?extract-archive=` with an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from swiftlite.host.bundle import Host
from swiftlite.middleware.bulk.delete import DeleteRules, Deletion
from swiftlite.middleware.bulk.extract import Extraction
from swiftlite.middleware.bulk.options import BulkOptions
from swiftlite.middleware.bulk.progress import Progress
from swiftlite.middleware.bulk.report import Report, report_type
from swiftlite.middleware.bulk.tar import FORMATS, TarStream
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.observe.log import Log
from swiftlite.vocab.errors import ClientFault
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import unquote_path
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

QUOTED = 3  # bytes of a name that takes one, percent-encoded


class Bulk:
    """WSGI filter; a request without a query passes after two look-ups."""

    def __init__(
        self, app: WsgiApp, options: BulkOptions, limits: Limits, *, host: Host, log: Log
    ) -> None:
        self.app = app
        self.options = options
        self.limits = limits
        self.host = host
        self.log = log

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING")
        if not query or environ["REQUEST_METHOD"] not in ("PUT", "POST", "DELETE"):
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            answer = self._bulk(request)
        except Refusal as refusal:
            answer = refusal.response()
        if answer is None:
            return self.app(environ, start_response)
        return answer(environ, start_response)

    def _bulk(self, request: Request) -> Response | None:
        """The answer to a bulk request; None for any other. Raises Refusal."""
        params = request.params_text
        if "extract-archive" in params and request.verb == "PUT":
            return self._extract(request, params["extract-archive"].lower())
        if "bulk-delete" in params and request.verb in ("POST", "DELETE"):
            return self._delete(request)
        return None

    def _delete(self, request: Request) -> Response:
        account_path, _rest = _account_path(request)
        shape = report_type(request.get_header("Accept"))
        if request.body_length is None and not request.chunked:
            raise Refusal(411, "A list of deletions needs a length or chunked encoding.")
        options = self.options
        rules = DeleteRules(
            concurrency=options.delete_concurrency,
            max_failures=options.max_failed_deletes,
            container_retries=options.delete_container_retry_count,
        )
        deletion = Deletion(self.app, request.environ, account_path, rules, self.host)
        names = self._names(request)
        return self._progress(
            request, shape, "delete", lambda: deletion.run(names), deletion.report
        )

    def _names(self, request: Request) -> Iterator[str]:
        """Names of the body, a line each, unquoted. Raises Refusal."""
        limits = self.limits
        longest = QUOTED * (limits.max_container_name_length + limits.max_object_name_length + 2)
        count, rest, ended = 0, b"", False
        while not ended:
            block = request.body_reader.read(65536)
            ended = not block
            *lines, rest = (rest + block).split(b"\n")
            if ended:
                lines.append(rest)
            elif len(rest) > longest:
                raise Refusal(400, "Invalid File Name")
            for line in lines:
                name = line.strip()
                if not name:
                    continue
                if len(name) > longest:
                    raise Refusal(400, "Invalid File Name")
                count += 1
                if count > self.options.max_deletes_per_request:
                    raise Refusal(
                        413,
                        f"Maximum Bulk Deletes: {self.options.max_deletes_per_request} per request",
                    )
                yield "/" + unquote_path(name.decode("utf-8", "surrogateescape")).strip("/")

    def _extract(self, request: Request, archive_format: str) -> Response:
        opener = FORMATS.get(archive_format)
        if opener is None:
            raise Refusal(400, f"Unsupported archive format; there are {', '.join(FORMATS)}.")
        if request.body_length is None and not request.chunked:
            raise Refusal(411, "An archive needs a Content-Length or chunked encoding.")
        shape = report_type(request.get_header("Accept"))
        account_path, base = _account_path(request)
        extraction = Extraction(
            self.app, request, account_path, base, self.options, self.limits, self.host
        )
        archive = TarStream(opener(request.body_reader.read))
        return self._progress(
            request, shape, "extract", lambda: extraction.run(archive), extraction.report
        )

    def _progress(
        self,
        request: Request,
        shape: str,
        root: str,
        run: Callable[[], Report],
        so_far: Report,
    ) -> Response:
        """A 200 that begins at once; what `run` comes to stands at its end."""

        def work() -> bytes:
            try:
                report = run()
            except Refusal as refusal:
                report = so_far
                report.status, report.body = refusal.status, refusal.message or ""
            except ClientFault as fault:
                report = so_far
                report.status, report.body = 400, f"The body could not be read: {fault}"
            except Exception:
                # The edge of a task of its own: nobody else would hear of it.
                self.log.exception(f"bulk request ({request.trans_id})")
                report = so_far
                report.status, report.body = 500, ""
            return report.render(shape, root)

        body = Progress(self.host, work, shape, self.options.yield_frequency)
        return Response(200, {"Content-Type": shape}, app_iter=body)


def _account_path(request: Request) -> tuple[str, str]:
    """`/v1/AUTH_x`, and what the path has behind it. Raises Refusal."""
    version, account, rest = request.split(2, 3, rest=True)
    return f"/{version}/{account}", rest or ""


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf("filter:bulk", global_conf, local_conf)
    options = conf.options(BulkOptions)
    limits, host, log = conf.cluster.limits, conf.host, conf.log()
    register(
        "bulk_upload",
        max_containers_per_extraction=options.max_containers_per_extraction,
        max_failed_extractions=options.max_failed_extractions,
    )
    register(
        "bulk_delete",
        max_deletes_per_request=options.max_deletes_per_request,
        max_failed_deletes=options.max_failed_deletes,
    )
    return lambda app: Bulk(app, options, limits, host=host, log=log)
