"""Objects, by verb: authorise, make a plan, choose by policy kind, answer."""

from __future__ import annotations

from functools import lru_cache

from swiftlite.infocache import ContainerInfo, get_container_info
from swiftlite.policies import Policy
from swiftlite.proxy.answers import response_of
from swiftlite.proxy.context import Context
from swiftlite.proxy.networks import network_of
from swiftlite.proxy.obj.changes import inbound_timestamp, plan_change
from swiftlite.proxy.obj.expiry import check_expiry
from swiftlite.proxy.obj.guessing import guessed_type
from swiftlite.proxy.obj.kinds import kind_of
from swiftlite.proxy.obj.post_delete import tell_change
from swiftlite.proxy.obj.put_pump import pump
from swiftlite.proxy.outgoing import common_headers, read_headers
from swiftlite.proxy.plan import Header
from swiftlite.proxy.reading import ReadPlan
from swiftlite.proxy.ready import SLOW_NODE_S
from swiftlite.proxy.target import Target
from swiftlite.proxy.verbs import Verb, authorise
from swiftlite.vocab.http_date import format_http_date
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.checks import check_delete_headers, check_metadata, check_object_creation
from swiftlite.web.conditional import wants_no_overwrite
from swiftlite.web.wsgi import WsgiApp

_date_of = lru_cache(maxsize=16)(format_http_date)  # many changes come in one second


