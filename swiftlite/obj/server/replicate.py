"""REPLICATE: a peer asks for the hashes of a partition, or says what it has pushed there."""

from __future__ import annotations

from swiftlite.formats.ondisk_names import is_suffix
from swiftlite.formats.suffix_hashes import encode_replicate_answer
from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.placement import policy_of
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.storage_paths import split_storage_path

_PICKLE = [("Content-Type", "application/octet-stream")]


def replicate(server: ServerContext, request: Request) -> Response:
    """`/device/partition[/suffix-suffix-...]`."""
    device, partition, named = split_storage_path(request, 2, 3)
    assert device is not None
    assert partition is not None
    policy_index = policy_of(request, server.policies)
    if named is None:
        hashes, _ = server.manager.suffix_hashes(device, int(partition), policy_index)
        return Response(200, _PICKLE, encode_replicate_answer(hashes))
    suffixes = named.split("-")
    for suffix in suffixes:
        if not is_suffix(suffix):
            raise Refusal(400, f"Not a suffix: {suffix!r}")
    server.manager.mark_suffixes(device, int(partition), policy_index, suffixes)
    return Response(200, _PICKLE, encode_replicate_answer(None))
