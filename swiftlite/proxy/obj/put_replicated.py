"""The sink of replicated policies: the same block to every node.

A small body goes out with the head. A larger one waits until a quorum of nodes has said that it
will take it (100-continue), so that a full disk or a newer object is known before a byte is sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from swiftlite.host.net import DeadlinePassed
from swiftlite.host.tasks import Task
from swiftlite.peers.answer import Answer
from swiftlite.peers.errors import PeerBroke, PeerFault, PeerTimeout
from swiftlite.peers.headers import Headers
from swiftlite.proxy.best_response import NodeAnswer, best_response, has_quorum, quorum_size
from swiftlite.proxy.context import Context
from swiftlite.proxy.nodes import Node
from swiftlite.proxy.obj.body_sums import BodySums
from swiftlite.proxy.obj.borrowing import NotTheFile
from swiftlite.proxy.obj.lent_upload import LentUpload
from swiftlite.proxy.obj.orphans import put_row, tell_orphans
from swiftlite.proxy.obj.sinks import Decided, QuorumLost
from swiftlite.proxy.plan import Plan
from swiftlite.proxy.ready import SLOW_NODE_S, first_ready
from swiftlite.proxy.telling import Lane, Telling
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE_LENT, X_BACKEND_SWIFTLITE_TRAILER

_TRAILER_OFFER = f"{X_BACKEND_SWIFTLITE_TRAILER}: 1\r\n".encode()
_EARLY_ANSWER_S = 0.5  # for the reason that a node gives when it stops taking a body
_HURRY = 2.0  # times post_quorum_timeout: patience with a node that others wait for


class ReplicatedSink:
    """obj.sinks.ObjectSink."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._telling: Telling | None = None
        self._framing = b""
        self._chunked = False
        self._fed = 0
        self._accepted: list[Lane] = []  # while others have not said whether they will
        self._sums: BodySums | None = None  # where a node wants them
        self._refused: list[Node] = []  # whose files cannot be opened here

    def whole(self, plan: Plan, body: bytes) -> NodeAnswer:
        telling = Telling(self._context, plan)
        return self._settled(telling, telling.whole(body), len(body))

    def open(self, plan: Plan) -> None:
        telling = self._telling = Telling(self._context, plan)
        self._chunked = plan.length is None
        self._framing = (
            b"Transfer-Encoding: chunked\r\n"
            if plan.length is None
            else b"Content-Length: %d\r\n" % plan.length
        )
        self._await_continues(telling)
        for answer in telling.answers:
            if answer.status == 412:  # one copy that is there is enough for "only if there is none"
                telling.blame.settle()
                raise Decided(answer)
        statuses = [answer.status for answer in telling.answers]
        enough = len(telling.lanes) >= plan.quorum
        if 409 in statuses or (not enough and has_quorum(statuses, plan.lanes)):
            telling.blame.settle()
            raise Decided(verdict(plan, telling.answers))
        self._check_quorum()
        if plan.length and any(lane.trailed for lane in telling.lanes):
            self._sums = BodySums(self._context.host.tasks, plan.length)

    def feed(self, block: memoryview) -> None:
        telling = self._telling
        assert telling is not None
        deadline = self._context.monotonic() + self._context.options.node_timeout
        self._fed += len(block)
        summing = None if self._sums is None else self._sums.begin(block)
        try:
            for lane in telling.lanes:
                if lane.upload is not None:
                    lane.upload.begin(block)
            failed = self._send(telling, block, deadline)
            failed += _written(telling.lanes, deadline)
        finally:
            if summing is not None:
                summing.wait()  # until then the block is not the caller's again
        if failed:
            for lane, stopped in failed:
                self._stopped_taking(lane, stopped)
            self._check_quorum()

    def _send(
        self, telling: Telling, block: memoryview, deadline: float
    ) -> list[tuple[Lane, PeerFault]]:
        """To all at once: one that does not take it must not use up the time of the others."""
        spawn = self._context.host.tasks.spawn
        sending = [
            (lane, spawn(self._send_to, lane, block, deadline))
            for lane in telling.lanes
            if lane.upload is None
        ]
        failed: list[tuple[Lane, PeerFault]] = []
        for lane, task in sending:
            spare = len(telling.lanes) - len(failed) > telling.plan.quorum
            fault = self._sent(lane, task, spare=spare)
            if fault is not None:
                failed.append((lane, fault))
        return failed

    def _send_to(self, lane: Lane, block: memoryview, deadline: float) -> PeerFault | None:
        try:
            if self._chunked:
                lane.exchange.send_chunk(block, deadline)
            else:
                lane.exchange.send(block, deadline)
        except PeerFault as fault:
            return fault
        return None

    def _sent(self, lane: Lane, task: Task[PeerFault | None], *, spare: bool) -> PeerFault | None:
        """Wait until a lane has taken the block. spare: it can be done without, and is once its
        node is left alone: then it is not busy, but does not answer others either."""
        monotonic, limited = self._context.monotonic, self._context.limiter.limited
        while True:
            try:
                return task.wait(monotonic() + SLOW_NODE_S)
            except DeadlinePassed:
                if spare and limited(lane.node.device):
                    lane.exchange.close()
                    task.wait()  # from now on the block is the caller's again
                    return PeerTimeout(lane.exchange.address, "it takes no more of the body")

    def finish(self, footers: Mapping[str, str]) -> NodeAnswer:
        assert not footers, "a replicated object is sent without footers"
        telling = self._telling
        assert telling is not None
        now = self._context.monotonic()
        deadline = now + self._context.options.node_timeout
        trailer = b"" if self._sums is None else self._sums.trailer()
        for lane in list(telling.lanes):
            lane.since = now
            if lane.upload is not None:
                lane.upload.close()
            try:
                if self._chunked:
                    lane.exchange.end_chunks(deadline)
                elif lane.trailed:
                    lane.exchange.send_trailer(trailer, deadline)
            except PeerFault as fault:
                self._stopped_taking(lane, fault)
        return self._settled(telling, telling.gather(), self._fed)

    def _settled(self, telling: Telling, answers: list[NodeAnswer], size: int) -> NodeAnswer:
        """The verdict; after a success no container is left without its row."""
        plan = telling.plan
        answer = verdict(plan, answers)
        if telling.orphans and answer.status == 201:
            row = put_row(plan, size, answers)
            tell_orphans(self._context, plan, telling.orphans, row)
        return answer

    def abort(self) -> None:
        for lane in [*self._accepted, *(self._telling.lanes if self._telling else ())]:
            if lane.upload is not None:
                lane.upload.close()
        while self._accepted:
            self._accepted.pop().exchange.close()
        if self._telling is not None:
            self._telling.close()

    def _ending(self, *, borrows: bool = True) -> bytes:
        """Header lines of the framing, and what we offer just now."""
        ending = self._framing + b"Expect: 100-continue\r\n"
        if not self._chunked and self._context.options.hash_once:
            ending += _TRAILER_OFFER
            if borrows:
                ending += self._context.borrowing.offer
        return ending

    def _await_continues(self, telling: Telling) -> None:
        """Leave in telling.lanes those that take the body, in telling.answers what others say."""
        telling.start(self._ending())
        timeout = self._context.options.node_timeout
        while telling.lanes:
            lane = first_ready(self._context.host.net, telling.lanes, timeout, self._hurry(telling))
            if lane is None:
                lane = min(telling.lanes, key=lambda one: one.since)
                telling.drop(lane, PeerTimeout(lane.exchange.address, "no 100-continue in time"))
                telling.again(lane, self._ending())
                continue
            try:
                answer = lane.exchange.await_continue(lane.since + timeout)
            except PeerFault as fault:
                telling.drop(lane, fault)
                telling.again(lane, self._ending())
                continue
            if answer is None:
                self._context.limiter.answered(lane.node.device)
                try:
                    self._agree(lane, lane.exchange.continue_headers)
                except NotTheFile:
                    self._refused.append(lane.node)
                    telling.lanes.remove(lane)
                    telling.once_more(lane, self._ending(borrows=False))
                else:
                    telling.lanes.remove(lane)
                    self._accepted.append(lane)
                continue
            telling.lanes.remove(lane)
            if not self._counts(telling, lane, answer):
                telling.again(lane, self._ending())
        telling.lanes, self._accepted = self._accepted, []

    def _agree(self, lane: Lane, said: Headers | None) -> None:
        """What the node's 100 asks for beside the body. Raises NotTheFile."""
        if said is None:
            return
        lane.trailed = said.get(X_BACKEND_SWIFTLITE_TRAILER) == "1"
        told = said.get(X_BACKEND_SWIFTLITE_LENT)
        if lane.trailed and told is not None and lane.node not in self._refused:
            device = lane.node.device
            fd, lent = self._context.borrowing.open(told, os.O_WRONLY, device.ip)
            lane.exchange.skip_body()
            key = f"{device.ip}:{device.port}/{device.device}"
            lane.upload = LentUpload(self._context.host, fd, key, past_cache=lent.drops_cache)

    def _hurry(self, telling: Telling) -> float | None:
        """Until when to wait for the rest, once enough nodes are ready to begin."""
        if len(self._accepted) < telling.plan.quorum:
            return None
        patience = self._context.options.post_quorum_timeout * _HURRY
        return min(lane.since for lane in telling.lanes) + patience

    @staticmethod
    def _counts(telling: Telling, lane: Lane, answer: Answer) -> bool:
        """Keep an answer given before the body's end, unless it only says "not me"."""
        said = telling.told(lane.node, answer)
        if said.status >= 500:
            return False
        telling.answers.append(said)
        return True

    def _stopped_taking(self, lane: Lane, fault: PeerFault) -> None:
        """A node that broke off: it may have said why, a full disk for one."""
        telling = self._telling
        assert telling is not None
        telling.lanes.remove(lane)
        if lane.upload is not None:
            lane.upload.close()
        if isinstance(fault, PeerBroke):
            try:
                answer = lane.exchange.answer(self._context.monotonic() + _EARLY_ANSWER_S)
            except PeerFault:
                pass
            else:
                if not self._counts(telling, lane, answer):
                    telling.orphans.add(lane.number)
                return
        lane.exchange.close()
        telling.orphans.add(lane.number)
        telling.failed(lane.node, fault)

    def _check_quorum(self) -> None:
        telling = self._telling
        assert telling is not None
        if len(telling.lanes) < telling.plan.quorum:
            telling.blame.settle()
            raise QuorumLost(
                f"{len(telling.lanes)} nodes take the body where {telling.plan.quorum} must"
            )


