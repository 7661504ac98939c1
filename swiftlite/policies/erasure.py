"""The parameters of an erasure code, as `[storage-policy:N]` names them.

Knows the numbers that follow from them; fragments and segments are ec_math's matter, encoding is
ec_driver's. Source of the rules: doc/formats/fragment-archive.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.config.units import parse_int

ERASURE_CODING = "erasure_coding"
ERASURE_DISKFILE = "egg:swiftlite#erasure_coding.fs"
SEGMENT_BYTES = 1_048_576
TYPES = (
    "liberasurecode_rs_vand",
    "isa_l_rs_vand",
    "isa_l_rs_vand_inv",
    "isa_l_rs_cauchy",
    "isa_l_rs_lrc",
    "jerasure_rs_vand",
    "jerasure_rs_cauchy",
    "flat_xor_hd_3",
    "flat_xor_hd_4",
    "shss",
    "libphazr",
)
_MIN_PARITY = 1  # beyond the data fragments: what every scheme of the library answers


@dataclass(frozen=True, slots=True)
class ErasureCode:
    """k data and m parity fragments for each segment; each fragment kept duplication times."""

    ec_type: str
    data_fragments: int
    parity_fragments: int
    segment_bytes: int = SEGMENT_BYTES
    duplication: int = 1

    @property
    def unique_fragments(self) -> int:
        return self.data_fragments + self.parity_fragments

    @property
    def fragment_count(self) -> int:
        """Fragment archives of one object, duplicates included: the replicas that a ring needs."""
        return self.unique_fragments * self.duplication

    @property
    def quorum(self) -> int:
        """Fragments on stable storage that make a write done: one more than decoding needs."""
        return (self.data_fragments + _MIN_PARITY) * self.duplication

    @property
    def scheme(self) -> str:
        """`liberasurecode_rs_vand 4+2`, kept in each fragment archive's metadata."""
        return f"{self.ec_type} {self.data_fragments}+{self.parity_fragments}"


def parse_erasure(section: Mapping[str, str], *, deprecated: bool) -> ErasureCode:
    """The code of a section. Raises ValueError, worded to follow the section's name."""
    if "ec_type" not in section:
        raise ValueError("has no ec_type")
    ec_type = section["ec_type"].strip()
    if ec_type not in TYPES:
        raise ValueError(f"ec_type {ec_type!r} is not one of {', '.join(TYPES)}")
    code = ErasureCode(
        ec_type=ec_type,
        data_fragments=_positive(section, "ec_num_data_fragments", None),
        parity_fragments=_positive(section, "ec_num_parity_fragments", None),
        segment_bytes=_positive(section, "ec_object_segment_size", SEGMENT_BYTES),
        duplication=_positive(section, "ec_duplication_factor", 1),
    )
    if ec_type == "isa_l_rs_vand" and code.parity_fragments >= 5 and not deprecated:
        raise ValueError(
            "isa_l_rs_vand with five or more parity fragments cannot rebuild some losses; "
            "such a policy must be deprecated and its data moved"
        )
    return code


def _positive(section: Mapping[str, str], key: str, default: int | None) -> int:
    if key not in section:
        if default is None:
            raise ValueError(f"has no {key}")
        return default
    try:
        value = parse_int(section[key].strip())
    except ValueError as error:
        raise ValueError(f"{key} {error}") from error
    if value < 1:
        raise ValueError(f"{key} must be at least 1")
    return value
