"""Quotas of a container, set by its owner: X-Container-Meta-Quota-Bytes and -Count.

Compared with what is known of the container, which may be a minute old: quotas hold roughly, not
exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swiftlite.infocache import ContainerInfo, get_container_info
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "CQ"
EXCEEDED = "Upload exceeds quota."
_HEADERS = {
    "X-Container-Meta-Quota-Bytes": "Invalid bytes quota.",
    "X-Container-Meta-Quota-Count": "Invalid count quota.",
}
_QUOTA_DIGITS = 18


@dataclass(frozen=True, slots=True)
class ContainerQuotasOptions:
    SECTION = "filter:container-quotas"


def read_quota(text: str | None) -> int | None:
    """A quota as it is stored; None for none, or for what is no number."""
    if text and text.isascii() and text.isdigit() and len(text) <= _QUOTA_DIGITS:
        return int(text)
    return None


class ContainerQuotas:
    """WSGI filter; looks at PUTs of objects, and at PUTs and POSTs of containers."""

    def __init__(self, app: WsgiApp) -> None:
        self.app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        verb = environ["REQUEST_METHOD"]
        if verb not in ("PUT", "POST"):
            return self.app(environ, start_response)
        segments = environ["PATH_INFO"].split("/", 4)
        if len(segments) < 4 or not segments[3]:
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            if len(segments) < 5 or not segments[4]:
                _check_headers(request)
            elif verb == "PUT":
                refused = self._check_upload(request)
                if refused is not None:
                    return refused(environ, start_response)
        except Refusal as refusal:
            return refusal.response()(environ, start_response)
        return self.app(environ, start_response)

    def _check_upload(self, request: Request) -> Response | None:
        """The answer to an upload that a quota forbids. Raises Refusal."""
        info = get_container_info(request.environ, self.app, source=SOURCE)
        if not info.ok or not _is_exceeded(info, request.body_length or 0):
            return None
        authorize = request.environ.get("swift.authorize")
        if authorize is not None:
            # Who may not write here learns that, and nothing of the quota.
            request.acl = info.write_acl
            denied: Response | None = authorize(request)
            if denied is not None:
                return denied
        raise Refusal(413, EXCEEDED)


def _is_exceeded(info: ContainerInfo, length: int) -> bool:
    most_bytes = read_quota(info.meta.get("quota-bytes"))
    if most_bytes is not None and info.bytes + length > most_bytes:
        return True
    most_objects = read_quota(info.meta.get("quota-count"))
    return most_objects is not None and info.object_count + 1 > most_objects


def _check_headers(request: Request) -> None:
    for name, message in _HEADERS.items():
        value = request.get_header(name)
        if value and read_quota(value) is None:
            raise Refusal(400, message)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(ContainerQuotasOptions.SECTION, global_conf, local_conf)
    conf.options(ContainerQuotasOptions)
    register("container_quotas")
    return ContainerQuotas
