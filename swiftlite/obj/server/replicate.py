"""REPLICATE: a peer asks for the hashes of a partition, or says what it has pushed there."""

from __future__ import annotations

from swiftlite.formats.ondisk_names import is_suffix
from swiftlite.formats.suffix_hashes import encode_replicate_answer
from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.placement import checked_device, checked_partition, policy_of
from swiftlite.web import Refusal, Request, Response

_PICKLE = [("Content-Type", "application/octet-stream")]


def replicate(server: ServerContext, request: Request) -> Response:
    """`/device/partition[/suffix-suffix-...]`."""
    device_text, partition_text, rest = request.split(2, 3, rest=True)
    device = checked_device(device_text or "")
    partition = checked_partition(partition_text or "")
    policy_index = policy_of(request, server.policies)
    if not rest:
        hashes = server.manager.suffix_hashes(device, partition, policy_index)
        return Response(200, _PICKLE, encode_replicate_answer(hashes))
    suffixes = rest.split("-")
    for suffix in suffixes:
        if not is_suffix(suffix):
            raise Refusal(400, f"Not a suffix: {suffix!r}")
    server.manager.mark_suffixes(device, partition, policy_index, suffixes)
    return Response(200, _PICKLE, encode_replicate_answer(None))
