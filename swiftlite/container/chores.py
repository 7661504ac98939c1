"""What the container replicator does for a container beside bringing it to its replicas."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from swiftlite.container.misplaced import MISPLACED_OBJECTS_ACCOUNT, MisplacedRows
from swiftlite.container.sync.store import update_link
from swiftlite.dbstore import ContainerBroker, Engine
from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.errors import DatabaseError
from swiftlite.dbstore.rows import ObjectRow
from swiftlite.dbstore.standing import Standing
from swiftlite.formats.db_files import sync_link
from swiftlite.observe.log import Log


class ContainerChores:
    def __init__(self, engine: Engine[ObjectRow], misplaced: MisplacedRows, log: Log) -> None:
        self._engine = engine
        self._misplaced = misplaced
        self._log = log

    def after_push(
        self, broker: Broker[ObjectRow], standing: Standing, outcomes: Sequence[bool]
    ) -> None:
        if standing.account == MISPLACED_OBJECTS_ACCOUNT:
            return
        container = ContainerBroker(self._engine, broker.place)
        try:
            facts = container.facts()
            broker.engine.offload(
                broker.place, update_link, self._engine.disk, broker.place.path, facts
            )
        except (DatabaseError, OSError) as error:
            self._log.warning(f"sync link of {broker.place.path}: {error}")
        if standing.may_have_misplaced:
            most = sum(outcomes) > len(outcomes) // 2
            self._misplaced.hand_on(container, standing, most_have_them=most)

    def before_removal(self, broker: Broker[ObjectRow]) -> None:
        """The sync daemon shall not come to look for it."""
        link = sync_link(broker.place.path)
        assert link is not None
        with suppress(FileNotFoundError):
            self._engine.offload(broker.place, self._engine.disk.unlink, link)
