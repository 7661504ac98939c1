"""REPLICATE: a peer asks for the hashes of partitions, or says what it has pushed into one."""

from __future__ import annotations

from swiftlite.formats.ondisk_names import is_suffix
from swiftlite.formats.partition_digests import (
    BYTES_MAX,
    DIGESTS,
    SETTLE,
    Claim,
    Comparison,
    DigestsUnreadable,
    decode_claims,
    encode_comparison,
)
from swiftlite.formats.suffix_hashes import SuffixHash, encode_replicate_answer
from swiftlite.obj.server.context import ServerContext
from swiftlite.obj.server.placement import policy_of
from swiftlite.objectstore.api import StoreError
from swiftlite.vocab.headers import X_BACKEND_SWIFTLITE
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.storage_paths import split_storage_path

_PICKLE = [("Content-Type", "application/octet-stream")]
_PATIENCE_S = 15.0  # well within anybody's http_timeout; what is left is asked for again


def replicate(server: ServerContext, request: Request) -> Response:
    """`/device/partition[/suffix-suffix-...]`."""
    device, partition, named = split_storage_path(request, 2, 3)
    assert device is not None
    assert partition is not None
    policy_index = policy_of(request, server.policies)
    lane = request.get_header(X_BACKEND_SWIFTLITE)
    if named is not None:
        return _mark(server, device, int(partition), policy_index, named.split("-"), lane)
    if lane == DIGESTS and request.has_body:
        return _compare(server, request, policy_index)
    hashes, _ = server.manager.suffix_hashes(device, int(partition), policy_index)
    return Response(200, _PICKLE, encode_replicate_answer(hashes))


def _mark(
    server: ServerContext, device: str, partition: int, policy_index: int, suffixes: list[str],
    lane: str | None,
) -> Response:  # fmt: skip
    for suffix in suffixes:
        if not is_suffix(suffix):
            raise Refusal(400, f"Not a suffix: {suffix!r}")
    server.manager.mark_suffixes(device, partition, policy_index, suffixes)
    headers = _PICKLE
    if lane == SETTLE:
        server.manager.partition(device, policy_index, partition).settle(suffixes)
        headers = [*_PICKLE, (X_BACKEND_SWIFTLITE, SETTLE)]
    return Response(200, headers, encode_replicate_answer(None))


def _compare(server: ServerContext, request: Request, policy_index: int) -> Response:
    try:
        claims = decode_claims(request.read_body(BYTES_MAX))
    except DigestsUnreadable as error:
        raise Refusal(400, str(error)) from None
    end = server.host.clock.monotonic() + _PATIENCE_S
    same: set[int] = set()
    differ: dict[int, dict[str, SuffixHash]] = {}
    age: dict[int, float] = {}
    for device in {claim.device for claim in claims}:
        theirs = {n: claim for n, claim in enumerate(claims) if claim.device == device}
        try:
            _compare_device(server, device, policy_index, theirs, end, same, differ)
        except StoreError as error:  # the plain question will tell the peer why
            server.manager.context.log.warning(f"REPLICATE of many partitions: {error}")
    for number in differ:
        claim = claims[number]
        partition = server.manager.partition(claim.device, policy_index, claim.partition)
        seconds = partition.hashes_age()
        if seconds is not None:
            age[number] = seconds
    answer = encode_comparison(Comparison(frozenset(same), differ, age))
    return Response(
        200, [("Content-Type", "application/json"), (X_BACKEND_SWIFTLITE, DIGESTS)], answer
    )


def _compare_device(
    server: ServerContext,
    device: str,
    policy_index: int,
    claims: dict[int, Claim],
    end: float,
    same: set[int],
    differ: dict[int, dict[str, SuffixHash]],
) -> None:
    """Sort the claims about one device into same and differ; those there is no time for are left
    out. Raises StoreError."""
    wanted = {claim.partition: claim.digest for claim in claims.values()}
    patience = max(0.0, end - server.host.clock.monotonic())
    found = server.manager.compare(device, policy_index, wanted, patience)
    for number, claim in claims.items():
        if claim.partition not in found:
            continue
        hashes = found[claim.partition]
        if hashes is None:
            same.add(number)
        else:
            differ[number] = hashes
