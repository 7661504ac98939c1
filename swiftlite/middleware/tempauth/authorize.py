"""Whether the groups of a request may do what it asks: tempauth's one decision.

The proxy calls back once it knows the container's ACL (`request.acl`). Order: roles of the
reseller, ownership of the account, sync keys, container ACL, account ACL.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from swiftlite.formats.acl import (
    AccountAcl,
    AclInvalid,
    parse_account_acl,
    parse_container_acl,
    render_account_acl,
)
from swiftlite.infocache import get_account_info
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.vocab.names import split_path, text_to_wsgi, wsgi_quote, wsgi_to_text
from swiftlite.web.refusals import Refusal, standard_answer
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, WsgiApp

ACL_HEADER = "X-Account-Access-Control"
ACL_SYSMETA = "X-Account-Sysmeta-Core-Access-Control"
SOURCE = "TA"
READS = frozenset(("GET", "HEAD"))


class Authority:
    """Decides for the accounts under its prefixes.

    required: prefix to the group that its accounts ask for besides ("" for none).
    """

    def __init__(
        self, app: WsgiApp, required: Mapping[str, str], *, log: Log, statsd: Statsd
    ) -> None:
        self.app = app
        self.required = dict(required)
        self.log = log
        self.statsd = statsd

    def prefix_of(self, account: str) -> str | None:
        """The prefix under which we speak for an account; the empty one comes last."""
        for prefix in self.required:
            if prefix and account.startswith(prefix):
                return prefix
        return "" if "" in self.required else None

    def authorize(self, request: Request) -> Response | None:
        """None to let the request pass, else the answer that refuses it."""
        try:
            _version, account, container, obj = split_path(request.path_text, 1, 4, rest=True)
        except ValueError:
            return standard_answer(404)
        except Refusal as refusal:
            return refusal.response()
        prefix = self.prefix_of(account) if account else None
        if account is None or prefix is None:
            return self.denied(request)
        if request.get_header(ACL_HEADER) is not None:
            try:
                _keep_account_acl(request)
            except AclInvalid as error:
                return Refusal(400, f"{ACL_HEADER} invalid: {error}.").response()
        groups = groups_of(request.environ)
        if self._rules(request, groups, account, container, prefix):
            return None
        if request.verb == "OPTIONS" or _has_sync_key(request):
            return None
        if _container_acl_admits(request, groups, obj):
            return None
        if self._account_acl_admits(request, groups, container):
            return None
        return self.denied(request)

    def denied(self, request: Request) -> Response:
        """403 for somebody we know, 401 for everybody else."""
        if request.environ.get("REMOTE_USER"):
            self.statsd.increment("forbidden")
            return standard_answer(403)
        self.statsd.increment("unauthorized")
        return unauthorized(request.environ)

    def _rules(
        self,
        request: Request,
        groups: list[str],
        account: str,
        container: str | None,
        prefix: str,
    ) -> bool:
        """Whether the reseller's roles, or ownership of the account, let the request pass."""
        environ = request.environ
        if account not in self.required and not account[len(prefix) :].startswith("."):
            if ".reseller_admin" in groups:
                environ["swift_owner"] = True
                return True
            if ".reseller_reader" in groups and request.verb in READS:
                return True
        if account not in groups or (request.verb in ("PUT", "DELETE") and not container):
            return False
        required = self.required[prefix]
        if required and required not in groups:
            return False
        environ["swift_owner"] = True
        return True

    def _account_acl_admits(
        self, request: Request, groups: list[str], container: str | None
    ) -> bool:
        acl = self._account_acl(request) if groups else None
        if acl is None:
            return False
        member = frozenset(groups)
        if not member.isdisjoint(acl["admin"]):
            request.environ["swift_owner"] = True
            return True
        reading = request.verb in READS
        if not member.isdisjoint(acl["read-write"]):
            return bool(container) or reading
        return reading and not member.isdisjoint(acl["read-only"])

    def _account_acl(self, request: Request) -> AccountAcl | None:
        info = get_account_info(request.environ, self.app, source=SOURCE)
        stored = info.sysmeta.get("core-access-control")
        if not stored:
            return None
        try:
            return parse_account_acl(stored)
        except AclInvalid as error:
            self.log.warning(f"the stored ACL of an account admits nobody: {error}")
            return None


def groups_of(environ: Environ) -> list[str]:
    """The groups of REMOTE_USER as text; the first two are account and account:user."""
    remote_user = environ.get("REMOTE_USER")
    return wsgi_to_text(remote_user).split(",") if remote_user else []


def unauthorized(environ: Environ, realm: str | None = None) -> Response:
    """401 for the account in the path (quoted: names hold anything, CVE-2014-3497)."""
    if realm is None:
        segments = environ.get("PATH_INFO", "").split("/", 3)
        realm = segments[2] if len(segments) > 2 and segments[2] else "unknown"
    return standard_answer(401, {"Www-Authenticate": f'Swift realm="{wsgi_quote(realm)}"'})


def _keep_account_acl(request: Request) -> None:
    """Turn the header into the sysmeta that the account keeps. Raises AclInvalid."""
    text = unquote(wsgi_to_text(request.get_header(ACL_HEADER) or ""), errors="replace")
    acl = parse_account_acl(text)
    request.set_header(ACL_HEADER, None)
    request.set_header(ACL_SYSMETA, text_to_wsgi(render_account_acl(acl) if acl else ""))


def _has_sync_key(request: Request) -> bool:
    """Container sync with a key of its own: the container's key in the request, and a time."""
    key = request.environ.get("swift_sync_key")
    given = request.get_header("X-Container-Sync-Key")
    if not key or given is None or "HTTP_X_TIMESTAMP" not in request.environ:
        return False
    return hmac.compare_digest(str(key).encode("utf-8", "replace"), given.encode("latin-1"))


def _container_acl_admits(request: Request, groups: list[str], obj: str | None) -> bool:
    text = getattr(request, "acl", None)
    if not text:
        return False
    acl = parse_container_acl(text)
    if acl.admits_referrer(request.get_header("Referer")) and (obj or acl.public_listings):
        return True
    return acl.admits_group(groups)
