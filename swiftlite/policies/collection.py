"""All policies of a cluster, found by index or by name in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from swiftlite.policies.policy import LEGACY_NAME, Policy, PolicyError


class PolicyCollection:
    """Checked as a whole when made: PolicyError unless indexes and names are single and exactly
    one policy is the default."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._by_index: dict[int, Policy] = {}
        self._by_name: dict[str, Policy] = {}
        for policy in sorted(policies, key=lambda policy: policy.index):
            self._add(policy)
        defaults = [policy for policy in self if policy.is_default]
        if len(defaults) != 1:
            named = ", ".join(policy.name for policy in defaults) or "none"
            raise PolicyError(f"exactly one storage policy must be the default, not {named}")
        (self.default,) = defaults
        if self.default.deprecated:
            raise PolicyError(f"the default policy {self.default.name} cannot be deprecated")

    def _add(self, policy: Policy) -> None:
        if policy.index in self._by_index:
            raise PolicyError(f"there are two storage policies of index {policy.index}")
        self._by_index[policy.index] = policy
        names = [*policy.aliases, policy.name]
        if policy.index == 0:
            names.append(LEGACY_NAME)
        for name in dict.fromkeys(name.lower() for name in names):
            if name in self._by_name:
                raise PolicyError(f"two storage policies are called {name}")
            self._by_name[name] = policy

    def __iter__(self) -> Iterator[Policy]:
        """By index."""
        return iter(self._by_index.values())

    def __len__(self) -> int:
        return len(self._by_index)

    def get(self, index: int) -> Policy | None:
        return self._by_index.get(index)

    def by_name(self, name: str) -> Policy | None:
        """By any of its names, in any case."""
        return self._by_name.get(name.lower())
