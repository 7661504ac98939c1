"""Content types with parameters, and the parameter in which Swift hides a large object's size.

A container row of a large object has the type `video/mp4;swift_bytes=123`: 123 is the size that
listings show. Quoted values are kept as they stand, quotes included.
"""

from __future__ import annotations

import re

_TOKEN = r'[^()<>@,;:"/\[\]?={}\x00-\x20\x7f]+'
_parameters = re.compile(
    rf'\s*;\s*({_TOKEN})\s*(?:=\s*({_TOKEN}|"(?:[^"\\]|\\.)*"))?', re.ASCII
).findall


def parse_content_type(text: str) -> tuple[str, list[tuple[str, str]]]:
    """`text/plain; charset=x` -> ("text/plain", [("charset", "x")]); no value reads as ""."""
    kind, semicolon, rest = text.partition(";")
    return kind.strip(), _parameters(f";{rest}") if semicolon else []


def split_swift_bytes(text: str) -> tuple[str, int | None]:
    """The type without swift_bytes, and its value; None when absent or no number.

    Other parameters are kept in order, without the blanks around them: `a/b;charset=x`.
    """
    if ";" not in text:
        return text, None
    kind, parameters = parse_content_type(text)
    swift_bytes = None
    for key, value in parameters:
        if key == "swift_bytes":
            swift_bytes = int(value) if value.isdigit() and len(value) < 20 else None
        else:
            kind += f";{key}={value}" if value else f";{key}"
    return kind, swift_bytes
