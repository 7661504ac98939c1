"""What a controller offers: a handler by verb, and how it is authorised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from swiftlite.proxy.target import Target
from swiftlite.web import Request, Response


@dataclass(frozen=True, slots=True)
class Verb:
    """asks_again: a denial is not final, because the handler asks once more when it knows the
    container's access lists. private: for other parts of the cluster only."""

    handler: Callable[[Request, Target], Response]
    asks_again: bool = False
    private: bool = False


Verbs = Mapping[str, Verb]


def allowed(verbs: Verbs) -> tuple[str, ...]:
    """What Allow names: every public verb, and OPTIONS."""
    public = (name for name, verb in verbs.items() if not verb.private)
    return tuple(sorted((*public, "OPTIONS")))


def authorise(request: Request, acl: str | None) -> Response | None:
    """Ask the callback that authentication left, if it has not agreed yet; a response is a no.

    acl: what the callback finds as `request.acl`.
    """
    request.__dict__["acl"] = acl
    callback = request.environ.get("swift.authorize")
    if callback is None:
        return None
    denial: Response | None = callback(request)
    return denial
