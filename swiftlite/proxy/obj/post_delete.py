"""Changes without a body: POST and DELETE, told to every node that may have the object."""

from __future__ import annotations

from swiftlite.proxy.best_response import NodeAnswer, best_response, quorum_size
from swiftlite.proxy.context import Context
from swiftlite.proxy.obj.orphans import tell_orphans
from swiftlite.proxy.plan import Plan
from swiftlite.proxy.telling import Telling, tell

# A node without the object leaves a tombstone all the same, so its 404 is as good as a 204 to a
# client whose object another node had.
_DELETE_OVERRIDES = {404: 204}


def tell_change(context: Context, plan: Plan) -> NodeAnswer:
    """The answer that the nodes agree on."""
    if plan.method != "DELETE":
        return tell(context, plan)
    telling = Telling(context, plan, _DELETE_OVERRIDES)
    answers = telling.whole(b"")
    answer = best_response(answers, quorum=quorum_size(plan.lanes), overrides=_DELETE_OVERRIDES)
    if telling.orphans and answer.status == 204:
        tell_orphans(context, plan, telling.orphans, [])
    return answer
