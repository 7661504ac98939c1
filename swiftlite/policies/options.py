"""The options of a `[storage-policy:<index>]` section of swift.conf. Names are Swift's."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Bytes, opt
from swiftlite.policies.erasure import ERASURE_CODING, SEGMENT_BYTES, TYPES
from swiftlite.policies.policy import REPLICATION


@dataclass(frozen=True, slots=True)
class StoragePolicyOptions:
    SECTION = "storage-policy:0"

    name: str = opt(
        "", "What clients call it (X-Storage-Policy): letters, digits and dashes.", shown="gold"
    )
    aliases: tuple[str, ...] = opt((), "Further names, comma-separated.")
    default: bool = opt(False, "New containers get it unless they ask for another; exactly one.")
    deprecated: bool = opt(False, "No new containers get it; those that exist are served.")
    policy_type: str = opt(
        REPLICATION, "How objects are kept.", choices=(REPLICATION, ERASURE_CODING)
    )
    diskfile_module: str = opt("", "The storage backend; empty: the one of the policy type.")


@dataclass(frozen=True, slots=True)
class ErasureOptions:
    """Only with policy_type = erasure_coding."""

    SECTION = "storage-policy:0"

    ec_type: str = opt(
        "",
        "The code, with policy_type = erasure_coding.",
        choices=("", *TYPES),
        shown="isa_l_rs_cauchy",
    )
    ec_num_data_fragments: int = opt(0, "Fragments that make up a segment.", shown="10")
    ec_num_parity_fragments: int = opt(0, "Fragments more, so many may be lost.", shown="4")
    ec_object_segment_size: Bytes = opt(SEGMENT_BYTES, "What is encoded at a time.", minimum=1)
    ec_duplication_factor: int = opt(
        1, "Copies of each fragment, for clusters of several regions.", minimum=1
    )
