"""What this server says about itself under /info.

Filled while a pipeline is built, once per process and before the first request, so it is a
module-level table: every filter adds its facts to the same page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_public: dict[str, dict[str, Any]] = {}
_admin: dict[str, dict[str, Any]] = {}


def register(name: str, admin: bool = False, **facts: Any) -> None:  # noqa: ANN401  # JSON values
    """Add facts under a section (`swift`, `tempauth`, ...); admin facts need a signed request.

    Names may not hold a dot, because `disallowed_sections` names facts as section.fact.
    """
    if "." in name or any("." in fact for fact in facts):
        raise ValueError(f"a section or fact of /info may not hold a dot: {name}: {facts}")
    if not admin and name in ("admin", "disallowed_sections"):
        raise ValueError(f"{name!r} is a reserved section of /info")
    (_admin if admin else _public).setdefault(name, {}).update(facts)


def facts(*, admin: bool = False, disallowed: Iterable[str] = ()) -> dict[str, Any]:
    """All facts as JSON values; what `disallowed` names ("section" or "section.fact") left out."""
    hidden = tuple(disallowed)
    told = {name: _without(name, section, hidden) for name, section in _public.items()}
    told = {name: section for name, section in told.items() if name not in hidden}
    if admin:
        told["admin"] = {name: dict(section) for name, section in _admin.items()}
        told["admin"]["disallowed_sections"] = list(hidden)
    return told


def forget() -> None:
    """Empty the table; for tests, which build many pipelines in one process."""
    _public.clear()
    _admin.clear()


def _without(name: str, section: dict[str, Any], hidden: tuple[str, ...]) -> dict[str, Any]:
    """A copy of a section without hidden facts, "section.fact.inner" included."""
    copied: dict[str, Any] = {}
    for fact, value in section.items():
        path = f"{name}.{fact}"
        if path in hidden:
            continue
        if isinstance(value, dict) and any(item.startswith(path + ".") for item in hidden):
            value = _without(path, value, hidden)
        copied[fact] = value
    return copied
