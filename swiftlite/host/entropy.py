"""Where randomness comes from, so that a simulation can replay it from a seed."""

from __future__ import annotations

import random
import secrets
from collections.abc import MutableSequence
from typing import Any, Protocol


class Entropy(Protocol):
    def bytes(self, n: int) -> bytes: ...

    def hex(self, n: int) -> str:
        """2 * n hex digits."""
        ...

    def random(self) -> float:
        """0 <= x < 1; good for choices and pauses, not for secrets."""
        ...

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """In place; not for secrets."""
        ...

    def uuid_hex(self) -> str:
        """32 hex digits of a version 4 UUID, without dashes."""
        ...


class OsEntropy:
    """Secrets from the kernel; choices from a generator seeded by it."""

    def __init__(self) -> None:
        self._choices = random.Random(secrets.randbits(128))

    def bytes(self, n: int) -> bytes:
        return secrets.token_bytes(n)

    def hex(self, n: int) -> str:
        return secrets.token_hex(n)

    def random(self) -> float:
        return self._choices.random()

    def shuffle(self, items: MutableSequence[Any]) -> None:
        self._choices.shuffle(items)

    def uuid_hex(self) -> str:
        bits = secrets.randbits(128) & ~(0xF000 << 64) & ~(0xC000 << 48)
        return f"{bits | (4 << 76) | (0x8000 << 48):032x}"

    def reseed(self) -> None:
        """After a fork, so that two workers do not make the same choices."""
        self._choices.seed(secrets.randbits(128))
