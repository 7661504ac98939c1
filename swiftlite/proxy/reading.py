"""Reads: nodes are asked one after the other (or a little staggered) until one can answer well.

The same search serves accounts, containers and objects, goes on where it stopped when a source
fails in mid-body, and finds the newest version when that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from swiftlite.peers.answer import Answer
from swiftlite.peers.errors import PeerFault, PeerTimeout
from swiftlite.peers.exchange import Exchange
from swiftlite.proxy.ballot import Ballot, Choice, moment_of, version_of
from swiftlite.proxy.best_response import NodeAnswer, best_response, quorum_size
from swiftlite.proxy.blame import Blame, describe
from swiftlite.proxy.context import Context
from swiftlite.proxy.nodes import Node
from swiftlite.proxy.outgoing import block_of, request_head
from swiftlite.proxy.plan import Header
from swiftlite.proxy.ready import SLOW_NODE_S, first_ready, silent_too_long

_VOTE_BODY_MAX = 8192
_WHOLE_BODY_MAX = 512 * 1024 * 1024  # a listing; far above any that a server makes


@dataclass(slots=True)  # frozen, it would take 1.7 µs to make instead of 0.7
class ReadPlan:
    """Never changed once made. nodes: gives the nodes to ask, anew each time. replicas: how many
    primaries there are.

    stagger: seconds after which the next node is asked while one has not answered.
    """

    method: str
    target: str  # quoted
    partition: int
    nodes: Callable[[], Iterator[Node]]
    headers: Sequence[Header]
    replicas: int
    suppress: int = 0
    query: str = ""
    newest: bool = False
    of_object: bool = False
    trans_id: str = ""
    stagger: float = SLOW_NODE_S


class Found(NamedTuple):
    """A node and its good answer, whose body is still to be read."""

    node: Node
    answer: Answer


class _Asked(NamedTuple):
    node: Node
    exchange: Exchange
    since: float


class Search:
    """One read. close() is not needed: only answers found are left open."""

    def __init__(self, context: Context, plan: ReadPlan) -> None:
        self.plan = plan
        self.blame = Blame(context.limiter)
        self._context = context
        self._nodes = plan.nodes()
        suppress = min(plan.suppress, max(0, plan.replicas - 1))
        self._ballot = Ballot(suppress=suppress, of_object=plan.of_object)
        self._block = block_of(plan.headers)
        self._newest_again = plan.newest
        self._quorum = quorum_size(plan.replicas)
        self._heard = 0  # primaries that know what they have of it
        options = context.options
        self._timeout = options.node_timeout if plan.newest else context.read_timeout

    @property
    def is_sure(self) -> bool:
        """Whether most primaries have told by now what they have, or that they have nothing."""
        return self._heard >= self._quorum

    def first(self) -> Found | None:
        """The source to answer from: the newest where that is asked for."""
        return self.newest() if self.plan.newest else self.next()

    def next(self, headers: Sequence[Header] | None = None) -> Found | None:
        """The next node with a good answer, None when there is none left.

        headers: what to send instead, from here on.
        """
        if headers is not None:
            self._block = block_of(headers)
        found = self._in_turn()
        self.blame.settle()
        return found

    def again(self, node: Node, headers: Sequence[Header]) -> Found | None:
        """As next(), with that node first, which has answered already."""
        self._nodes = chain((node,), self._nodes)
        return self.next(headers)

    def newest(self) -> Found | None:
        """Ask every node at once; the newest good answer, unless a deletion is newer still."""
        asked = [one for node in self._nodes if (one := self._ask(node)) is not None]
        best: Found | None = None
        pause = self._context.options.post_quorum_timeout
        while asked:
            found = self._answer_of_any(asked, self._context.monotonic() + pause)
            if found is None:
                continue
            if best is None:
                best = found
            elif version_of(found.answer.headers) > version_of(best.answer.headers):
                best.answer.close()
                best = found
            else:
                found.answer.close()
        self.blame.settle()
        self._nodes = self.plan.nodes()  # for whoever has to go on elsewhere
        if best is None:
            return None
        if moment_of(best.answer.headers) < self._ballot.latest_tombstone:
            best.answer.close()
            self._only_the_tombstone_counts()
            return None
        return best

    def another(self) -> Found | None:
        """Another source, when the one found failed before anything of it was sent."""
        if not self.plan.newest:
            return self.next()
        if not self._newest_again:
            return None
        self._newest_again = False
        return self.newest()

    def verdict(self) -> NodeAnswer:
        """What to tell the client when there was no good answer."""
        return best_response(self._ballot.answers)

    def failed(self, node: Node, fault: PeerFault, *, excused: bool = False) -> None:
        """A source stopped in the middle of its body. excused: the client kept it waiting."""
        self._log(f"{describe(node.device)} failed in mid-answer: {fault.reason}")
        if not excused:
            self._context.limiter.error(node.device)

    def _in_turn(self) -> Found | None:
        """One node after the other, as long as each answers quickly."""
        stagger, timeout = self.plan.stagger, self._timeout
        if timeout < stagger:
            stagger = timeout
        while (node := self._next_node()) is not None:
            asked = self._ask(node)
            if asked is None:
                continue
            try:
                answer = asked.exchange.answer(asked.since + stagger)
            except PeerTimeout:
                return self._staggered(asked, stagger)
            except PeerFault as fault:
                asked.exchange.close()
                self._silent(node, fault)
                continue
            found = self._weigh(asked, answer)
            if found is not None:
                return found
        return None

    def _staggered(self, slow: _Asked, seconds: float) -> Found | None:
        """With one node that is slow, ask others too; the first good answer of any."""
        waiting = [slow]
        exhausted = False
        while waiting or not exhausted:
            node = None if exhausted else self._next_node()
            if node is None:
                exhausted = True
            elif (asked := self._ask(node)) is not None:
                waiting.append(asked)
            if not waiting:
                continue
            found = self._answer_of_any(waiting, self._context.monotonic() + seconds)
            if found is not None:
                self._give_up(waiting)
                return found
        return None

    def _next_node(self) -> Node | None:
        """The next to ask. One that is left alone has its turn when others cannot say: what most
        primaries do not have was never acknowledged, or has been deleted."""
        for node in self._nodes:
            if self._heard < self._quorum or not self._context.limiter.limited(node.device):
                return node
        return None

    def _give_up(self, waiting: Sequence[_Asked]) -> None:
        for late in waiting:
            late.exchange.close()
            self._context.limiter.given_up(late.node.device)

    def _ask(self, node: Node) -> _Asked | None:
        """Send the request to a node; None when it cannot be reached."""
        plan, context = self.plan, self._context
        device = node.device
        head = request_head(
            plan.method, device, plan.partition, plan.target, self._block, query=plan.query
        )
        started = context.monotonic()
        try:
            exchange = context.pool.open(
                device.address, head, deadline=started + self._timeout, idempotent=True
            )
        except PeerFault as fault:
            self._silent(node, fault)
            return None
        return _Asked(node, exchange, started)

    def _answer_of_any(self, waiting: list[_Asked], patience: float) -> Found | None:
        """Wait for one of these and take it off the list; its answer, if it is a good one.

        None too when `patience` (a moment) has come, and when nodes ran out of time.
        """
        one = first_ready(self._context.host.net, waiting, self._timeout, patience)
        if one is None:
            for late in silent_too_long(self._context, waiting, self._timeout, enough=self.is_sure):
                waiting.remove(late)
                late.exchange.close()
                self._silent(late.node, PeerTimeout(late.exchange.address, "no answer in time"))
            return None
        waiting.remove(one)
        try:
            answer = one.exchange.answer(one.since + self._timeout)
        except PeerFault as fault:
            one.exchange.close()
            self._silent(one.node, fault)
            return None
        return self._weigh(one, answer)

    def _weigh(self, asked: _Asked, answer: Answer) -> Found | None:
        """Take the answer as the source, or count it; what is not taken is closed."""
        node, status = asked.node, answer.status
        context = self._context
        if context.timed:
            context.timings.note(node.device, context.monotonic() - asked.since)
        self.blame.status(node.device, status)
        if status < 500 and node.handoff_index is None:
            self._heard += 1
        choice = self._ballot.weigh(node, status, answer.headers)
        if choice is Choice.GOOD:
            return Found(node, answer)
        if status >= 500:
            self._log(f"{describe(node.device)} answered {status}")
        if choice is Choice.IGNORED:
            answer.close()
            return None
        headers = list(answer.headers.items())
        try:
            body = answer.read_all(_VOTE_BODY_MAX)
        except PeerFault:
            body = b""
        self._ballot.vote(NodeAnswer(status, answer.reason, headers, body))
        return None

    def _silent(self, node: Node, fault: PeerFault) -> None:
        self._log(f"{describe(node.device)}: {fault.reason}")
        self.blame.fault(node.device, fault)
        self._ballot.silent(node)

    def _only_the_tombstone_counts(self) -> None:
        """The newest thing that happened to it is its deletion, whoever missed that."""
        tombstones = [answer for answer in self._ballot.answers if answer.status == 404]
        self._ballot.answers[:] = tombstones

    def _log(self, message: str) -> None:
        plan = self.plan
        log = self._context.log.bind(plan.trans_id)
        log.error(f"{plan.method} {plan.target}: {message}")


def read_whole(context: Context, plan: ReadPlan) -> NodeAnswer:
    """The best answer with its whole body; a node that fails in mid-body is replaced."""
    search = Search(context, plan)
    found = search.first()
    while found is not None:
        answer = found.answer
        headers = list(answer.headers.items())
        try:
            body = answer.read_all(_WHOLE_BODY_MAX)
        except PeerFault as fault:
            search.failed(found.node, fault)
            found = search.another()
        else:
            return NodeAnswer(answer.status, answer.reason, headers, body)
    return search.verdict()
