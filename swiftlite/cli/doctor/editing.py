"""Commands that change a conf, by sed: in one section, whatever else has the same key.

A command is made for the file as it is: which file of a conf.d directory has the key, and whether
the key stands there or has to be added.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path


def set_option(conf: Path, header: str, key: str, value: str) -> str:
    file = _file_with(conf, header, key)
    if file is not None:
        return _in_section(file, header, f"s|^{key}\\b.*|{key} = {_replacement(value)}|")
    file = _file_with(conf, header)
    if file is not None:
        line = f"{key} = {value}".replace("\\", "\\\\")
        return _sed(f"/^\\[{header}\\]/a {line}", file)
    target = conf / "doctor.conf" if conf.is_dir() else conf
    return f"printf '\\n[%s]\\n%s\\n' {header} {shlex.quote(f'{key} = {value}')} >>{target}"


def rename_option(conf: Path, header: str, key: str, to: str) -> str:
    """Or take it out, where the one that is meant stands beside it."""
    if _file_with(conf, header, to) is not None:
        return comment_out(conf, header, key)
    return _in_section(
        _file_with(conf, header, key) or conf, header, f"s|^{key}\\b|{_replacement(to)}|"
    )


def comment_out(conf: Path, header: str, key: str) -> str:
    return _in_section(_file_with(conf, header, key) or conf, header, f"s|^{key}\\b|# &|")


def _in_section(file: Path, header: str, act: str) -> str:
    return _sed(f"/^\\[{header}\\]/,/^\\[/ {act}", file)


def _sed(script: str, file: Path) -> str:
    return f"sed -i {shlex.quote(script)} {shlex.quote(str(file))}"


def _replacement(text: str) -> str:
    return re.sub(r"[&|\\]", r"\\\g<0>", text)


def _file_with(conf: Path, header: str, key: str | None = None) -> Path | None:
    """The last file that has the section, and the key in it; that one counts."""
    files = sorted(conf.glob("*.conf")) if conf.is_dir() else [conf]
    for file in reversed(files):
        if key in _keys(file, header):
            return file
    return None


def _keys(file: Path, header: str) -> Iterator[str | None]:
    """None for the section itself, then its keys."""
    inside = False
    for line in _lines(file):
        if line.startswith("["):
            inside = line.startswith(f"[{header}]")
            if inside:
                yield None
        elif inside and (found := re.match(r"([^\s#;=:]+)\s*[=:]", line)):
            yield found[1]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
