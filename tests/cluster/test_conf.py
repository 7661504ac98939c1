from __future__ import annotations

from pathlib import Path

import pytest

from swiftlite.cluster import conf
from swiftlite.config.load import ConfError
from swiftlite.vocab.limits import Limits


def write(folder: Path, text: bytes) -> str:
    (folder / "swift.conf").write_bytes(text)
    return str(folder)


def test_hash_prefix_and_suffix_keep_every_byte(tmp_path: Path) -> None:
    text = b"[swift-hash]\nswift_hash_path_prefix = \xe9\xff\nswift_hash_path_suffix = %end\n"
    hash_path = conf.load(write(tmp_path, text)).hash_path
    assert (hash_path.prefix, hash_path.suffix) == (b"\xe9\xff", b"%end")


@pytest.mark.parametrize(
    "text", [b"", b"[swift-hash]\n", b"[swift-hash]\nswift_hash_path_suffix =\n"]
)
def test_without_prefix_and_suffix_nothing_starts(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ConfError, match="swift_hash_path_suffix"):
        conf.load(write(tmp_path, text))


def test_limits_default_to_swifts(tmp_path: Path) -> None:
    found = conf.load(write(tmp_path, b"[swift-hash]\nswift_hash_path_suffix = x\n"))
    assert found.limits == Limits()
    assert found.policies.default.index == 0


def test_limits_and_policies_are_read(tmp_path: Path) -> None:
    text = b"""
[swift-hash]
swift_hash_path_suffix = x
[swift-constraints]
max_file_size = 5M
extra_header_count = -3
valid_api_versions = v1, v2
[storage-policy:0]
name = gold
"""
    found = conf.load(write(tmp_path, text))
    assert found.limits.max_file_size == 5 << 20
    assert found.limits.extra_header_count == 0
    assert found.limits.valid_api_versions == ("v1", "v2")
    assert found.policies.default.name == "gold"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (b"[swift-constraints]\nmax_file_size = lots\n", "max_file_size"),
        (b"[swift-constraints]\nmax_meta_count = 0\n", "max_meta_count"),
        (b"[storage-policy:0]\nname = a b\n", "letters"),
    ],
)
def test_faults_name_the_file(tmp_path: Path, section: bytes, words: str) -> None:
    folder = write(tmp_path, b"[swift-hash]\nswift_hash_path_suffix = x\n" + section)
    with pytest.raises(ConfError, match=words) as error:
        conf.load(folder)
    assert f"{folder}/swift.conf" in str(error.value)


def test_a_missing_swift_conf_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfError, match=r"swift\.conf"):
        conf.load(str(tmp_path))
