"""Where the files of one object live, level by level.

device / objects[-N] / partition / suffix / hash
"""

from __future__ import annotations

from swiftlite.formats.ondisk_names import OBJECTS, QUARANTINED, TMP, policy_dir


class HashDir:
    """The paths of one object's directory and of all its parents on the device."""

    __slots__ = (
        "device",
        "device_path",
        "hash",
        "objects_path",
        "partition",
        "partition_path",
        "path",
        "policy_index",
        "suffix",
        "suffix_path",
    )

    def __init__(
        self, devices: str, device: str, policy_index: int, partition: int, name_hash: str
    ) -> None:
        self.device = device
        self.policy_index = policy_index
        self.partition = partition
        self.hash = name_hash
        self.suffix = name_hash[-3:]
        self.device_path = f"{devices}/{device}"
        self.objects_path = f"{self.device_path}/{policy_dir(OBJECTS, policy_index)}"
        self.partition_path = f"{self.objects_path}/{partition}"
        self.suffix_path = f"{self.partition_path}/{self.suffix}"
        self.path = f"{self.suffix_path}/{name_hash}"

    @property
    def tmp_path(self) -> str:
        return f"{self.device_path}/{policy_dir(TMP, self.policy_index)}"

    @property
    def quarantine_path(self) -> str:
        """Where damaged hash dirs of this policy are set aside, each under its hash."""
        return f"{self.device_path}/{QUARANTINED}/{policy_dir(OBJECTS, self.policy_index)}"

    def __repr__(self) -> str:
        return f"HashDir({self.path!r})"