class ObjectController:
    """app: the proxy itself, through which infos are looked up."""

    def __init__(self, context: Context, app: WsgiApp) -> None:
        self._context = context
        self._app = app
        self.verbs = {
            "GET": Verb(self.read, asks_again=True),
            "HEAD": Verb(self.read, asks_again=True),
            "PUT": Verb(self.put, asks_again=True),
            "POST": Verb(self.post, asks_again=True),
            "DELETE": Verb(self.delete, asks_again=True),
        }

    def read(self, request: Request, target: Target) -> Response:
        context, environ = self._context, request.environ
        container = self._container(request, target)
        denial = authorise(request, container.read_acl)
        if denial is not None:
            return denial
        policy = self._policy(request, container)
        headers = read_headers(environ)
        if "HTTP_X_BACKEND_STORAGE_POLICY_INDEX" not in environ:
            headers.append(("X-Backend-Storage-Policy-Index", str(policy.index)))
        if context.options.allow_open_expired and request.true_header("X-Open-Expired"):
            headers.append(("X-Backend-Open-Expired", "true"))
        if environ["REQUEST_METHOD"] == "GET":
            headers += context.borrowing.offered
        newest = request.true_header("X-Newest")
        plan = self._reading(request, target, policy, environ["REQUEST_METHOD"], headers, newest)
        return kind_of(policy).read(context, request, plan)

    def _reading(
        self, request: Request, target: Target, policy: Policy, method: str,
        headers: list[Header], newest: bool,
    ) -> ReadPlan:  # fmt: skip
        """headers: what the nodes are to be told beside what they always are."""
        context = self._context
        assert target.container is not None
        assert target.obj is not None
        ring = context.rings.object(policy.index).current()
        partition, primaries = ring.nodes(target.account, target.container, target.obj)
        network = network_of(request, ring, primaries)
        trans_id = context.trans_id(request)
        own = context.policy_options(policy.index)
        order = context.policy_order(policy.index)
        return ReadPlan(
            method=method,
            target=target.path,
            partition=partition,
            nodes=lambda: order.for_reading(partition, *network),
            headers=headers + common_headers(request, trans_id, context.agent),
            replicas=len(primaries),
            suppress=own.rebalance_missing_suppression_count,
            newest=newest,
            of_object=True,
            trans_id=trans_id,
            stagger=_stagger(context, policy.index),
        )

    def put(self, request: Request, target: Target) -> Response:
        context = self._context
        wants_no_overwrite(request)  # refuses any If-None-Match but `*`
        container = self._container(request, target)
        self._authorise_write(request, container)
        policy = self._policy(request, container)
        _guess_content_type(request)
        timestamp = inbound_timestamp(context, request)
        assert target.obj is not None
        now = context.host.clock.wall()
        check_object_creation(request, target.obj, context.limits, now)
        plan = plan_change(context, request, target, policy, container, timestamp)
        answer = pump(context, request, plan, kind_of(policy).sink(context))
        if 200 <= answer.status < 300:
            headers = {
                "Content-Type": "text/html; charset=UTF-8",
                "Last-Modified": _date_of(timestamp.ceil()),
            }
            return response_of(answer, headers)
        return response_of(answer)

    def post(self, request: Request, target: Target) -> Response:
        context = self._context
        container = self._container(request, target)
        self._authorise_write(request, container)
        check_metadata(request, "object", context.limits)
        check_delete_headers(request, context.host.clock.wall())
        return self._changed(request, target, container)

    def delete(self, request: Request, target: Target) -> Response:
        container = self._container(request, target)
        self._authorise_write(request, container)
        if "HTTP_X_IF_DELETE_AT" in request.environ:
            policy = self._policy(request, container)
            headers = [
                ("X-Backend-Storage-Policy-Index", str(policy.index)),
                ("X-Backend-Open-Expired", "true"),
            ]
            plan = self._reading(request, target, policy, "HEAD", headers, newest=True)
            check_expiry(self._context, request, plan)
        return self._changed(request, target, container)

    def _changed(self, request: Request, target: Target, container: ContainerInfo) -> Response:
        context = self._context
        policy = self._policy(request, container)
        timestamp = inbound_timestamp(context, request)
        plan = plan_change(context, request, target, policy, container, timestamp)
        return response_of(tell_change(context, plan))

    def _container(self, request: Request, target: Target) -> ContainerInfo:
        """What is known of the container; 503 when nobody can say."""
        fresh = self._context.doubts(self._context.options.container_existence_skip_cache_pct)
        info = get_container_info(
            request.environ,
            self._app,
            account=target.account,
            container=target.container,
            fresh=fresh,
        )
        if info.status >= 500:
            raise Refusal(503, "The container of this object cannot be reached just now.")
        return info

    def _authorise_write(self, request: Request, container: ContainerInfo) -> None:
        request.environ["swift_sync_key"] = container.sync_key
        denial = authorise(request, container.write_acl)
        if denial is not None:
            raise Denied(denial)
        if not container.ok:
            raise Refusal(404)

    def _policy(self, request: Request, container: ContainerInfo) -> Policy:
        """The policy that the container has, unless a part of the cluster names another."""
        index = container.storage_policy
        if "HTTP_X_BACKEND_STORAGE_POLICY_INDEX" in request.environ:
            index = request.policy_index
        policy = self._context.policies.get(index)
        if policy is None:
            raise Refusal(503, f"This proxy knows no storage policy of index {index}.")
        kind_of(policy)  # one that is not served is refused, never kept in another way
        return policy


class Denied(Refusal):
    """A no of the authorise callback, raised; carries its response."""

    def __init__(self, denial: Response) -> None:
        super().__init__(403)
        self.denial = denial

    def response(self) -> Response:
        return self.denial


def _guess_content_type(request: Request) -> None:
    """A type by the name's ending where the client gave none, or asks for it."""
    detect = request.true_header("X-Detect-Content-Type")
    request.set_header("X-Detect-Content-Type", None)
    if detect or not request.environ.get("CONTENT_TYPE"):
        request.environ["CONTENT_TYPE"] = guessed_type(request.environ["PATH_INFO"])


def _stagger(context: Context, policy_index: int) -> float:
    """Seconds after which the next node is asked as well."""
    own = context.policy_options(policy_index)
    if not own.concurrent_gets:
        return SLOW_NODE_S
    if own.concurrency_timeout is not None:
        return own.concurrency_timeout
    return context.options.conn_timeout
