"""What tempauth's section says: its options, its users, the rules of its account prefixes.

Users are keys that the operator makes up: `user_<account>_<user> = <key> [group]... [url]`, or
`user64_…` with both names in base64 where one holds an underscore or other signs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.config.load import ConfError
from swiftlite.config.option import opt
from swiftlite.vocab.names import quote_path

DEFAULT_SCHEME = "default"


def _prefix_list(text: str) -> list[str]:
    """`AUTH, SERVICE` -> AUTH_, SERVICE_; a pair of quotes stands for no prefix."""
    prefixes: list[str] = []
    for part in text.split(","):
        word = part.strip().strip("'\"") if part.strip()[:1] in "'\"" else part.strip()
        prefix = word if not word or word.endswith("_") else word + "_"
        if prefix not in prefixes:
            prefixes.append(prefix)
    return prefixes


def _path_prefix(text: str) -> str:
    inner = text.strip("/")
    return f"/{inner}/" if inner else "/auth/"


@dataclass(frozen=True, slots=True)
class TempAuthOptions:
    SECTION = "filter:tempauth"
    reseller_prefix: list[str] = opt(
        ["AUTH_"],
        "Prefixes of the accounts that this filter speaks for, comma-separated; '' for none.",
        parse=_prefix_list,
        shown="AUTH",
    )
    require_group: str = opt(
        "",
        "Group that a request must have besides its right to the account; <PREFIX>_require_group "
        "sets it for one prefix.",
    )
    auth_prefix: str = opt("/auth/", "Path under which tokens are asked for.", parse=_path_prefix)
    token_life: int = opt(86400, "Seconds for which a token is good.", minimum=1)
    allow_overrides: bool = opt(
        True, "Step aside where a filter on the left has authorised the request already."
    )
    storage_url_scheme: str = opt(
        DEFAULT_SCHEME,
        "Scheme of the X-Storage-Url that is given out; default is that of the request.",
        choices=(DEFAULT_SCHEME, "http", "https"),
    )
    token_secret: str = opt(
        "",
        "Secret that signs tokens, the same on every proxy; empty: made from swift.conf's hash "
        "prefix and suffix and from each user's key.",
    )


@dataclass(frozen=True, slots=True)
class User:
    """One user of the conf. url is None where it is made from the account's name."""

    account: str
    name: str
    key: str
    groups: tuple[str, ...] = ()
    url: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.account}:{self.name}"

    def storage_url(self, prefix: str) -> str:
        """With $HOST for scheme and host; prefix is the first reseller prefix."""
        return self.url or f"$HOST/v1/{quote_path(prefix + self.account)}"

    def account_id(self, prefix: str) -> str:
        """The account in the storage URL."""
        return self.url.rpartition("/")[2] if self.url else prefix + self.account

    def all_groups(self, prefixes: list[str]) -> tuple[str, ...]:
        """What the user is a member of; .admin turns into the accounts it rules."""
        groups = [self.account, self.full_name, *self.groups]
        if ".admin" in groups:
            groups.remove(".admin")
            groups.extend(prefix + self.account for prefix in prefixes)
            groups.append(self.account_id(prefixes[0]))
        return tuple(dict.fromkeys(groups))


def is_user_key(key: str) -> bool:
    return key.startswith(("user_", "user64_"))


def is_operators_key(key: str) -> bool:
    """Whether a key's name is made up by the operator, so that no table can know it."""
    return is_user_key(key) or key.endswith("_require_group")


def read_users(values: Mapping[str, str], *, where: str) -> dict[str, User]:
    """Users by `account:name`. Raises ConfError that names the key but shows no secret."""
    users = {}
    for key, value in values.items():
        if is_user_key(key):
            user = _read_user(key, value, where)
            users[user.full_name] = user
    return users


def _read_user(key: str, value: str, where: str) -> User:
    try:
        account, name = _names_in(key)
    except ValueError as error:
        raise ConfError(f"{where}: {key} {error}.") from None
    words = value.split()
    if not words:
        raise ConfError(f"{where}: {key} must have a value: the user's key, then groups.")
    secret, *groups = words
    url = groups.pop() if groups and ("://" in groups[-1] or "$HOST" in groups[-1]) else None
    if any("," in word for word in (account, name, *groups)):
        raise ConfError(f"{where}: {key}: names and groups may not hold a comma.")
    return User(account, name, secret, tuple(groups), url)


def _names_in(key: str) -> tuple[str, str]:
    form, _, rest = key.partition("_")
    account, separator, name = rest.partition("_")
    if not (account and separator and name) or "_" in name:
        raise ValueError(
            "must be user_<account>_<user>; use user64_ and base64 for names with underscores"
        )
    if form == "user64":
        return _decoded(account), _decoded(name)
    return account, name


def _decoded(text: str) -> str:
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise ValueError("holds a name that is not base64 of UTF-8") from None


def required_groups(prefixes: list[str], default: str, values: Mapping[str, str]) -> dict[str, str]:
    """Prefix to the group that its accounts ask for besides; "" for none."""
    return {
        prefix: values.get(f"{prefix}require_group", default).strip() or default
        for prefix in prefixes
    }
