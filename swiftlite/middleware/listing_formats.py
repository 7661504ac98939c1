"""Listings in the form that the client asked for; behind this filter they are always JSON.

The form comes from `format=`, else from Accept. What another filter answers in a form of its own
(a page of staticweb, an answer that cleared `swift.format_listing`) passes untouched. Entries
with reserved names are for internal clients only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.config.units import is_true
from swiftlite.formats.listings import (
    Entry,
    render_container_xml,
    render_json,
    render_object_xml,
    render_text,
)
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import RESERVED, wsgi_to_text
from swiftlite.web.listing_request import JSON, TEXT, wanted_type
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import send
from swiftlite.web.wsgi import Environ, HeaderList, StartResponse, WsgiApp


@dataclass(frozen=True, slots=True)
class ListingFormatsOptions:
    SECTION = "filter:listing_formats"


class ListingFormats:
    """WSGI filter; anything but GET and HEAD of an account or a container passes at once."""

    def __init__(self, app: WsgiApp, limits: Limits) -> None:
        self.app = app
        self.versions = frozenset(limits.valid_api_versions)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.app(environ, start_response)
        segments = environ["PATH_INFO"].split("/", 4)
        if (len(segments) == 5 and segments[4]) or len(segments) < 3 or not segments[2]:
            return self.app(environ, start_response)
        if segments[0] or segments[1] not in self.versions:
            return self.app(environ, start_response)
        container = segments[3] if len(segments) > 3 else ""
        try:
            answer = self._listing(environ, segments[2], container)
        except Refusal as refusal:
            answer = refusal.response()
        return answer(environ, start_response)

    def _listing(self, environ: Environ, account: str, container: str) -> Response:
        request = Request(environ)
        params = request.params_text
        chosen = wanted_type(request)
        asked = environ.get("QUERY_STRING", "")
        environ["QUERY_STRING"] = _asking_for_json(asked)
        environ["swift.format_listing"] = True
        answer = send(self.app, request)
        environ["QUERY_STRING"] = asked  # the access line tells what the client sent
        if answer.status_int not in (200, 204) or not environ.get("swift.format_listing"):
            return answer
        if "format" not in params:
            _vary_with_accept(answer)
        if (answer.get_header("Content-Type") or "").partition(";")[0].strip() != JSON:
            return answer
        if request.verb == "HEAD":
            answer.headerlist = _typed(answer.headerlist, chosen)
            return answer
        return _rendered(request, answer, chosen, account, container)


def _rendered(
    request: Request, answer: Response, chosen: str, account: str, container: str
) -> Response:
    blocks = answer.app_iter
    try:
        body = b"".join(blocks) or b"[]"
    finally:
        answer.discard_body()
    if chosen != JSON or b"\\u0000" in body:
        entries = _entries(body)
        if entries is None:  # JSON of somebody else's making
            return Response(200, _without_length(answer.headerlist), body)
        if not is_true(request.get_header("X-Backend-Allow-Reserved-Names")):
            entries = [entry for entry in entries if not _is_reserved(entry, account, container)]
        body = _in_form(entries, chosen, wsgi_to_text(account), wsgi_to_text(container))
    headers = _without_length(_typed(answer.headerlist, chosen))
    return Response(200 if body else 204, headers, body)


def _entries(body: bytes) -> list[Entry] | None:
    """The entries of a listing, if it is one."""
    try:
        entries = json.loads(body)
    except ValueError:
        return None
    if not isinstance(entries, list):
        return None
    if not all(isinstance(entry, dict) and _is_complete(entry) for entry in entries):
        return None
    return entries


def _is_complete(entry: Entry) -> bool:
    if "subdir" in entry:
        return True
    return "name" in entry and ("count" in entry or entry.keys() >= _OBJECT_KEYS)


_OBJECT_KEYS = frozenset(("hash", "bytes", "content_type", "last_modified"))


def _is_reserved(entry: Entry, account: str, container: str) -> bool:
    """A reserved name that the path did not name already."""
    if RESERVED in account or RESERVED in container:
        return False
    return RESERVED in str(entry["subdir"] if "subdir" in entry else entry["name"])


def _in_form(entries: list[Entry], chosen: str, account: str, container: str) -> bytes:
    if chosen == JSON:
        return render_json(entries)
    if chosen == TEXT:
        return render_text(entries)
    if container:
        return render_object_xml(container, entries)
    return render_container_xml(account, entries)


def _asking_for_json(query: str) -> str:
    """The query with format=json instead of whatever format it had."""
    kept = [item for item in query.split("&") if item and not item.startswith("format=")]
    kept = [item for item in kept if item != "format"]
    return "&".join([*kept, "format=json"])


def _typed(headers: HeaderList, content_type: str) -> HeaderList:
    return [
        *(item for item in headers if item[0].lower() != "content-type"),
        ("Content-Type", f"{content_type}; charset=utf-8"),
    ]


def _without_length(headers: HeaderList) -> HeaderList:
    return [item for item in headers if item[0].lower() != "content-length"]


def _vary_with_accept(answer: Response) -> None:
    """Tell caches that another Accept would have got another body."""
    known = answer.get_header("Vary")
    if known is None:
        answer.headerlist.append(("Vary", "Accept"))
    elif "accept" not in [word.strip().lower() for word in known.split(",")]:
        answer.headers["Vary"] = f"{known}, Accept"


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(ListingFormatsOptions.SECTION, global_conf, local_conf)
    conf.options(ListingFormatsOptions)
    limits = conf.cluster.limits
    return lambda app: ListingFormats(app, limits)
