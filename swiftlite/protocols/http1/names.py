"""Header names: which are allowed, their environ keys, their usual spelling.

Each distinct name is checked and translated once and then found in a dict, which is most of what
makes a head cheap to read. The dicts are bounded, because names come from clients. Names may hold
UTF-8 (Swift's metadata names do), kept as latin-1 characters in the manner of WSGI; only ASCII
letters change case, so that those bytes survive.
"""

from __future__ import annotations

import re
from typing import ClassVar

from swiftlite.protocols.http1.errors import Malformed
from swiftlite.vocab.headers import title_case

is_header_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z\x80-\xff]+").fullmatch
is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

_KNOWN_NAMES_MAX = 4096
_KNOWN_NAME_LENGTH_MAX = 128
_TO_KEY = {ord("-"): "_"} | {c: chr(c - 32) for c in range(ord("a"), ord("z") + 1)}
_SHOWN_MAX = 60  # characters of a bad name that a sentence repeats


class EnvironKeys(dict[str, str]):
    """Header name as sent -> environ key; "" for a name that is dropped. Raises Malformed.

    A name with an underscore would share its key with the name that has a dash there, so it is
    dropped (as eventlet and nginx do), and refused where a mix-up would change the framing.
    """

    NEVER_WITH_UNDERSCORES: ClassVar = frozenset(
        (
            "CONTENT_LENGTH",
            "HTTP_TRANSFER_ENCODING",
            "CONTENT_TYPE",
        )
    )

    def __missing__(self, name: str) -> str:
        check_name(name)
        key = name.translate(_TO_KEY)
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        if "_" in name:
            if key in self.NEVER_WITH_UNDERSCORES:
                raise Malformed(f"The header {show(name)} is spelt with an underscore.")
            key = ""
        if len(self) < _KNOWN_NAMES_MAX and len(name) <= _KNOWN_NAME_LENGTH_MAX:
            self[name] = key
        return key


class UsualNames(dict[str, str]):
    """Header name in any case -> as Swift writes it (`X-Timestamp`, `ETag`). Raises Malformed."""

    def __missing__(self, name: str) -> str:
        check_name(name)
        usual = title_case(name)
        if len(self) < _KNOWN_NAMES_MAX and len(name) <= _KNOWN_NAME_LENGTH_MAX:
            self[name] = usual
        return usual


environ_keys = EnvironKeys()
usual_names = UsualNames()


def check_name(name: str) -> None:
    """Raises Malformed with a sentence that says what is wrong with this header name."""
    if is_header_name(name):
        return
    if not name:
        raise Malformed("A header line has no name before its colon.")
    if name[0] in " \t":
        raise Malformed("A header line begins with a space; folded lines are not accepted.")
    if name[-1] in " \t":
        raise Malformed(
            f"There is a space between the header name {show(name.rstrip())} and its colon."
        )
    raise Malformed(f"The header name {show(name)} has a character that is not allowed in names.")


def show(name: str) -> str:
    """A part of hostile text that is safe to repeat in an answer."""
    return ascii(name[:_SHOWN_MAX])
