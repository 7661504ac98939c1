"""The server's side of database replication: the REPLICATE verb of account and container servers.

A peer tells us of its replica; we take over what is better there and say how ours stands. Rows and
whole files follow. To a swiftlite peer, which says so, we say so too: it may then compare many
databases in one call, and send a file in the body of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic

from swiftlite.dbstore.arrival import adopt, merge_file
from swiftlite.dbstore.broker import Broker, SyncPoint
from swiftlite.dbstore.engine import Engine
from swiftlite.dbstore.errors import DatabaseDamaged, DatabaseMissing
from swiftlite.dbstore.merge import Row
from swiftlite.dbstore.places import Place
from swiftlite.dbstore.temporary import temporary_directory
from swiftlite.dbsync.comparing import Comparing
from swiftlite.dbsync.incoming import FileBody
from swiftlite.dbsync.lane import LANE, LANE_HEADER, NAME_HEADER, REPLICA_HEADER
from swiftlite.dbsync.plan import has_news
from swiftlite.host.clock import Clock
from swiftlite.protocols import db_sync
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.storage_paths import split_storage_path

_BODY_BYTES = 64 << 20
_LARGE_BODY = 131_072  # bytes above which reading it leaves the event loop
_HASH_DIGITS = frozenset("0123456789abcdef")


class ReplicateVerb(Generic[Row]):
    """A handler. changed: told of a database whose rows or counts have become others."""

    def __init__(
        self,
        engine: Engine[Row],
        broker_of: Callable[[Engine[Row], Place], Broker[Row]],
        clock: Clock,
        changed: Callable[[Broker[Row]], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._broker_of = broker_of
        self._clock = clock
        self._changed = changed
        self._comparing = Comparing(engine, clock)

    def __call__(self, request: Request) -> Response:
        speaks_lane = request.get_header(LANE_HEADER) == LANE
        if speaks_lane and request.path_text == "/compare":
            response = self._compare(request)
        else:
            response = self._one_database(request)
        if speaks_lane:
            response.headerlist.append((LANE_HEADER, LANE))
        return response

    def _compare(self, request: Request) -> Response:
        try:
            asks = db_sync.decode_asks(request.read_body(_BODY_BYTES))
        except ValueError as error:
            raise Refusal(400, f"Invalid comparison: {error}.") from None
        return Response(200, body=db_sync.encode_verdicts(self._comparing.answer(asks)))

    def _one_database(self, request: Request) -> Response:
        device, partition, digest = split_storage_path(request, 3, 3)
        if digest is None or len(digest) != 32 or not _HASH_DIGITS.issuperset(digest):
            raise Refusal(400, f"Not a database's hash: {digest!r}")
        place = self._engine.place(str(device), str(partition), digest)
        broker = self._broker_of(self._engine, place)
        self._engine.offload(place, self._check_device, place)
        try:
            source = request.get_header(REPLICA_HEADER)
            if source is not None:
                return self._take_file(request, broker, source)
            return self._carry_out(broker, self._call_of(request, place))
        except (DatabaseMissing, DatabaseDamaged):
            # A damaged one is in quarantine now; either way the peer is to send its own.
            return Response(404)

    def _check_device(self, place: Place) -> None:
        """Raises for a device that cannot be used, or is full; makes the place for rsync."""
        self._engine.devices.check(place.device, room=True)
        temporary_directory(self._engine.disk, place.device_path)

    def _call_of(self, request: Request, place: Place) -> db_sync.Call:
        body = request.read_body(_BODY_BYTES)
        try:
            if len(body) < _LARGE_BODY:
                return db_sync.decode_call(body)
            call: db_sync.Call = self._engine.offload(place, db_sync.decode_call, body)
            return call
        except ValueError as error:
            raise Refusal(400, f"Invalid call: {error}") from None

    def _carry_out(self, broker: Broker[Row], call: db_sync.Call) -> Response:
        match call:
            case db_sync.Sync(replica):
                return self._sync(broker, replica)
            case db_sync.MergeItems():
                return self._merge_items(broker, call)
            case db_sync.MergeSyncs(points):
                broker.merge_sync_points([SyncPoint(*point) for point in points], incoming=True)
                return Response(202)
            case db_sync.FileCame():
                return self._file_came(broker, call)
            case db_sync.GetShardRanges():
                broker.standing()
                return Response(200, {"Content-Type": "application/json"}, b"[]")
            case db_sync.MergeShardRanges():
                raise Refusal(501, "This server keeps no shard ranges.")

    def _sync(self, broker: Broker[Row], other: db_sync.Replica) -> Response:
        standing = broker.standing()
        point = standing.point_of(other.id)
        if other.hash == standing.replica.hash and point < other.max_row:
            point = other.max_row  # equal rows: we have all of them
            broker.merge_sync_points([SyncPoint(other.id, point)], incoming=True)
        if has_news(standing.replica, other):
            broker.take_over(other, self._now())
            standing = broker.standing()
            self._changed(broker)
        body = db_sync.encode_reply(standing.replica, point, standing.more)
        return Response(200, {"Content-Type": "application/json"}, body)

    def _merge_items(self, broker: Broker[Row], call: db_sync.MergeItems) -> Response:
        rows = self._rows_of(broker, call.items)
        if rows:
            broker.merge_from_peer(rows, call.source, call.last_rowid)
            self._changed(broker)
        return Response(202)

    def _rows_of(self, broker: Broker[Row], items: Sequence[db_sync.Item]) -> list[Row]:
        def read() -> list[Row]:
            return [self._engine.kind.row_of_json(item) for item in items]

        try:
            return self._engine.offload(broker.place, read)
        except ValueError as error:
            raise Refusal(400, f"Invalid row: {error}.") from None

    def _file_came(self, broker: Broker[Row], call: db_sync.FileCame) -> Response:
        path = f"{broker.place.device_path}/tmp/{call.source}"
        if call.merge:
            broker.standing()  # raises where there is nothing to merge with
            done = merge_file(broker, path, call.source, self._now())
        else:
            done = adopt(broker, path, call.source, call.name)
        if not done:
            return Response(404)
        self._changed(broker)
        return Response(204)

    def _take_file(self, request: Request, broker: Broker[Row], source: str) -> Response:
        """A whole file in the body: made the database, or merged into it."""
        with FileBody(self._engine, broker.place) as arriving:
            arriving.receive(request)
            name = request.get_header(NAME_HEADER)
            if not adopt(broker, arriving.path, source, name):
                merge_file(broker, arriving.path, source, self._now())
        self._changed(broker)
        return Response(204)

    def _now(self) -> Timestamp:
        return Timestamp.from_seconds(self._clock.wall())
