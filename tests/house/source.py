"""The package's own source, read once: modules, what they import, what they call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "swiftlite"


@dataclass(frozen=True)
class Module:
    """One file. room is its directory below the package, or "" for the package's own door."""

    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """`formats/listings.py`"""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def room(self) -> str:
        first, slash, _ = self.name.partition("/")
        return first if slash else ""

    def imports(self) -> Iterator[tuple[str, int]]:
        """Dotted names of imported modules, with their lines; imports for types only count too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom):
                base = self._base_of(node)
                yield base, node.lineno
                if base.split(".")[0] == "swiftlite":
                    for alias in node.names:
                        yield f"{base}.{alias.name}", node.lineno

    def calls(self) -> Iterator[tuple[str, int]]:
        """What is called or handed on, by the names under which it was imported.

        `from time import sleep` and `import time; time.sleep` both read `time.sleep`; a builtin
        is just its name.
        """
        aliases = self._aliases()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                base = aliases.get(node.value.id)
                if base is not None:
                    yield f"{base}.{node.attr}", node.lineno
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield aliases.get(node.id, node.id), node.lineno

    def _aliases(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = alias.name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{self._base_of(node)}.{alias.name}"
        return found

    def _base_of(self, node: ast.ImportFrom) -> str:
        """The module that names are imported from, a relative one made absolute."""
        if not node.level:
            return node.module or ""
        package = ("swiftlite", *self.path.relative_to(PACKAGE).parts[:-1])
        base = package[: len(package) - node.level + 1]
        return ".".join((*base, node.module) if node.module else base)

    def functions(self) -> Iterator[tuple[str, int]]:
        """Names and line counts."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield node.name, node.end_lineno - node.lineno + 1


@cache
def modules() -> tuple[Module, ...]:
    return tuple(
        Module(path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
        for path in sorted(PACKAGE.rglob("*.py"))
    )
