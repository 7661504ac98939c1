"""Paths of requests to storage servers: `/device/partition/account[/container[/object]]`."""

from __future__ import annotations

import re
from functools import lru_cache

from swiftlite.vocab.names import HIDDEN_ACCOUNT_PREFIX, RESERVED, is_hidden_account
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request

_is_device = re.compile(r"[A-Za-z0-9_.-]+\Z").match
_is_partition = re.compile(r"[0-9]{1,10}\Z").match


def split_storage_path(request: Request, minimum: int, maximum: int) -> list[str | None]:
    """Device, partition and up to three names, None for those not there; Refusal 400.

    The object keeps its slashes. What reaches a disk's path, device and partition, is held to
    what they can be; names are only ever hashed.
    """
    pieces = _pieces(request, minimum, maximum)
    _check_place(str(pieces[0]), str(pieces[1]))
    if RESERVED in request.environ["PATH_INFO"]:
        _check_reserved(*pieces[2:])
    return pieces


def _pieces(request: Request, minimum: int, maximum: int) -> list[str | None]:
    """At least minimum pieces; an empty last one is as good as none."""
    rest = maximum == 5
    whole = request.path_text.split("/", maximum)
    if len(whole) > maximum and not whole[0] and all(whole[1:]) and (rest or "/" not in whole[-1]):
        return [*whole[1:]]  # none missing, as nearly always
    return [piece or None for piece in request.split(minimum, maximum, rest=rest)]


@lru_cache(maxsize=4096)
def _check_place(device: str, partition: str) -> None:
    if not _is_device(device) or device in (".", ".."):
        raise Refusal(400, f"Invalid device: {device!r}")
    if not _is_partition(partition):
        raise Refusal(400, f"Invalid partition: {partition!r}")


def _check_reserved(
    account: str | None = None, container: str | None = None, obj: str | None = None
) -> None:
    """A NUL marks a name of the cluster's own, and then it stands at the front; Refusal 400."""
    names = [("account", account), ("container", container)]
    hidden = account is not None and is_hidden_account(account, HIDDEN_ACCOUNT_PREFIX)
    if not hidden:  # background services keep whole paths as object names
        names.append(("object", obj))
    for kind, name in names:
        if name and RESERVED in name and not name.startswith(RESERVED):
            raise Refusal(400, f"A NUL may only begin the name of the {kind}.")
    if hidden or container is None or obj is None:
        return
    if container.startswith(RESERVED) != obj.startswith(RESERVED):
        raise Refusal(400, "Reserved objects live in reserved containers, and only they do.")
