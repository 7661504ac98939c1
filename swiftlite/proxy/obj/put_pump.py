"""A client's body on its way into a sink: sizes, faults of the client, and the loss of a quorum.

The one place that decides how a PUT ends when something goes wrong in its middle, whatever policy
it is for. Faults of the client pass through as they are; the app's edge answers them.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.proxy.context import Context
from swiftlite.proxy.obj.sinks import Decided, ObjectSink, QuorumLost
from swiftlite.proxy.plan import Plan
from swiftlite.vocab.errors import ClientGone
from swiftlite.web import Refusal, Request

SMALL_BYTES = 65_536
"""A body up to this size is read before any node hears of it, and sent with the head."""
_FILLING_S = 0.5


def pump(context: Context, request: Request, plan: Plan, sink: ObjectSink) -> NodeAnswer:
    """Store the request's body. Raises Refusal, and vocab.errors.Client*."""
    try:
        return _pump(context, request, plan, sink)
    except Decided as decided:
        sink.abort()
        return decided.answer
    except QuorumLost as lost:
        sink.abort()
        context.log_of(request).error(f"PUT {plan.target}: {lost}")
        raise Refusal(503) from None
    except BaseException:
        sink.abort()
        raise


def _pump(context: Context, request: Request, plan: Plan, sink: ObjectSink) -> NodeAnswer:
    length = plan.length
    first = b""
    # With a condition no node may store anything before all have had their say.
    if "HTTP_IF_NONE_MATCH" not in request.environ and (length is None or length <= SMALL_BYTES):
        first = _read_up_to(request, SMALL_BYTES + 1 if length is None else length)
        if length is not None and len(first) < length:
            raise ClientGone("The client sent less than it had announced.")
        if len(first) <= SMALL_BYTES:
            return sink.whole(plan, first)
    sink.open(plan)
    if first:
        sink.feed(memoryview(first))
    _feed_rest(context, request, plan, sink, len(first))
    return sink.finish({})


def _feed_rest(context: Context, request: Request, plan: Plan, sink: ObjectSink, fed: int) -> None:
    limit = context.limits.max_file_size
    reader = request.body_reader
    readinto = getattr(reader, "readinto", None)
    with context.buffers.upload() as block:
        view = memoryview(block)
        while True:
            if readinto is not None:
                piece = view[: _filled(readinto, view, context.monotonic)]
            else:
                piece = memoryview(reader.read(len(view)))
            if not len(piece):
                break
            fed += len(piece)
            if fed > limit:
                raise Refusal(413, f"An object may have at most {limit} bytes.")
            sink.feed(piece)
    if plan.length is not None and fed < plan.length:
        raise ClientGone("The client sent less than it had announced.")


def _filled(
    readinto: Callable[[memoryview], int], view: memoryview, monotonic: Callable[[], float]
) -> int:
    """Bytes of the view that the body has filled; 0 at its end.

    A full block costs the nodes as much work as a small one; but none waits long for it.
    """
    count = total = readinto(view)
    until = monotonic() + _FILLING_S
    while count and total < len(view) and monotonic() < until:
        count = readinto(view[total:])
        total += count
    return total


def _read_up_to(request: Request, most: int) -> bytes:
    """The body, or its first `most` bytes; a reader may give it in pieces."""
    reader = request.body_reader
    block = reader.read(most) if most else b""
    if not block or len(block) == most:
        return block
    blocks = [block]
    missing = most - len(block)
    while missing and (block := reader.read(missing)):
        blocks.append(block)
        missing -= len(block)
    return b"".join(blocks)
