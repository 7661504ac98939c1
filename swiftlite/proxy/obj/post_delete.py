"""Changes without a body: POST and DELETE, told to every node that may have the object."""

from __future__ import annotations

from swiftlite.proxy.best_response import NodeAnswer
from swiftlite.proxy.context import Context
from swiftlite.proxy.plan import Plan
from swiftlite.proxy.telling import tell

# A node without the object leaves a tombstone all the same, so its 404 is as good as a 204 to a
# client whose object another node had.
_DELETE_OVERRIDES = {404: 204}


def tell_change(context: Context, plan: Plan) -> NodeAnswer:
    """The answer that the nodes agree on."""
    overrides = _DELETE_OVERRIDES if plan.method == "DELETE" else None
    return tell(context, plan, overrides=overrides)
