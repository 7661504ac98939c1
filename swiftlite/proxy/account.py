"""Accounts: listed, described, made and deleted.

An account that nobody made is shown as an empty one where it would be made on the first write.
"""

from __future__ import annotations

from swiftlite.formats.acl import AclInvalid, parse_account_acl, render_account_acl
from swiftlite.infocache.cache import account_key, clear_info, generation_of, remember
from swiftlite.infocache.info import account_from_headers
from swiftlite.proxy.answers import length_of, response_of, told_headers, without
from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.proxy.context import Context
from swiftlite.proxy.networks import network_of
from swiftlite.proxy.outgoing import (
    common_headers,
    listing_query,
    metadata_headers,
    read_headers,
)
from swiftlite.proxy.plan import Header, Plan
from swiftlite.proxy.reading import ReadPlan, read_whole
from swiftlite.proxy.target import Target
from swiftlite.proxy.telling import tell
from swiftlite.proxy.verbs import Verb
from swiftlite.vocab.names import quote_path, text_to_wsgi, wsgi_to_text
from swiftlite.vocab.quorum import replicated_quorum
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.checks import check_account_name, check_metadata
from swiftlite.web.wsgi import HeaderList

_STORED_ACL = "x-account-sysmeta-core-access-control"
_SHOWN_ACL = "X-Account-Access-Control"


class AccountController:
    def __init__(self, context: Context) -> None:
        self._context = context
        managed = context.options.allow_account_management
        self.verbs = {
            "GET": Verb(self.read),
            "HEAD": Verb(self.read),
            "POST": Verb(self.post),
            **({"PUT": Verb(self.put), "DELETE": Verb(self.delete)} if managed else {}),
        }

    def read(self, request: Request, target: Target) -> Response:
        context = self._context
        account = target.account
        check_account_name(account, context.limits)
        ring = context.rings.account.current()
        partition, primaries = ring.nodes(account)
        network = network_of(request, ring, primaries)
        generation = generation_of(request.environ, account_key(account))
        answer = read_whole(
            context,
            ReadPlan(
                method=request.verb,
                target=target.path,
                query=listing_query(request.environ.get("QUERY_STRING", "")),
                partition=partition,
                nodes=lambda: context.order.for_reading(partition, *network),
                headers=[
                    *read_headers(request.environ),
                    *common_headers(request, context.trans_id(request), context.agent),
                ],
                replicas=len(primaries),
                suppress=context.options.rebalance_missing_suppression_count,
                newest=request.true_header("X-Newest"),
                trans_id=context.trans_id(request),
            ),
        )
        answer = self._said_of_missing(request, answer)
        info = account_from_headers(answer.status, answer.headers, context.policy_indexes)
        recheck = context.options.recheck_account_existence
        remember(request.environ, account_key(account), info, recheck, generation)
        return self._shown(request, answer)

    def _said_of_missing(self, request: Request, answer: NodeAnswer) -> NodeAnswer:
        """410 for a deleted account; an empty one where none was made yet but may be."""
        if answer.status != 404:
            return answer
        if (answer.header("x-account-status") or "").lower() == "deleted":
            return NodeAnswer(410, "Gone", answer.headers)
        if not self._context.options.account_autocreate:
            return answer
        now = self._context.now().normal
        headers: HeaderList = [
            ("X-Account-Container-Count", "0"),
            ("X-Account-Object-Count", "0"),
            ("X-Account-Bytes-Used", "0"),
            ("X-Timestamp", now),
            ("X-Backend-Fake-Account-Listing", "yes"),
        ]
        if request.verb == "HEAD":
            return NodeAnswer(204, "No Content", headers)
        headers.append(("Content-Type", "application/json; charset=utf-8"))
        return NodeAnswer(200, "OK", headers, b"[]")

    def _shown(self, request: Request, answer: NodeAnswer) -> Response:
        if not 200 <= answer.status < 300:
            return response_of(answer)
        told = told_headers(answer.headers, read=True)
        if request.environ.get("swift_owner"):
            told += _shown_acl(answer)
        else:
            told = without(told, self._context.owner_headers)
        if request.verb == "HEAD":
            length = length_of(answer.header("content-length"))
            return Response(answer.status, told, content_length=length)
        return Response(answer.status, told, answer.body)

    def put(self, request: Request, target: Target) -> Response:
        check_account_name(target.account, self._context.limits)
        check_metadata(request, "account", self._context.limits)
        return self._changed(request, target, "PUT", self._metadata(request))

    def post(self, request: Request, target: Target) -> Response:
        context = self._context
        check_account_name(target.account, context.limits)
        check_metadata(request, "account", context.limits)
        headers = self._metadata(request)
        response = self._changed(request, target, "POST", headers)
        if response.status_int == 404 and context.options.account_autocreate:
            if not autocreate_account(context, request, target.account):
                raise Refusal(503, "The account could not be made just now.")
            response = self._changed(request, target, "POST", headers)
        return response

    def delete(self, request: Request, target: Target) -> Response:
        # A query on this URL has been a slip for a query on a container, and would cost
        # everything that the account holds.
        if request.environ.get("QUERY_STRING"):
            raise Refusal(400, "A DELETE of an account takes no query.")
        return self._changed(request, target, "DELETE", [])

    def _metadata(self, request: Request) -> list[Header]:
        return metadata_headers(request.environ, "account")

    def _changed(
        self, request: Request, target: Target, method: str, headers: list[Header]
    ) -> Response:
        answer = _tell_accounts(self._context, request, target.account, method, headers)
        clear_info(request.environ, target.account)
        extra = dict(_shown_acl(answer)) if request.environ.get("swift_owner") else None
        return response_of(answer, extra)


def autocreate_account(context: Context, request: Request, account: str) -> bool:
    """Make an account that something is about to be put in; False when it could not be made."""
    sysmeta = [
        (name, value)
        for name, value in metadata_headers(request.environ, "account")
        if name.lower().startswith("x-account-sysmeta-")
    ]
    answer = _tell_accounts(context, request, account, "PUT", sysmeta)
    clear_info(request.environ, account)
    if 200 <= answer.status < 300:
        return True
    context.log_of(request).warning(f"account {account!r} could not be made: {answer.status}")
    return False


def _tell_accounts(
    context: Context, request: Request, account: str, method: str, headers: list[Header]
) -> NodeAnswer:
    ring = context.rings.account.current()
    partition, primaries = ring.nodes(account)
    return tell(
        context,
        Plan(
            method=method,
            target=quote_path("/" + account),
            partition=partition,
            nodes=context.order.for_writing(partition, *network_of(request, ring, primaries)),
            headers=[
                *headers,
                ("X-Timestamp", context.now().internal),
                *common_headers(request, context.trans_id(request), context.agent),
            ],
            lane_blocks=[b""] * len(primaries),
            quorum=replicated_quorum(len(primaries)),
            trans_id=context.trans_id(request),
        ),
    )


def _shown_acl(answer: NodeAnswer) -> list[Header]:
    """The account's access list, which is kept as system metadata, as its owners see it."""
    stored = answer.header(_STORED_ACL)
    if not stored:
        return []
    try:
        acl = parse_account_acl(wsgi_to_text(stored))
    except AclInvalid:
        return []  # written by something else; nothing that could be shown
    shown = "" if acl is None else render_account_acl(acl)
    return [(_SHOWN_ACL, text_to_wsgi(shown))] if shown else []
