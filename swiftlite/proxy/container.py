"""Containers: listed, described, made and deleted, inside accounts that exist or may be made."""

from __future__ import annotations

from swiftlite.infocache import AccountInfo, get_account_info, get_container_info
from swiftlite.infocache.cache import clear_info, container_key, generation_of, remember
from swiftlite.infocache.info import container_from_headers
from swiftlite.proxy.account import autocreate_account
from swiftlite.proxy.answers import length_of, response_of, told_headers, without
from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.proxy.context import Context
from swiftlite.proxy.lanes import rendered
from swiftlite.proxy.networks import network_of
from swiftlite.proxy.outgoing import (
    common_headers,
    listing_query,
    metadata_headers,
    read_headers,
)
from swiftlite.proxy.plan import Header, Plan, account_lane_headers
from swiftlite.proxy.reading import ReadPlan, read_whole
from swiftlite.proxy.target import Target
from swiftlite.proxy.telling import tell
from swiftlite.proxy.verbs import Verb, authorise
from swiftlite.ring import Ring
from swiftlite.vocab.names import is_hidden_account, wsgi_to_text
from swiftlite.vocab.quorum import replicated_quorum
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.checks import check_container_name, check_metadata
from swiftlite.web.wsgi import WsgiApp

PASSED_HEADERS = (
    "x-container-read",
    "x-container-write",
    "x-container-sync-key",
    "x-container-sync-to",
    "x-versions-location",
)
_ACL_HEADERS = ("X-Container-Read", "X-Container-Write")
_UPDATE_BYTES_MAX = 64 * 1024 * 1024


