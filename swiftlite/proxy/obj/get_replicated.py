"""The source of replicated policies: one replica after another, the same bytes from each.

A body that breaks off is continued from the next replica that has the same object, by Range, so
that the client does not notice. Several ranges at once are fetched one by one and put together
here, because a break within somebody else's multipart body could not be mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from swiftlite.host.conduit import Conduit
from swiftlite.host.net import Stream
from swiftlite.peers.errors import PeerBroke, PeerFault
from swiftlite.proxy.answers import length_of, response_of, told_headers, without
from swiftlite.proxy.context import Context
from swiftlite.proxy.obj.borrowing import NotTheFile
from swiftlite.proxy.obj.lent_download import LentDownload
from swiftlite.proxy.plan import Header
from swiftlite.proxy.reading import Found, ReadPlan, Search
from swiftlite.vocab.byte_ranges import parse_range
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_LEND, X_BACKEND_SWIFTLITE_LENT
from swiftlite.vocab.http_date import parse_http_date
from swiftlite.vocab.status import has_no_body
from swiftlite.web import Request, Response
from swiftlite.web.conditional import etag_for_conditions
from swiftlite.web.ranges import answer as answer_ranges
from swiftlite.web.wsgi import HeaderList

AT_ONCE_BYTES = 65_536  # bodies up to this size are read before anything is sent
_CLIENT_PAUSE_S = 5.0  # a node may give up by itself when the client makes it wait this long
_OF_THE_PART = frozenset(("content-length", "content-range"))
_CONDITIONS = frozenset(
    (
        "Range",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
        X_BACKEND_SWIFTLITE_LEND,
    )
)
_RANGE_AND_OFFER = frozenset(("Range", X_BACKEND_SWIFTLITE_LEND))


def read_replicated(context: Context, request: Request, plan: ReadPlan) -> Response:
    """The answer to a GET or HEAD."""
    header = request.environ.get("HTTP_RANGE")
    if header is not None and "," in header and plan.method == "GET":
        wanted = parse_range(header)
        if wanted is not None and len(wanted.ranges) > 1:
            return _read_ranges(context, request, plan)
    search = Search(context, plan)
    found = search.first()
    while found is not None:
        response = _response(context, search, found)
        if response is not None:
            return response
        found = search.another()
    return response_of(search.verdict())


def _response(context: Context, search: Search, found: Found) -> Response | None:
    """The client's answer out of a good one; None when its (small) body broke off."""
    answer = found.answer
    status = answer.status
    told = answer.headers.get(X_BACKEND_SWIFTLITE_LENT)
    if told is not None:
        return _lent_response(context, search, found, told)
    headers = told_headers(answer.headers.items(), read=True)
    if search.plan.method == "HEAD" or has_no_body(status):
        answer.close()
        described = None if has_no_body(status) else answer.headers.get("Content-Length")
        return Response(status, headers, content_length=length_of(described))
    length = answer.length
    if length is None or length > AT_ONCE_BYTES:
        body = RelayedBody(context, search, found)
        return Response(status, headers, app_iter=body, content_length=length)
    try:
        content = answer.read_all(AT_ONCE_BYTES)
        return Response(status, headers, content, content_length=len(content))
    except PeerFault as fault:
        search.failed(found.node, fault)
        return None


def _lent_response(context: Context, search: Search, found: Found, told: str) -> Response | None:
    """The answer over a file that is lent; out of a plain answer if that cannot be used."""
    answer, node = found.answer, found.node
    answer.close()
    content_range = answer.headers.get("Content-Range")
    start, stop = _first_byte(content_range), _stop_byte(content_range)
    try:
        lent = LentDownload(context, node, told, start, stop)
    except (NotTheFile, PeerFault):
        # It may be damaged: the node sees that by itself then, and sets it aside.
        again = search.again(node, _plain(search.plan))
        return None if again is None else _response(context, search, again)
    headers = told_headers(answer.headers.items(), read=True)
    body = RelayedBody(context, search, found, lent)
    return Response(answer.status, headers, app_iter=body, content_length=lent.length)


