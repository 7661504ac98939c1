"""From what a node said to what the client is told: which headers pass, and which do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.vocab.status import has_no_body
from swiftlite.web import Response
from swiftlite.web.refusals import standard_answer
from swiftlite.web.wsgi import HeaderList

# Of the connection to the node, of the node's own bookkeeping, or said anew by us.
_NOT_TOLD = frozenset(
    (
        "accept-ranges",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-delete-after",
        "x-put-timestamp",
        "x-trans-id",
        "x-openstack-request-id",
    )
)
_ERROR_BODY_MAX = 8192
_PASSED, _DROPPED, _ETAG, _TYPE = range(4)  # most headers are passed: the kind that is false


class _Kinds(dict[str, int]):
    """Header name, in any case, to what is done with it; bounded."""

    def __missing__(self, name: str) -> int:
        lowered = name.lower()
        kind = _DROPPED if lowered in _NOT_TOLD else _PASSED
        kind = {"etag": _ETAG, "content-type": _TYPE}.get(lowered, kind)
        if len(self) < 4096:
            self[name] = kind
        return kind


_kind_of = _Kinds().__getitem__  # of a dict's subclass, [] takes a detour


def told_headers(headers: Iterable[tuple[str, str]], *, read: bool = False) -> HeaderList:
    """A node's headers as the client gets them: ETag without quotes, a clean Content-Type.

    read: for a GET or HEAD, which tells that ranges are served.
    """
    told = [("Accept-Ranges", "bytes")] if read else []
    kind_of = _kind_of
    for item in headers:
        kind = kind_of(item[0])
        if not kind:
            told.append(item)
        elif kind == _ETAG:
            told.append((item[0], item[1].replace('"', "")))
        elif kind == _TYPE:
            told.append((item[0], clean_content_type(item[1])) if ";" in item[1] else item)
    return told


def clean_content_type(value: str) -> str:
    """Without the parameter in which the cluster keeps what it knows of large objects."""
    kept, _, last = value.rpartition(";")
    return kept if last.lstrip().startswith("swift_") else value


def response_of(answer: NodeAnswer, extra: Mapping[str, str] | None = None) -> Response:
    """A client's response out of one node's answer to a change (or its refusal to answer)."""
    status = answer.status
    if answer.made_up or (status >= 300 and not answer.body and not has_no_body(status)):
        headers = dict(extra or {})
        for name, value in told_headers(answer.headers):
            if name.lower() != "content-type":
                headers.setdefault(name, value)
        return standard_answer(status, headers)
    told = told_headers(answer.headers)
    if extra:
        lowered = {name.lower() for name in extra}
        told = [item for item in told if item[0].lower() not in lowered]
        told.extend(extra.items())
    if has_no_body(status):
        return Response(status, told)
    if not answer.body and not any(name.lower() == "content-type" for name, _ in told):
        told.append(("Content-Type", "text/html; charset=UTF-8"))
    return Response(status, told, answer.body[:_ERROR_BODY_MAX] if status >= 300 else answer.body)


def without(headers: HeaderList, names: frozenset[str]) -> HeaderList:
    """names: lower case."""
    return [item for item in headers if item[0].lower() not in names]


def length_of(text: str | None) -> int | None:
    """A Content-Length that a node told; None for none, or for what is no length."""
    if text and text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    return None
