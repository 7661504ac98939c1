from __future__ import annotations

import pytest

from swiftlite.policies import ERASURE_CODING, ErasureCode, Policy, PolicyError, parse_policies

CODE = {
    "name": "deep",
    "policy_type": "erasure_coding",
    "ec_type": "isa_l_rs_cauchy",
    "ec_num_data_fragments": "10",
    "ec_num_parity_fragments": "4",
}


def _parsed(**changes: str) -> Policy:
    section = {key: value for key, value in {**CODE, **changes}.items() if value}
    found = parse_policies({"storage-policy:0": {"name": "gold", "default": "yes"},
                            "storage-policy:2": section}).get(2)  # fmt: skip
    assert found is not None
    return found


def test_an_erasure_coding_policy_is_represented() -> None:
    policy = _parsed(ec_duplication_factor="2", ec_object_segment_size="65536")
    assert policy.kind == ERASURE_CODING
    assert policy.diskfile_module == "egg:swiftlite#erasure_coding.fs"
    assert policy.erasure == ErasureCode("isa_l_rs_cauchy", 10, 4, 65536, 2)
    assert policy.erasure.scheme == "isa_l_rs_cauchy 10+4"
    assert policy.erasure.fragment_count == 28
    assert policy.quorum(28) == 22


def test_defaults_are_swifts() -> None:
    code = _parsed().erasure
    assert code is not None
    assert (code.segment_bytes, code.duplication, code.quorum) == (1 << 20, 1, 11)


def test_replicated_policies_have_no_code() -> None:
    assert parse_policies({}).default.erasure is None


def test_a_harmful_code_may_only_be_deprecated() -> None:
    harmful = {"ec_type": "isa_l_rs_vand", "ec_num_parity_fragments": "5"}
    assert _parsed(**harmful, deprecated="yes").deprecated
    with pytest.raises(PolicyError, match="must be deprecated"):
        _parsed(**harmful)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ec_type": ""}, r"\[storage-policy:2\]: has no ec_type"),
        ({"ec_type": "magic"}, "ec_type 'magic' is not one of"),
        ({"ec_num_data_fragments": ""}, "has no ec_num_data_fragments"),
        ({"ec_num_data_fragments": "0"}, "ec_num_data_fragments must be at least 1"),
        ({"ec_num_parity_fragments": "x"}, "ec_num_parity_fragments must be a whole number"),
        ({"ec_colour": "red"}, "ec_colour is no option"),
        ({"policy_type": "replication"}, "is no option"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        _parsed(**changes)
