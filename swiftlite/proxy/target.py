"""What a request is about: the pieces of its path, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.vocab.limits import Limits
from swiftlite.vocab.names import check_utf8, quote_path, split_path
from swiftlite.web import Refusal, Request


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class Target:
    """Names are text, None where the path is shorter; container and obj need those before them."""

    version: str
    account: str
    container: str | None = None
    obj: str | None = None

    @property
    def path(self) -> str:
        """`/a`, `/a/c` or `/a/c/o`, quoted."""
        if self.obj is not None:
            return quote_path(f"/{self.account}/{self.container}/{self.obj}")
        if self.container is not None:
            return quote_path(f"/{self.account}/{self.container}")
        return quote_path("/" + self.account)


def target_of(request: Request, limits: Limits) -> Target:
    """The target of a request: 412 for a path that is no text or names nothing, 404 for one that
    does not divide, 400 for a version that is not spoken."""
    text = request.path_text
    reserved = request.true_header("X-Backend-Allow-Reserved-Names")
    if not check_utf8(text, internal=reserved):
        raise Refusal(412, "Invalid UTF8 or contains NULL")
    version: str | None
    account: str | None
    container: str | None
    obj: str | None
    pieces = text.split("/", 4)
    if len(pieces) == 5 and not pieces[0] and pieces[1] and pieces[2] and pieces[3]:
        _, version, account, container, obj = pieces  # an object, as mostly
    else:
        try:
            version, account, container, obj = split_path(text, 1, 4, rest=True)
        except ValueError:
            raise Refusal(404) from None
    if not account:
        raise Refusal(412, "Bad URL")
    if version not in limits.valid_api_versions:
        raise Refusal(400, f"This is no version of the API: {version}")
    assert version is not None
    return Target(version, account, container or None, obj or None)
