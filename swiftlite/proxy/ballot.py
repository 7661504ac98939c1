"""What the nodes asked so far have said to a read, and whether one of them is to be believed.

Pure. A node that says "not there" may have been given the partition a moment ago, or be a handoff
that never had it; a node that has the object may have missed its deletion. What is believed when
is decided here, for accounts, containers and objects alike.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from swiftlite.proxy.best_response import SILENT, NodeAnswer
from swiftlite.proxy.nodes import Node
from swiftlite.vocab.timestamp import ZERO, Timestamp


class Headers(Protocol):
    """Headers of a node's answer, names in any case."""

    def get(self, name: str, /) -> str | None: ...


class Choice(Enum):
    GOOD = 1  # may be sent to the client
    VOTES = 2  # counts when no good answer is found
    IGNORED = 3  # says nothing about what the cluster holds


class Ballot:
    """One read's votes. suppress: 404s of primaries that are not believed, after a rebalance."""

    __slots__ = ("_suppress", "_unsatisfied_is_good", "answers", "latest_tombstone")

    def __init__(self, *, suppress: int = 0, of_object: bool = False) -> None:
        self.answers: list[NodeAnswer] = []
        self.latest_tombstone: Timestamp = ZERO
        self._suppress = suppress
        self._unsatisfied_is_good = of_object

    def weigh(self, node: Node, status: int, headers: Headers) -> Choice:
        """What an answer is worth. A VOTES answer is to be given to `vote`."""
        if 200 <= status < 400 or (status == 416 and self._unsatisfied_is_good):
            if self.latest_tombstone and moment_of(headers) < self.latest_tombstone:
                return Choice.IGNORED  # it was deleted since; the tombstone has voted
            return Choice.GOOD
        if status == 404:
            tombstone = _timestamp(headers.get("x-backend-timestamp"))
            if tombstone:
                if self.latest_tombstone < tombstone:
                    self.latest_tombstone = tombstone
                return Choice.VOTES
            if node.handoff_index is not None:
                return Choice.IGNORED
            if self._suppress > 0:
                self._suppress -= 1
                return Choice.IGNORED
            return Choice.VOTES
        if status >= 500 and node.handoff_index is not None:
            return Choice.IGNORED
        return Choice.VOTES

    def vote(self, answer: NodeAnswer) -> None:
        self.answers.append(answer)

    def silent(self, node: Node) -> None:
        """A node that could not be asked. A primary that is silent may hold what others lack."""
        if node.handoff_index is None:
            self.answers.append(SILENT)


def moment_of(headers: Headers) -> Timestamp:
    """When what a good answer shows was put there."""
    return _timestamp(
        headers.get("x-backend-data-timestamp")
        or headers.get("x-backend-timestamp")
        or headers.get("x-put-timestamp")
        or headers.get("x-timestamp")
    )


def version_of(headers: Headers) -> tuple[Timestamp, Timestamp]:
    """Sorts answers from oldest to newest: by their data, then by their metadata."""
    return moment_of(headers), _timestamp(headers.get("x-backend-timestamp"))


def _timestamp(text: str | None) -> Timestamp:
    """ZERO for none, or for one that a node wrote wrongly."""
    if not text:
        return ZERO
    try:
        return Timestamp.from_text(text)
    except ValueError:
        return ZERO
