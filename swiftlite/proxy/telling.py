"""Changes: the same request to every node of a partition, until a quorum agrees.

All of it happens in the request's own task: send to all, then read whatever is ready. A node that
cannot take the change is replaced by the next handoff; once the outcome is certain the others get
a moment more, because an answer that came is a replica that nobody has to repair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swiftlite.peers.answer import Answer
from swiftlite.peers.errors import PeerFault, PeerTimeout
from swiftlite.peers.exchange import Exchange
from swiftlite.proxy.best_response import (
    SILENT,
    NodeAnswer,
    best_response,
    has_quorum,
    quorum_size,
)
from swiftlite.proxy.blame import Blame, describe
from swiftlite.proxy.context import Context
from swiftlite.proxy.nodes import Node
from swiftlite.proxy.obj.lent_upload import LentUpload
from swiftlite.proxy.outgoing import block_of, request_head
from swiftlite.proxy.plan import Plan
from swiftlite.proxy.ready import SLOW_NODE_S, first_ready, silent_too_long
from swiftlite.vocab.status import is_success

_ANSWER_BODY_MAX = 8192
_DONE = {"PUT": 201, "POST": 202, "DELETE": 204}  # what a change is answered that was carried out
_TOGETHER_S = 0.2  # for all nodes to answer; one wake-up then, instead of one for each


def tell(context: Context, plan: Plan, *, body: bytes = b"") -> NodeAnswer:
    """What a quorum of the nodes says to a change."""
    answers = Telling(context, plan).whole(body)
    return best_response(answers, quorum=quorum_size(plan.lanes))


@dataclass(slots=True)
class Lane:
    """One copy of the change on its way to one node."""

    number: int
    node: Node
    exchange: Exchange
    since: float  # when it began to be this node's turn to speak
    trailed: bool = False  # it wants a trailer behind the body (doc/formats/put-trailer.md)
    upload: LentUpload | None = None  # where the body goes, if not by the exchange


class Telling:
    """The lanes of one change. Owned by one request; after an exception call close().

    overrides: statuses that decide as if they were others (best_response).
    """

    def __init__(
        self, context: Context, plan: Plan, overrides: Mapping[int, int] | None = None
    ) -> None:
        self.plan = plan
        self.blame = Blame(context.limiter)
        self.lanes: list[Lane] = []  # those whose answer is still to come
        self.answers: list[NodeAnswer] = []
        self.orphans = set(range(plan.lanes))  # lanes whose tidings no living node has taken on
        self._context = context
        self._overrides = overrides or {}
        self._block = block_of(plan.headers)
        self._timeout = context.options.node_timeout

    def whole(self, body: bytes) -> list[NodeAnswer]:
        """Send head and body to each, and gather; one answer a lane, SILENT for none."""
        try:
            ending = b"Content-Length: %d\r\n" % len(body)
            self.start(ending, body)
            return self.gather(ending, body)
        except BaseException:
            self.close()
            raise

    def start(self, ending: bytes, body: bytes = b"") -> None:
        """Give each lane a node that takes the request. ending: header lines of the framing."""
        wanted = list(range(self.plan.lanes))
        while wanted:
            taken = [(lane, node) for lane in wanted if (node := self._next_node()) is not None]
            if not taken:
                return
            wanted = self._open(taken, ending, body)

    def gather(self, ending: bytes | None = None, body: bytes = b"") -> list[NodeAnswer]:
        """The answers. With an ending, lanes that fail go on to the next node with this body."""
        decided = False
        until: float | None = None
        if len(self.lanes) > 1 and self._all_have_answered():
            # Nothing is to be gained from looking at each as it comes.
            unlucky = [lane for lane in self.lanes.copy() if self._read(lane)]
            if unlucky and ending is not None and (not self._decided() or self._succeeded()):
                for one in unlucky:
                    self.again(one, ending, body)
        while self.lanes:
            if not decided and self._decided():
                decided = True
                until = self._context.monotonic() + self._context.options.post_quorum_timeout
            lane = self._ready(until if decided else self._context.monotonic() + SLOW_NODE_S)
            if lane is None:
                if decided:
                    for late in self.lanes:
                        self._context.limiter.given_up(late.node.device)
                    break
                self._drop_late()
                continue
            failed = self._read(lane)
            if failed and ending is not None and (not decided or self._succeeded()):
                self.again(lane, ending, body)  # a copy more is one that nobody has to repair
        self.close()
        self.blame.settle()
        missing = self.plan.lanes - len(self.answers)
        return self.answers + [SILENT] * missing

    def close(self) -> None:
        """Let go of the lanes that are left."""
        while self.lanes:
            self.lanes.pop().exchange.close()

    def drop(self, lane: Lane, fault: PeerFault) -> None:
        """A lane whose conversation failed."""
        if lane in self.lanes:
            self.lanes.remove(lane)
        lane.exchange.close()
        self.failed(lane.node, fault)
        self.orphans.add(lane.number)

    def failed(self, node: Node, fault: PeerFault) -> None:
        self.log(f"{describe(node.device)}: {fault.reason}")
        self.blame.fault(node.device, fault)

    def log(self, message: str) -> None:
        log = self._context.log.bind(self.plan.trans_id)
        log.error(f"{self.plan.method} {self.plan.target}: {message}")

    def told(self, node: Node, answer: Answer) -> NodeAnswer:
        """An answer as a value, its body read as far as it may be shown."""
        headers = list(answer.headers.items())
        try:
            body = answer.read_all(_ANSWER_BODY_MAX) if answer.length != 0 else b""
        except PeerFault:
            body = b""
        self.blame.status(node.device, answer.status)
        if answer.status >= 500:
            self.log(f"{describe(node.device)} answered {answer.status}")
        return NodeAnswer(answer.status, answer.reason, headers, body)

    def _next_node(self) -> Node | None:
        return next(self.plan.nodes, None)

    def _open(self, taken: Sequence[tuple[int, Node]], ending: bytes, body: bytes) -> list[int]:
        """Send to these nodes at once; the lanes that need another one."""
        plan, context = self.plan, self._context
        calls = [
            (
                node.device.address,
                request_head(
                    plan.method,
                    node.device,
                    plan.partition,
                    plan.target,
                    self._block,
                    lane=plan.lane_blocks[lane] + ending,
                ),
                body,
            )
            for lane, node in taken
        ]
        now = context.monotonic()
        # Whatever goes through here may come twice: it carries the moment of the change.
        outcome = context.pool.open_all(calls, deadline=now + self._timeout, idempotent=True)
        wanted = []
        now = context.monotonic()
        for (lane, node), exchange in zip(taken, outcome, strict=True):
            if isinstance(exchange, PeerFault):
                self.failed(node, exchange)
                wanted.append(lane)
            else:
                self.lanes.append(Lane(lane, node, exchange, now))
                self.orphans.discard(lane)
        return wanted

    def again(self, lane: Lane, ending: bytes, body: bytes = b"") -> None:
        """Give a failed lane another node."""
        wanted = [lane.number]
        while wanted and (node := self._next_node()) is not None:
            wanted = self._open([(lane.number, node)], ending, body)

    def once_more(self, lane: Lane, ending: bytes) -> None:
        """Ask the same node again, otherwise."""
        lane.exchange.close()
        if self._open([(lane.number, lane.node)], ending, b""):
            self.again(lane, ending)

    def _all_have_answered(self) -> bool:
        """Wait for all of them, but not for long: who is late is waited for one by one."""
        streams = [lane.exchange.stream for lane in self.lanes if not lane.exchange.has_input]
        context = self._context
        return context.host.net.wait_all(streams, context.monotonic() + _TOGETHER_S)

    def _is_ours(self, conflict: NodeAnswer) -> bool:
        """Whether what stands in the way of a request that was sent twice is what it made itself
        the first time, before its connection broke."""
        theirs = conflict.header("x-backend-timestamp")
        return theirs is not None and ("X-Timestamp", theirs) in self.plan.headers

    def _decided(self) -> bool:
        return has_quorum(self._statuses(), self.plan.lanes)

    def _succeeded(self) -> bool:
        return sum(map(is_success, self._statuses())) >= quorum_size(self.plan.lanes)

    def _statuses(self) -> list[int]:
        return [self._overrides.get(answer.status, answer.status) for answer in self.answers]

    def _ready(self, until: float | None) -> Lane | None:
        """A lane that has something to say; None when the time is over."""
        return first_ready(self._context.host.net, self.lanes, self._timeout, until)

    def _drop_late(self) -> None:
        enough = len(self.answers) >= quorum_size(self.plan.lanes)
        for lane in silent_too_long(self._context, self.lanes, self._timeout, enough=enough):
            self.drop(lane, PeerTimeout(lane.exchange.address, "no answer in time"))

    def _read(self, lane: Lane) -> bool:
        """Take a lane's answer; true when it was none that counts."""
        try:
            answer = lane.exchange.answer(lane.since + self._timeout)
        except PeerFault as fault:
            self.drop(lane, fault)
            return True
        self.lanes.remove(lane)
        said = self.told(lane.node, answer)
        if said.status == 409 and lane.exchange.repeated and self._is_ours(said):
            said = NodeAnswer(_DONE.get(self.plan.method, 201), headers=())
        if said.status >= 500:
            self.orphans.add(lane.number)
            return True
        self.answers.append(said)
        return False
