"""The ETag of a container's row with what filters tell in its parameters.

`<etag>; slo_etag=<etag>; symlink_target=<quoted path>`: the ETag that the listing shows comes
first, and each filter takes its own parameters out on the way to the client.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Parameters = list[tuple[str, str]]


def parse_row_etag(text: str) -> tuple[str, Parameters]:
    """The ETag and its parameters in order; what is no parameter is left out."""
    etag, *rest = text.split(";")
    pairs = (part.strip().partition("=") for part in rest)
    return etag.strip(), [(name, value) for name, equals, value in pairs if name and equals]


def render_row_etag(etag: str, parameters: Parameters) -> str:
    return etag + "".join(f"; {name}={value}" for name, value in parameters)


def tell_rows(
    body: bytes, parameter: str, tell: Callable[[Row, dict[str, str]], bool], prefix: str
) -> bytes:
    """A JSON listing whose rows say what their ETag's parameters hold.

    tell(row, parameters by name) adds to each row that has the parameter, and says whether it did;
    then the parameters that begin with prefix leave the row's hash. Whatever is no listing is
    left alone.
    """
    try:
        rows = json.loads(body)
    except ValueError:
        return body
    if not isinstance(rows, list):
        return body
    for row in rows:
        stored = row.get("hash") if isinstance(row, dict) else None
        if not isinstance(stored, str) or f"{parameter}=" not in stored:
            continue
        etag, parameters = parse_row_etag(stored)
        if tell(row, dict(parameters)):
            others = [item for item in parameters if not item[0].startswith(prefix)]
            row["hash"] = render_row_etag(etag, others)
    return json.dumps(rows).encode("ascii")
