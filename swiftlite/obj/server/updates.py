"""What the containers must be told of a change, and that they are, or will be.

A change is acknowledged once each container server named in the request has its row on stable
storage, or an async pending that will tell it later is on stable storage here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from swiftlite.formats.async_pending import AsyncPending
from swiftlite.formats.expirer_task import ACCOUNT, TIME_MAX, task_container, task_name, task_type
from swiftlite.host.net import Address
from swiftlite.obj.server.later import Kept, Later, Lines
from swiftlite.obj.server.placement import Placement
from swiftlite.obj.server.rows import Row, RowSender, Target
from swiftlite.objectstore.api import Metadata
from swiftlite.objectstore.manager import Manager
from swiftlite.vocab.names import split_path, unquote_path, wsgi_to_text
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web import Request

_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"


class UpdateLog(Lines, Protocol):
    def error(self, message: str, /) -> None: ...


class Updates:
    """divisor: seconds that one container of the expirer's queue covers."""

    def __init__(
        self, sender: RowSender, manager: Manager, log: UpdateLog, *, pid: int, divisor: int
    ) -> None:
        self.sender = sender
        self.manager = manager
        self.later = Later(sender.tasks, sender, manager, log)
        self.log = log
        self.user_agent = f"object-server {pid}"
        self.divisor = divisor

    def object_changed(self, op: str, request: Request, where: Placement, row: Metadata) -> None:
        """The row of this object in its container's listing (or in a shard of it)."""
        environ = request.environ
        if not environ.get("HTTP_X_CONTAINER_PARTITION"):
            return  # enough other object servers tell it
        headers = {
            **row,
            "X-Backend-Storage-Policy-Index": str(where.policy_index),
            **self._origin(request),
        }
        update = AsyncPending(
            op, where.account, where.container, where.obj, headers,
            db_state=environ.get("HTTP_X_CONTAINER_ROOT_DB_STATE"),
            container_path=self._container_path(request),
        )  # fmt: skip
        targets = targets_of(
            environ.get("HTTP_X_CONTAINER_HOST", ""),
            environ.get("HTTP_X_CONTAINER_DEVICE", ""),
            environ["HTTP_X_CONTAINER_PARTITION"],
        )
        if targets is None:
            self.log.error(
                "X-Container-Host and X-Container-Device do not fit together: "
                f"{environ.get('HTTP_X_CONTAINER_HOST')!r}, "
                f"{environ.get('HTTP_X_CONTAINER_DEVICE')!r}"
            )
        self._tell(where, update, targets or ())

    def expiry_changed(
        self,
        request: Request,
        where: Placement,
        timestamp: Timestamp,
        data_metadata: Mapping[str, str],
        *,
        old: int,
        new: int,
    ) -> None:
        """Entries of the expirer's queue, for X-Delete-At from old to new; 0: none."""
        if not (old or new) or request.true_header("X-Backend-Replication"):
            return
        if new:
            self._enqueue(request, where, timestamp, data_metadata, min(new, TIME_MAX))
        clean = request.environ.get("HTTP_X_BACKEND_CLEAN_EXPIRING_OBJECT_QUEUE")
        if (
            old
            and old != new
            and (clean is None or request.true_header("X-Backend-Clean-Expiring-Object-Queue"))
        ):
            self._dequeue(request, where, timestamp, min(old, TIME_MAX))

    def _enqueue(
        self,
        request: Request,
        where: Placement,
        timestamp: Timestamp,
        data_metadata: Mapping[str, str],
        delete_at: int,
    ) -> None:
        environ = request.environ
        hosts = environ.get("HTTP_X_DELETE_AT_HOST")
        if hosts is None:
            return  # enough other object servers tell it
        container = environ.get("HTTP_X_DELETE_AT_CONTAINER") or self._queue(where, delete_at)
        headers = {
            "X-Size": "0",
            "X-Content-Type": task_type(int(data_metadata["Content-Length"])),
            "X-Content-Type-Timestamp": data_metadata["X-Timestamp"],
            "X-Etag": _EMPTY_ETAG,
        }
        partition = environ.get("HTTP_X_DELETE_AT_PARTITION", "")
        devices = environ.get("HTTP_X_DELETE_AT_DEVICE", "")
        targets = targets_of(hosts, devices, partition) if partition else None
        update = self._task("PUT", request, where, timestamp, container, delete_at, headers)
        self._tell(where, update, targets or ())

    def _dequeue(
        self, request: Request, where: Placement, timestamp: Timestamp, delete_at: int
    ) -> None:
        """Straight to disk: nobody waits for an entry to go."""
        container = self._queue(where, delete_at)
        update = self._task("DELETE", request, where, timestamp, container, delete_at, {})
        self._tell(where, update, ())

    def _task(
        self,
        op: str,
        request: Request,
        where: Placement,
        timestamp: Timestamp,
        container: str,
        delete_at: int,
        headers: dict[str, str],
    ) -> AsyncPending:
        return AsyncPending(
            op,
            ACCOUNT,
            container,
            task_name(delete_at, where.account, where.container, where.obj),
            {
                **headers,
                "X-Timestamp": timestamp.internal,
                "X-Backend-Storage-Policy-Index": "0",  # hidden accounts are of policy 0
                **self._origin(request),
            },
        )

    def _queue(self, where: Placement, delete_at: int) -> str:
        return task_container(
            self.manager.hash_path, delete_at, where.account, where.container, where.obj,
            divisor=self.divisor,
        )  # fmt: skip

    def _tell(self, where: Placement, update: AsyncPending, targets: tuple[Target, ...]) -> None:
        """Tell all targets; keep the update unless each has taken it."""
        account, container = update.account, update.container
        if update.container_path is not None:
            account, _, container = update.container_path.partition("/")
        row = Row(update.op, account, container, update.obj, update.headers)
        if targets and self.sender.send(row, targets):
            return
        headers = update.headers
        moment = Timestamp.from_text(headers.get("X-Meta-Timestamp") or headers["X-Timestamp"])
        self.manager.save_pending(where.device, where.policy_index, moment, update)
        self.later.add(Kept(where.device, where.policy_index, moment, update, row, targets))

    def _origin(self, request: Request) -> dict[str, str]:
        """Headers that tell a container server's log where an update comes from."""
        environ = request.environ
        return {
            "X-Trans-Id": wsgi_to_text(environ.get("HTTP_X_TRANS_ID", "-")),
            "Referer": f"{request.verb} http://{environ.get('HTTP_HOST', 'localhost')}"
            f"{environ.get('RAW_PATH_INFO', '')}",
            "User-Agent": self.user_agent,
        }

    def _container_path(self, request: Request) -> str | None:
        """`account/container` of the shard that the row belongs to; None for the root."""
        quoted = request.environ.get("HTTP_X_BACKEND_QUOTED_CONTAINER_PATH")
        if not quoted:
            return None
        path = unquote_path(wsgi_to_text(quoted))
        try:
            split_path(f"/{path}", 2, 2)
        except ValueError:
            self.log.error(f"X-Backend-Quoted-Container-Path is not one, using the root: {path!r}")
            return None
        return path


@lru_cache(maxsize=1024)
def targets_of(hosts: str, devices: str, partition: str) -> tuple[Target, ...] | None:
    """Pair two comma-separated lists; None when they do not pair."""
    addresses = [_address(host) for host in hosts.split(",") if host.strip()]
    names = [device.strip() for device in devices.split(",") if device.strip()]
    if len(addresses) != len(names) or not (partition.isascii() and partition.isdigit()):
        return None
    found = []
    for address, name in zip(addresses, names, strict=True):
        if address is None:
            return None
        found.append(Target(address, name, int(partition)))
    return tuple(found)


def _address(host: str) -> Address | None:
    ip, colon, port = host.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:6]) > 65_535:
        return None
    return ip.removeprefix("[").removesuffix("]"), int(port)
