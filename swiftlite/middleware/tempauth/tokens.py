"""Tokens that carry their user and their end, signed, so that nobody has to store them.

Any worker of any proxy with the same conf accepts them, before and after a restart. Each user's
tokens are signed with a key made from the cluster's secret and the user's own key: a changed key
ends that user's tokens and no other's, and who could forge one knows the user's key already.

    <reseller prefix>tk<base64url of: expiry, 5 bytes | HMAC-SHA256, 24 bytes | account:user>
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.host.clock import Clock
from swiftlite.middleware.tempauth.options import User

EXPIRY_BYTES = 5
SIGNATURE_BYTES = 24
TOKEN_CHARS_MAX = 2048
_HEAD = EXPIRY_BYTES + SIGNATURE_BYTES
_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Pass:
    """A token that holds: whose it is, and until when (seconds since 1970)."""

    user: User
    expires: int


class TokenMint:
    """Makes and reads the tokens of the users it was given."""

    def __init__(
        self, prefix: str, secret: bytes, users: Mapping[str, User], life: int, clock: Clock
    ) -> None:
        self._prefix = prefix + "tk"
        self._life = life
        self._clock = clock
        self._users = {
            name.encode("utf-8"): (user, _user_secret(secret, user)) for name, user in users.items()
        }

    def issue(self, user: User) -> tuple[str, int]:
        """A new token for a user that the mint knows, and when it ends."""
        name = user.full_name.encode("utf-8")
        expires = int(self._clock.wall()) + self._life
        expiry = expires.to_bytes(EXPIRY_BYTES, "big")
        blob = expiry + _signature(self._users[name][1], expiry + name) + name
        return self._prefix + base64.urlsafe_b64encode(blob).rstrip(b"=").decode("ascii"), expires

    def read(self, token: str) -> Pass | None:
        """Whose token it is; None for one that is not ours, is forged, or has ended."""
        if not token.startswith(self._prefix) or len(token) > TOKEN_CHARS_MAX:
            return None
        text = token[len(self._prefix) :]
        try:
            blob = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        expiry, signature, name = blob[:EXPIRY_BYTES], blob[EXPIRY_BYTES:_HEAD], blob[_HEAD:]
        found = self._users.get(name)
        if found is None:
            return None
        user, secret = found
        if not hmac.compare_digest(signature, _signature(secret, expiry + name)):
            return None
        expires = int.from_bytes(expiry, "big")
        return Pass(user, expires) if expires > self._clock.wall() else None


def _signature(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, _DIGEST)[:SIGNATURE_BYTES]


def _user_secret(secret: bytes, user: User) -> bytes:
    whose = b"\0".join(text.encode("utf-8") for text in (user.full_name, user.key))
    return hmac.digest(secret, b"tempauth token\0" + whose, _DIGEST)
