"""Rows of listings whose messenger died: told by the proxy itself.

Each node that takes a change tells a container server or two of it. When a node dies before it
could, or there was no node left for a copy, a quorum of containers hears from the others, but one
replica of the listing would lack the row until replication repairs it. So once the change is a
success, the proxy tells what such nodes would have told. It is the same call, with the same
timestamp, and makes no difference where the row is known already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swiftlite.host.net import render_address
from swiftlite.peers.errors import PeerFault
from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.proxy.context import Context
from swiftlite.proxy.outgoing import block_of
from swiftlite.proxy.plan import Header, Plan
from swiftlite.vocab.headers import X_BACKEND_CONTAINER_UPDATE_OVERRIDE_PREFIX
from swiftlite.vocab.names import quote_path

_PATIENCE_S = 1.0  # in all; a container server that is down as well is left to replication
_OVERRIDES = (
    X_BACKEND_CONTAINER_UPDATE_OVERRIDE_PREFIX.lower(),
    "x-object-sysmeta-container-update-override-",
)  # later ones win, as on an object server
_COPIED = frozenset(("x-timestamp", "x-backend-storage-policy-index", "x-trans-id", "user-agent"))


@dataclass(frozen=True, slots=True)
class ContainerTarget:
    """A container database that a lane was to tell."""

    ip: str
    port: int
    device: str
    partition: str


def tell_orphans(context: Context, plan: Plan, lanes: Iterable[int], row: list[Header]) -> None:
    """Tell the containers of these lanes of a change. row: X-Size and the like; none to delete.

    Raises nothing: a failure goes to the log, and the client has its success in any case.
    """
    targets = [target for lane in lanes for target in targets_of(plan.lane_blocks[lane])]
    if not targets:
        return
    block = block_of([*_shared(plan), *row])
    verb = "PUT" if row else "DELETE"
    calls = [
        (
            (target.ip, target.port),
            (
                f"{verb} /{quote_path(target.device)}/{target.partition}{plan.target} HTTP/1.1\r\n"
                f"Host: {render_address((target.ip, target.port))}\r\nContent-Length: 0\r\n"
            ).encode("latin-1")
            + block
            + b"\r\n",
            b"",
        )
        for target in targets
    ]
    deadline = context.monotonic() + _PATIENCE_S
    for target, exchange in zip(
        targets, context.pool.open_all(calls, deadline=deadline, idempotent=True), strict=True
    ):
        if not isinstance(exchange, PeerFault):
            try:
                answer = exchange.answer(deadline)
            except PeerFault as fault:
                exchange.close()
                exchange = fault
            else:
                answer.close()
                continue
        context.log.warning(
            f"{plan.target} is missing in one replica of its listing, on "
            f"{target.ip}:{target.port}/{target.device}: {exchange.reason}"
        )


def put_row(plan: Plan, size: int, answers: Iterable[NodeAnswer]) -> list[Header]:
    """The listing's row of a PUT that these answers are about."""
    etag = next((answer.header("etag") for answer in answers if answer.status == 201), None) or ""
    values = {"x-size": str(size), "x-etag": etag.strip('"'), "x-content-type": ""}
    for name, value in plan.headers:
        if name.lower() == "content-type":
            values["x-content-type"] = value
    for prefix in _OVERRIDES:
        for name, value in plan.headers:
            if name.lower().startswith(prefix):
                values["x-" + name.lower().removeprefix(prefix)] = value
    return [(name.title(), value) for name, value in values.items()]


def targets_of(block: bytes) -> Iterator[ContainerTarget]:
    """The containers that a lane's header lines name; none for one that tells a shard."""
    lines = (line.partition(": ") for line in block.decode("latin-1").split("\r\n") if line)
    headers = {name.lower(): value for name, _, value in lines}
    partition = headers.get("x-container-partition")
    if partition is None or "x-backend-quoted-container-path" in headers:
        return
    hosts = headers["x-container-host"].split(",")
    devices = headers["x-container-device"].split(",")
    for host, device in zip(hosts, devices, strict=True):
        ip, _, port = host.rpartition(":")
        yield ContainerTarget(ip.strip("[]"), int(port), device, partition)


def _shared(plan: Plan) -> Iterator[Header]:
    return (item for item in plan.headers if item[0].lower() in _COPIED)
