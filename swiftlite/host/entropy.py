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

    def __init__(self, *, ahead: int = 0) -> None:
        """ahead: how many bytes are fetched at once, for a process whose fork calls reseed; the
        system call costs ten times the copy. Then bytes() is for the loop's thread alone."""
        self._ahead = ahead
        self._choices = random.Random(secrets.randbits(128))
        self._store = b""  # from the kernel, not given out yet
        self._at = 0

    def bytes(self, n: int) -> bytes:
        end = self._at + n
        if end > len(self._store):
            if n > self._ahead:
                return secrets.token_bytes(n)
            self._store = secrets.token_bytes(self._ahead)
            self._at, end = 0, n
        taken = self._store[self._at : end]
        self._at = end
        return taken

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
        """After a fork, so that two workers do not make the same choices, nor give out the same
        bytes."""
        self._store = b""
        self._at = 0
        self._choices.seed(secrets.randbits(128))
