"""Access control lists as Swift writes them: one grammar for containers, one for accounts.

Container lists are comma-separated elements in X-Container-Read and X-Container-Write: groups
(`account`, `account:user`, roles), `.rlistings`, and referrer rules (`.r:*`, `.r:-host`,
`.r:.domain`). Account lists are a JSON object in X-Account-Access-Control. Who a group is, and
what a matching list lets it do, is for the auth middleware to say.
Source: doc/formats/acl.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from swiftlite.formats.json_input import JsonRefused, decode_json

RLISTINGS = ".rlistings"
REFERRER_DESIGNATORS = frozenset((".r", ".ref", ".referer", ".referrer"))
ACCOUNT_ACL_KEYS = ("admin", "read-write", "read-only")
NO_REFERRER = "unknown"  # the host that a request without a usable Referer has


class AclInvalid(ValueError):
    """A client's list does not follow the grammar; the message is a sentence for the client."""


@dataclass(frozen=True, slots=True)
class ContainerAcl:
    """One parsed list. Referrer rules keep their order, because the last that matches decides."""

    referrers: tuple[str, ...]
    groups: frozenset[str]

    @property
    def public_listings(self) -> bool:
        """Whether those let in by a referrer rule may also list the container."""
        return RLISTINGS in self.groups

    def admits_referrer(self, referrer: str | None) -> bool:
        """Whether the rules let in a request with this Referer header (None: it had none)."""
        if not self.referrers:
            return False
        host = referrer_host(referrer)
        admitted = False
        for rule in self.referrers:
            if rule.startswith("-"):
                if _host_matches(rule[1:], host):
                    admitted = False
            elif rule == "*" or _host_matches(rule, host):
                admitted = True
        return admitted

    def admits_group(self, groups: Collection[str]) -> bool:
        return not self.groups.isdisjoint(groups)


EMPTY = ContainerAcl((), frozenset())


@lru_cache(maxsize=1024)
def parse_container_acl(text: str) -> ContainerAcl:
    """Read a stored list. Whatever is stored can be read: this raises nothing."""
    referrers: list[str] = []
    groups: set[str] = set()
    for element in text.split(","):
        if element.startswith(".r:"):
            referrers.append(element[3:])
        elif element:
            groups.add(element)
    return ContainerAcl(tuple(referrers), frozenset(groups))


def clean_container_acl(header: str, value: str) -> str:
    """The stored form of a client's list: trimmed, empty elements dropped, one spelling of `.r:`.

    header tells read from write lists: only the former may hold referrer rules. Raises AclInvalid.
    """
    elements = (element.strip() for element in value.split(","))
    return ",".join(_cleaned(header, element) for element in elements if element)


def _cleaned(header: str, element: str) -> str:
    designator, colon, rule = (part.strip() for part in element.partition(":"))
    if not colon or not designator.startswith("."):
        return element
    if designator not in REFERRER_DESIGNATORS:
        raise AclInvalid(f"Unknown designator {designator!r} in ACL: {element!r}")
    if "write" in header.lower():
        raise AclInvalid(f"Referrers not allowed in write ACL: {element!r}")
    negated = rule.startswith("-")
    host = rule[1:].strip() if negated else rule
    if host.startswith("*") and host != "*":
        host = host[1:].strip()
    if host in ("", "."):
        raise AclInvalid(f"No host/domain value after referrer designation in ACL: {element!r}")
    return f".r:{'-' if negated else ''}{host}"


def referrer_host(referrer: str | None) -> str:
    """The host of a Referer header in lower case; `unknown` when there is none to be found."""
    if not referrer:
        return NO_REFERRER
    try:
        return urlsplit(referrer).hostname or NO_REFERRER
    except ValueError:  # half an IPv6 address, for one
        return NO_REFERRER


def _host_matches(rule: str, host: str) -> bool:
    rule = rule.lower()
    return host == rule or (rule.startswith(".") and host.endswith(rule))


AccountAcl = Mapping[str, tuple[str, ...]]
"""Key of ACCOUNT_ACL_KEYS to groups, every key present."""


def parse_account_acl(text: str) -> AccountAcl | None:
    """Read a client's or a stored list; None when it is empty text. Raises AclInvalid."""
    if not text.strip():
        return None
    try:
        value = decode_json(text)
    except JsonRefused as error:
        raise AclInvalid(f"X-Account-Access-Control is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise AclInvalid("X-Account-Access-Control must be a JSON object")
    lists = dict.fromkeys(ACCOUNT_ACL_KEYS, ())
    for key, groups in value.items():
        if key not in lists:
            raise AclInvalid(
                f"Key {key!r} of X-Account-Access-Control is not one of "
                + ", ".join(ACCOUNT_ACL_KEYS)
            )
        if not isinstance(groups, list):
            raise AclInvalid(f"The value of {key!r} must be a list")
        if not all(isinstance(group, str) for group in groups):
            raise AclInvalid(f"The elements of the list {key!r} must be strings")
        lists[key] = tuple(groups)
    return lists


def render_account_acl(acl: AccountAcl) -> str:
    """The stored form: compact ASCII JSON in sorted order, without empty lists; "" for none."""
    filled = {key: list(groups) for key, groups in acl.items() if groups}
    if not filled:
        return ""
    return json.dumps(filled, sort_keys=True, separators=(",", ":"))
