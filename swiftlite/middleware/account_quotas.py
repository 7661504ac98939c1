"""Quotas of an account, set by the reseller: X-Account-Quota-Bytes and -Count, for all of it or,
with `-Policy-<name>` behind, for what it keeps under one storage policy.

Kept as sysmeta. Whoever may see the account sees its quotas; only a reseller's request may set
them. Compared with what is known of the account, which may be a minute old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from swiftlite.infocache import AccountInfo, get_account_info, get_container_info
from swiftlite.middleware.container_quotas import EXCEEDED, read_quota
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.policies import PolicyCollection
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import send
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

SOURCE = "AQ"
BYTES, COUNT = "Quota-Bytes", "Quota-Count"


@dataclass(frozen=True, slots=True)
class AccountQuotasOptions:
    SECTION = "filter:account-quotas"


class AccountQuotas:
    """WSGI filter; looks at requests for accounts, and at PUTs of objects."""

    def __init__(self, app: WsgiApp, policies: PolicyCollection) -> None:
        self.app = app
        self.policies = policies

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        segments = environ["PATH_INFO"].split("/", 4)
        if len(segments) < 3 or segments[0] or not segments[2] or segments[1] not in ("v1", "v1.0"):
            return self.app(environ, start_response)
        request = Request(environ)
        try:
            if len(segments) < 4 or not segments[3]:
                return self._account(request)(environ, start_response)
            if environ["REQUEST_METHOD"] == "PUT" and len(segments) == 5 and segments[4]:
                self._check_upload(request)
        except Refusal as refusal:
            return refusal.response()(environ, start_response)
        return self.app(environ, start_response)

    def _account(self, request: Request) -> Response:
        """A request for the account itself, its quotas in and out. Raises Refusal."""
        if request.verb in ("PUT", "POST"):
            self._keep_quotas(request)
        response = send(self.app, request)
        for header, sysmeta in self._names():
            value = response.get_header(f"X-Account-Sysmeta-{sysmeta}")
            if value:
                response.headerlist.append((f"X-Account-{header}", value))
        return response

    def _keep_quotas(self, request: Request) -> None:
        """Turn the headers into sysmeta. Refusal 403 for those who may not, 400 for no number."""
        wanted: dict[str, str] = {}
        for header, sysmeta in self._names():
            value = request.get_header(f"X-Account-{header}")
            if value is None and header == BYTES:
                value = request.get_header("X-Account-Meta-Quota-Bytes")
            if self._removes(request, header):
                value = ""
            if value is not None:
                wanted[sysmeta] = value
        if not wanted:
            return
        if request.environ.get("reseller_request") is not True:
            raise Refusal(403, "Only a reseller may set the quotas of an account.")
        for sysmeta, value in wanted.items():
            if value and read_quota(value) is None:
                raise Refusal(400, f"A quota must be a whole number, not {value[:40]!r}.")
            request.set_header(f"X-Account-Sysmeta-{sysmeta}", value)

    def _removes(self, request: Request, header: str) -> bool:
        if request.get_header(f"X-Remove-Account-{header}"):
            return True
        return header == BYTES and bool(request.get_header("X-Remove-Account-Meta-Quota-Bytes"))

    def _names(self) -> Iterator[tuple[str, str]]:
        """What clients call a quota, and what it is stored as; policies by name and by index."""
        for kind in (BYTES, COUNT):
            yield kind, kind
            for policy in self.policies:
                yield f"{kind}-Policy-{policy.name}", f"{kind}-Policy-{policy.index}"

    def _check_upload(self, request: Request) -> None:
        """Refusal 413 when a quota forbids an upload that would be allowed otherwise."""
        environ = request.environ
        info = get_account_info(environ, self.app, source=SOURCE)
        if not info.ok or not self._is_exceeded(request, info):
            return
        authorize = environ.get("swift.authorize")
        if authorize is None:
            raise Refusal(413, EXCEEDED)
        environ["swift.authorize"] = _refusing_at_last(authorize)

    def _is_exceeded(self, request: Request, info: AccountInfo) -> bool:
        length = request.body_length or 0
        most_bytes = read_quota(info.sysmeta.get("quota-bytes") or info.meta.get("quota-bytes"))
        if most_bytes is not None and info.bytes + length > most_bytes:
            return True
        most_objects = read_quota(info.sysmeta.get("quota-count"))
        if most_objects is not None and info.total_object_count + 1 > most_objects:
            return True
        if not any(name.startswith("quota-") and "-policy-" in name for name in info.sysmeta):
            return False
        index = get_container_info(request.environ, self.app, source=SOURCE).storage_policy
        used = info.storage_policies.get(index)
        held_bytes = used.bytes if used else 0
        held_objects = used.object_count if used else 0
        most_bytes = read_quota(info.sysmeta.get(f"quota-bytes-policy-{index}"))
        if most_bytes is not None and held_bytes + length > most_bytes:
            return True
        most_objects = read_quota(info.sysmeta.get(f"quota-count-policy-{index}"))
        return most_objects is not None and held_objects + 1 > most_objects


def _refusing_at_last(authorize: Callable[..., Any]) -> Callable[[Request], Response | None]:
    """A callback that says no for the quota's sake to those whom the other one lets in."""

    def decide(request: Request) -> Response | None:
        denied: Response | None = authorize(request)
        return Refusal(413, EXCEEDED).response() if denied is None else denied

    return decide


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(AccountQuotasOptions.SECTION, global_conf, local_conf)
    conf.options(AccountQuotasOptions)
    policies = conf.cluster.policies
    register("account_quotas")
    return lambda app: AccountQuotas(app, policies)