class ContainerController:
    """app: the proxy itself, through which infos are looked up."""

    def __init__(self, context: Context, app: WsgiApp) -> None:
        self._context = context
        self._app = app
        self.verbs = {
            "GET": Verb(self.read, asks_again=True),
            "HEAD": Verb(self.read, asks_again=True),
            "PUT": Verb(self.put),
            "POST": Verb(self.post),
            "DELETE": Verb(self.delete),
            "UPDATE": Verb(self.update, private=True),
        }

    def read(self, request: Request, target: Target) -> Response:
        context, environ = self._context, request.environ
        account, container = target.account, target.container
        assert container is not None
        hidden = is_hidden_account(account, context.limits.auto_create_account_prefix)
        if not hidden and not self._account(request, target).exists:
            # Not remembered: that the account is missing is, and says enough.
            return authorise(request, None) or response_of(NodeAnswer(404))
        ring = context.rings.container.current()
        partition, primaries = ring.nodes(account, container)
        network = network_of(request, ring, primaries)
        key = container_key(account, container)
        generation = generation_of(environ, key)
        answer = read_whole(
            context,
            ReadPlan(
                method=request.verb,
                target=target.path,
                query=listing_query(environ.get("QUERY_STRING", "")),
                partition=partition,
                nodes=lambda: context.order.for_reading(partition, *network),
                headers=[
                    *read_headers(environ),
                    *common_headers(request, context.trans_id(request), context.agent),
                ],
                replicas=len(primaries),
                suppress=context.options.rebalance_missing_suppression_count,
                newest=request.true_header("X-Newest"),
                trans_id=context.trans_id(request),
            ),
        )
        if "HTTP_X_BACKEND_RECORD_TYPE" not in environ:
            info = container_from_headers(answer.status, answer.headers)
            recheck = context.options.recheck_container_existence
            remember(environ, key, info, recheck, generation)
        acl = answer.header("x-container-read")
        denial = authorise(request, None if acl is None else wsgi_to_text(acl))
        return denial or self._shown(request, answer)

    def _shown(self, request: Request, answer: NodeAnswer) -> Response:
        if not 200 <= answer.status < 300:
            return response_of(answer)
        told = told_headers(answer.headers, read=True)
        if not request.environ.get("swift_owner"):
            told = without(told, self._context.owner_headers)
        index = answer.header("x-backend-storage-policy-index")
        if index is not None and index.isdigit():
            policy = self._context.policies.get(int(index))
            if policy is not None:
                told.append(("X-Storage-Policy", policy.name))
        if request.verb == "HEAD":
            length = length_of(answer.header("content-length"))
            return Response(answer.status, told, content_length=length)
        return Response(answer.status, told, answer.body)

    def put(self, request: Request, target: Target) -> Response:
        context = self._context
        self._check_change(request)
        policy = self._wanted_policy(request)
        assert target.container is not None
        check_container_name(target.account, target.container, context.limits)
        info = self._account(request, target)
        if not info.exists and context.options.account_autocreate and info.status != 410:
            if not autocreate_account(context, request, target.account):
                raise Refusal(503, "The account could not be made just now.")
            info = self._account(request, target)
        if not info.exists:
            raise Refusal(404)
        self._check_count(request, target, info)
        default = ("X-Backend-Storage-Policy-Default", str(context.policies.default.index))
        chosen = ("X-Backend-Storage-Policy-Index", str(policy))
        return self._changed(request, target, "PUT", [default if policy is None else chosen])

    def post(self, request: Request, target: Target) -> Response:
        self._check_change(request)
        if not self._account(request, target).exists:
            raise Refusal(404)
        return self._changed(request, target, "POST", [], tell_accounts=False)

    def delete(self, request: Request, target: Target) -> Response:
        if not self._account(request, target).exists:
            raise Refusal(404)
        response = self._changed(request, target, "DELETE", [])
        if response.status_int == 202:  # no server had it
            return response_of(NodeAnswer(404))
        return response

    def update(self, request: Request, target: Target) -> Response:
        """Rows for a listing, from another part of the cluster, which need not have an account
        yet: the expirer's is made by its first rows."""
        body = request.read_body(_UPDATE_BYTES_MAX)
        passed = [item for item in read_headers(request.environ) if item[0].startswith("X-Backend")]
        return self._changed(request, target, "UPDATE", passed, body=body)

    def _account(self, request: Request, target: Target) -> AccountInfo:
        """What is known of the account; 503 when nobody can say."""
        fresh = self._context.doubts(self._context.options.account_existence_skip_cache_pct)
        info = get_account_info(request.environ, self._app, account=target.account, fresh=fresh)
        if info.status >= 500:
            raise Refusal(503, "The account of this container cannot be reached just now.")
        return info

    def _check_change(self, request: Request) -> None:
        """Access lists into their stored form, metadata within its limits, and nothing of the
        owner's from anybody else."""
        clean = request.environ.get("swift.clean_acl")
        for name in _ACL_HEADERS:
            value = request.get_header(name)
            if value is not None and clean is not None:
                try:
                    request.set_header(name, clean(name.lower(), value))
                except ValueError as error:
                    raise Refusal(400, str(error)) from None
        check_metadata(request, "container", self._context.limits)
        if not request.environ.get("swift_owner"):
            for name in self._context.owner_headers:
                request.set_header(name, None)

    def _wanted_policy(self, request: Request) -> int | None:
        """Index of the policy that the client names; None when it names none."""
        name = request.get_header("X-Storage-Policy")
        if not name:
            return None
        policy = self._context.policies.by_name(name)
        if policy is None:
            raise Refusal(400, f'Invalid X-Storage-Policy "{wsgi_to_text(name)}"')
        if policy.deprecated:
            raise Refusal(400, f'Storage Policy "{policy.name}" is deprecated')
        return policy.index

    def _check_count(self, request: Request, target: Target, info: AccountInfo) -> None:
        """Whether the account may have one more; a container that is there is none more."""
        options = self._context.options
        most = options.max_containers_per_account
        exempt = target.account in options.max_containers_whitelist
        if not 0 < most <= info.container_count or exempt:
            return
        if not get_container_info(request.environ, self._app).ok:
            raise Refusal(403, f"Reached container limit of {most}")

    def _changed(
        self,
        request: Request,
        target: Target,
        method: str,
        extra: list[Header],
        *,
        body: bytes = b"",
        tell_accounts: bool = True,
    ) -> Response:
        context = self._context
        assert target.container is not None
        ring = context.rings.container.current()
        partition, primaries = ring.nodes(target.account, target.container)
        lanes: list[list[Header]] = [[] for _ in primaries]
        if tell_accounts:
            accounts: Ring = context.rings.account.current()
            account_partition, account_devices = accounts.nodes(target.account)
            lanes = account_lane_headers(len(primaries), account_partition, account_devices)
        metadata = metadata_headers(request.environ, "container", PASSED_HEADERS)
        answer = tell(
            context,
            Plan(
                method=method,
                target=target.path,
                partition=partition,
                nodes=context.order.for_writing(partition, *network_of(request, ring, primaries)),
                headers=[
                    *(metadata if method in ("PUT", "POST") else ()),
                    *extra,
                    ("X-Timestamp", context.now().internal),
                    *common_headers(request, context.trans_id(request), context.agent),
                ],
                lane_blocks=rendered(lanes),
                quorum=replicated_quorum(len(primaries)),
                length=len(body),
                trans_id=context.trans_id(request),
            ),
            body=body,
        )
        clear_info(request.environ, target.account, target.container)
        return response_of(answer)
