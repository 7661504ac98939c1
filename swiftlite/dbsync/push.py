"""Bringing one database to one other node: both tell how they stand, and what lacks there goes."""

from __future__ import annotations

from typing import Generic, Protocol

from swiftlite.dbstore.broker import Broker, SyncPoint
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.snapshot import Snapshot
from swiftlite.dbstore.standing import Standing
from swiftlite.dbsync.peers import Peers, Target
from swiftlite.dbsync.plan import Plan, Way, has_news, plan_push
from swiftlite.dbsync.stats import Counting
from swiftlite.host.clock import Clock
from swiftlite.protocols.db_sync import Reply
from swiftlite.vocab.timestamp import Timestamp


class FileCarrier(Protocol):
    """Takes files to nodes that are not swiftlite; raises PeerFault."""

    def carry(self, path: str, target: Target, name: str, *, compress: bool) -> None:
        """Put the file at path into the tmp of the target's device, under this name."""
        ...


class Push(Generic[Row]):
    """One pass's pushes."""

    def __init__(
        self,
        peers: Peers,
        carrier: FileCarrier,
        clock: Clock,
        counting: Counting,
        *,
        per_diff: int,
        max_diffs: int,
    ) -> None:
        self._peers = peers
        self._carrier = carrier
        self._clock = clock
        self._counting = counting
        self._per_diff = per_diff
        self._max_diffs = max_diffs

    def to_node(
        self, broker: Broker[Row], standing: Standing, target: Target, *, other_region: bool
    ) -> bool:
        """Whether the node has all that ours had when it stood so. Raises PeerFault (DeviceGone
        among them) and the database room's errors."""
        own = standing.replica
        reply = self._peers.sync(target, own)
        sent = -1
        if reply is not None:
            if has_news(own, reply.replica):
                broker.take_over(reply.replica, Timestamp.from_seconds(self._clock.wall()))
            if reply.point < own.max_row:
                sent = _sent_to(broker, reply.replica.id)
        plan = plan_push(own, reply, sent, self._per_diff)
        self._counting.went(plan.way)
        match plan.way:
            case Way.NO_CHANGE:
                return True
            case Way.HASH_MATCH:
                assert reply is not None
                point = SyncPoint(reply.replica.id, reply.point)
                broker.merge_sync_points([point], incoming=False)
                return True
            case Way.DIFF:
                assert reply is not None
                return self._send_rows(broker, standing, target, reply, plan)
        self._send_file(broker, standing, target, plan, other_region)
        return True

    def _send_rows(
        self,
        broker: Broker[Row],
        standing: Standing,
        target: Target,
        reply: Reply,
        plan: Plan,
    ) -> bool:
        """Rows in order, without gaps: the other side remembers the last as its sync point."""
        points = broker.sync_points(incoming=True)
        start = plan.start
        rows = broker.rows_since(start, self._per_diff)
        for _ in range(self._max_diffs):
            if not rows:
                break
            items = [{"ROWID": rowid, **row._asdict()} for rowid, row in rows]
            self._peers.merge_items(target, items, standing.replica.id)
            start = rows[-1][0]
            rows = broker.rows_since(start, self._per_diff)
        if rows:
            self._counting.capped()
            return False
        # Through our rows it has those of others as well, as far as we had them.
        known = [(point.remote_id, point.sync_point) for point in points]
        self._peers.merge_syncs(target, known)
        broker.merge_sync_points([SyncPoint(reply.replica.id, start)], incoming=False)
        return True

    def _send_file(
        self,
        broker: Broker[Row],
        standing: Standing,
        target: Target,
        plan: Plan,
        other_region: bool,
    ) -> None:
        source, rows = standing.replica.id, standing.replica.max_row
        merge = plan.way is Way.REMOTE_MERGE
        with Snapshot(broker.engine, broker.place) as snapshot:
            if self._peers.speaks_lane(target.node):
                self._peers.send_file(target, snapshot.path, snapshot.name, source, rows)
                return
            self._carrier.carry(snapshot.path, target, source, compress=other_region)
            self._peers.file_came(target, source, snapshot.name, merge=merge, rows=rows)


def _sent_to(broker: Broker[Row], remote_id: str) -> int:
    points = broker.sync_points(incoming=False)
    return next((point.sync_point for point in points if point.remote_id == remote_id), -1)
