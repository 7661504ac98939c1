"""The ETag of a container's row with what filters tell in its parameters.

`<etag>; slo_etag=<etag>; symlink_target=<quoted path>`: the ETag that the listing shows comes
first, and each filter takes its own parameters out on the way to the client.
"""

from __future__ import annotations

Parameters = list[tuple[str, str]]


def parse_row_etag(text: str) -> tuple[str, Parameters]:
    """The ETag and its parameters in order; what is no parameter is left out."""
    etag, *rest = text.split(";")
    pairs = (part.strip().partition("=") for part in rest)
    return etag.strip(), [(name, value) for name, equals, value in pairs if name and equals]


def render_row_etag(etag: str, parameters: Parameters) -> str:
    return etag + "".join(f"; {name}={value}" for name, value in parameters)