class RelayedBody:
    """host.net.SelfSending: a body from one node, and from others when that one fails."""

    def __init__(
        self, context: Context, search: Search, found: Found, lent: LentDownload | None = None
    ) -> None:
        """lent: its file, which is read as long as that goes well."""
        self._context = context
        self._search = search
        self._found = found
        headers = found.answer.headers
        self._etag = (headers.get("ETag") or "").strip('"')
        self._lent = lent
        self._length = found.answer.length if lent is None else lent.length
        self._start = _first_byte(headers.get("Content-Range"))
        self._done = 0
        self._waited = 0.0  # for the client, since the last block was read

    def __iter__(self) -> Iterator[bytes]:
        while block := self._read():
            self._done += len(block)
            before = self._context.monotonic()
            yield block
            self._waited = self._context.monotonic() - before

    def send_to(self, stream: Stream) -> int:
        """Everything, without a look at it; bytes sent. What was taken from a node has been sent
        before more is taken, so that another can go on at the right byte."""
        context = self._context
        monotonic = context.monotonic
        while self._lent is not None:
            try:
                count = self._lent.send_some(stream)
            except PeerFault as fault:
                self._go_on_plainly(fault)
            else:
                if not count:
                    return self._done
                self._done += count
        conduit = context.host.net.conduit(spliced=context.options.relay_by_splice)
        try:
            while count := self._move_into(conduit):
                before = monotonic()
                conduit.drain(stream)
                self._waited = monotonic() - before
                self._done += count
        finally:
            conduit.close()
        return self._done

    def close(self) -> None:
        self._found.answer.close()
        if self._lent is not None:
            self._lent.close()

    def _read(self) -> bytes:
        while self._lent is not None:
            try:
                return self._lent.read_some()
            except PeerFault as fault:
                self._go_on_plainly(fault)
        while True:
            try:
                return self._found.answer.read(AT_ONCE_BYTES)
            except PeerFault as fault:
                self._go_on_elsewhere(fault)

    def _move_into(self, conduit: Conduit) -> int:
        while True:
            try:
                return self._found.answer.move_into(conduit)
            except PeerFault as fault:
                self._go_on_elsewhere(fault)

    def _go_on_elsewhere(self, fault: PeerFault) -> None:
        """Find a node with the same object and go on at the next byte; raises the fault when
        there is none, which ends the client's connection."""
        self._search.failed(self._found.node, fault, excused=self._waited > _CLIENT_PAUSE_S)
        self._go_on_with(self._search.next(self._rest()), fault)

    def _go_on_plainly(self, fault: PeerFault) -> None:
        """The same without the lent file: first of the same node, which sees then by itself what
        is wrong with it."""
        assert self._lent is not None
        self._lent.close()
        self._lent = None
        self._go_on_with(self._search.again(self._found.node, self._rest()), fault)

    def _rest(self) -> list[Header]:
        """What asks for the bytes that are still missing."""
        begin = self._start + self._done
        last = "" if self._length is None else str(self._start + self._length - 1)
        return _with_range(self._search.plan, f"bytes={begin}-{last}")

    def _go_on_with(self, found: Found | None, fault: PeerFault) -> None:
        begin = self._start + self._done
        while found is not None:
            answer = found.answer
            same = (answer.headers.get("ETag") or "").strip('"') == self._etag
            starts = _first_byte(answer.headers.get("Content-Range"))
            whole = answer.status == 200 and begin == 0
            if same and (whole or (answer.status == 206 and starts == begin)):
                self._found = found
                return
            answer.close()
            found = self._search.next()
        raise fault


class RangedSource:
    """web.ranges.BodySource: any part of one object, each part asked for by itself."""

    def __init__(self, context: Context, plan: ReadPlan, etag: str, length: int) -> None:
        self._context = context
        self._plan = plan
        self._etag = etag
        self._length = length

    @property
    def length(self) -> int:
        return self._length

    def part(self, start: int, stop: int) -> RelayedBody:
        """Bytes start to stop (half-open). Raises PeerBroke when no node has this object now."""
        plan = replace(
            self._plan, headers=_with_range(self._plan, f"bytes={start}-{stop - 1}"), newest=False
        )
        search = Search(self._context, plan)
        while (found := search.next()) is not None:
            answer = found.answer
            same = (answer.headers.get("ETag") or "").strip('"') == self._etag
            if same and answer.status == 206 and answer.length == stop - start:
                return RelayedBody(self._context, search, found)
            answer.close()
        raise PeerBroke("", f"no node has the rest of {plan.target} any more")

    def close(self) -> None:
        """There is nothing to close: a part is closed by whoever reads it."""


def _read_ranges(context: Context, request: Request, plan: ReadPlan) -> Response:
    """Several ranges: how long the object is, then each of them."""
    probe = replace(plan, headers=_with_range(plan, "bytes=0-0", keep_conditions=True))
    search = Search(context, probe)
    found = search.first()
    if found is None:
        return response_of(search.verdict())
    answer = found.answer
    length = _whole_length(answer.headers.get("Content-Range"))
    if answer.status != 206 or length is None:
        # The whole object (a Range that is not for this version), or nothing of it at all.
        return _response(context, search, found) or response_of(search.verdict())
    headers: HeaderList = without(told_headers(answer.headers.items(), read=True), _OF_THE_PART)
    answer.close()
    etag = (answer.headers.get("ETag") or "").strip('"')
    modified = parse_http_date(answer.headers.get("Last-Modified") or "")
    return answer_ranges(
        request,
        headers,
        RangedSource(context, plan, etag, length),
        etag=etag_for_conditions(request, dict(headers), etag),
        last_modified=modified or 0,
    )


def _with_range(plan: ReadPlan, value: str, *, keep_conditions: bool = False) -> list[Header]:
    """The plan's headers with another Range; conditions hold already unless they are kept."""
    dropped = _RANGE_AND_OFFER if keep_conditions else _CONDITIONS
    headers = [item for item in plan.headers if item[0] not in dropped]
    headers.append(("Range", value))
    return headers


def _plain(plan: ReadPlan) -> list[Header]:
    """The plan's headers, asking for nothing lent."""
    return [item for item in plan.headers if item[0] != X_BACKEND_SWIFTLITE_LEND]


def _stop_byte(content_range: str | None) -> int | None:
    """Where a part stops (half-open): `bytes 5-9/20` -> 10; None for a whole body."""
    digits = (content_range or "").partition("-")[2].partition("/")[0]
    return int(digits) + 1 if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _first_byte(content_range: str | None) -> int:
    """Where a part begins: `bytes 5-9/20` -> 5; 0 for a whole body."""
    if content_range is None:
        return 0
    digits = content_range.removeprefix("bytes ").partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else 0


def _whole_length(content_range: str | None) -> int | None:
    """How long the object is: `bytes 0-0/20` -> 20; None when it is not said."""
    digits = (content_range or "").rpartition("/")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
