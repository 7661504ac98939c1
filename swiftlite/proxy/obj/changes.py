"""From a client's change of an object to a plan: container info and rings in, a plan out.

What all changes have in common: which container rows and expirer tasks follow from it, and what
every node is told of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from swiftlite.formats.expirer_task import ACCOUNT as QUEUE_ACCOUNT
from swiftlite.formats.expirer_task import task_container
from swiftlite.infocache import ContainerInfo
from swiftlite.policies import Policy
from swiftlite.proxy.context import Context
from swiftlite.proxy.lanes import rendered
from swiftlite.proxy.networks import (
    at_replication_address,
    network_of,
    takes_replication_network,
)
from swiftlite.proxy.obj.put_plan import UpdateTarget, lane_headers, paired
from swiftlite.proxy.outgoing import common_headers, object_headers
from swiftlite.proxy.plan import Header, Plan
from swiftlite.proxy.target import Target
from swiftlite.ring import Device
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Refusal, Request


def plan_change(
    context: Context,
    request: Request,
    target: Target,
    policy: Policy,
    container: ContainerInfo,
    timestamp: Timestamp,
) -> Plan:
    """The plan of a PUT, POST or DELETE by its verb."""
    assert target.container is not None
    assert target.obj is not None
    ring = context.rings.object(policy.index).current()
    partition, primaries = ring.nodes(target.account, target.container, target.obj)
    order = context.policy_order(policy.index)
    lanes = len(primaries)
    network = network_of(request, ring, primaries)
    verb = request.verb
    if verb == "DELETE":
        lanes += _handoffs_to_delete(context, policy.index, lanes, primaries)
        nodes = order.for_deleting(partition, *network)
    else:
        nodes = order.for_writing(partition, *network)
    headers = object_headers(request.environ)
    headers.append(("X-Timestamp", timestamp.internal))
    headers.append(("X-Backend-Storage-Policy-Index", str(policy.index)))
    if ring.next_part_power is not None:
        headers.append(("X-Backend-Next-Part-Power", str(ring.next_part_power)))
    open_expired = context.options.allow_open_expired and verb == "POST"
    if open_expired and request.true_header("X-Open-Expired"):
        headers.append(("X-Backend-Open-Expired", "true"))
    trans_id = context.trans_id(request)
    headers += common_headers(request, trans_id, context.agent)
    quorum = policy.quorum(len(primaries))
    return Plan(
        method=verb,
        target=target.path,
        partition=partition,
        nodes=nodes,
        headers=headers,
        lane_blocks=_lane_blocks(context, request, target, container, primaries, lanes, quorum),
        quorum=quorum if lanes == len(primaries) else (lanes + 1) // 2,
        length=request.body_length if verb == "PUT" else 0,
        trans_id=trans_id,
    )


def inbound_timestamp(context: Context, request: Request) -> Timestamp:
    """When this change happens: now, unless a trusted filter says otherwise (X-Timestamp that
    arrives here was let in by one; the gatekeeper takes away a client's own)."""
    text = request.get_header("X-Timestamp")
    if text is None:
        return context.now()
    try:
        return Timestamp.from_text(text)
    except ValueError:
        raise Refusal(
            400, f"X-Timestamp should be a UNIX timestamp float value; was {text!r}"
        ) from None


def _lane_blocks(
    context: Context,
    request: Request,
    target: Target,
    container: ContainerInfo,
    primaries: Sequence[Device],
    lanes: int,
    quorum: int,
) -> tuple[bytes, ...]:
    """Whom each node tells: the container whose listing shows the object, and the expirer; over
    the network that the change itself takes."""
    assert target.container is not None
    ring = context.rings.container.current()
    partition, devices = ring.nodes(target.account, target.container)
    devices = paired(primaries, devices)
    state = container.sharding_state
    elsewhere = takes_replication_network(request)
    queue = _queue_target(context, request, target)

    def headers() -> list[list[Header]]:
        told = UpdateTarget(partition, _addressed(devices, elsewhere), db_state=state)
        return lane_headers(lanes, quorum, told, queue)

    if queue is not None:
        return rendered(headers())
    order = tuple([device.id for device in devices])
    return context.lanes.get(ring, (partition, order, lanes, quorum, state, elsewhere), headers)


def _queue_target(context: Context, request: Request, target: Target) -> UpdateTarget | None:
    """The expirer's container for an object with an X-Delete-At (which was checked before)."""
    text = request.environ.get("HTTP_X_DELETE_AT")
    if not text:
        return None
    assert target.container is not None
    assert target.obj is not None
    name = task_container(
        context.hash_path, int(text), target.account, target.container, target.obj
    )
    partition, devices = context.rings.container.current().nodes(QUEUE_ACCOUNT, name)
    devices = _addressed(devices, takes_replication_network(request))
    return UpdateTarget(partition, devices, container=name)


def _addressed(devices: Sequence[Device], elsewhere: bool) -> tuple[Device, ...]:
    return tuple(map(at_replication_address, devices) if elsewhere else devices)


def _handoffs_to_delete(
    context: Context, policy_index: int, replicas: int, primaries: tuple[object, ...]
) -> int:
    """How many local handoffs hear of a DELETE; none without write affinity."""
    is_local = context.policy_order(policy_index).is_local
    if is_local is None:
        return 0
    count = context.policy_options(policy_index).write_affinity_handoff_delete_count
    if count is not None:
        return count
    return replicas - sum(is_local(device) for device in primaries)  # type: ignore[arg-type]