def _written(lanes: list[Lane], deadline: float) -> list[tuple[Lane, PeerFault]]:
    """Wait for the files that the block goes into; those that did not take it."""
    failed: list[tuple[Lane, PeerFault]] = []
    for lane in lanes:
        if lane.upload is None:
            continue
        address = lane.exchange.address
        try:
            lane.upload.end(deadline)
        except OSError as error:
            failed.append((lane, PeerBroke(address, f"its disk: {error.strerror}")))
        except DeadlinePassed:
            failed.append((lane, PeerTimeout(address, "its disk takes no more")))
        else:
            if not lane.exchange.stream.quiet():
                failed.append((lane, PeerBroke(address, "it ended the upload")))
    return failed


def verdict(plan: Plan, answers: list[NodeAnswer]) -> NodeAnswer:
    """What the nodes' answers to a PUT come to.

    A quorum of 201s is a success. Short of that, one node that has something newer makes it a
    202: the object was stored, and is not what will be read.
    """
    good = [answer for answer in answers if 200 <= answer.status < 300]
    etags = {(answer.header("etag") or "").strip('"') for answer in good}
    etags.discard("")  # of a node that had it already when it was sent again
    if len(etags) > 1:
        return NodeAnswer(500, "Internal Error", made_up=True)
    needed = quorum_size(plan.lanes)
    if len(good) < needed and any(answer.status == 409 for answer in answers):
        return NodeAnswer(202, "Accepted")
    return best_response(answers, quorum=needed)
