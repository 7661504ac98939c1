"""The report of a request that did many things: how many, what failed, and the status it earned.

The HTTP status is sent before the work is done, so the real one stands in the body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from swiftlite.vocab.status import is_server_error, status_line
from swiftlite.web.accept import AcceptInvalid, best_match
from swiftlite.web.refusals import Refusal

TEXT, JSON = "text/plain", "application/json"
OFFERS = (TEXT, JSON, "application/xml", "text/xml")


def report_type(accept: str | None) -> str:
    """The content type that a client wants its report in. Raises Refusal."""
    try:
        chosen = best_match(accept, OFFERS)
    except AcceptInvalid as error:
        raise Refusal(400, f"Invalid Accept header: {error}.") from None
    if chosen is None:
        raise Refusal(406, f"The report can be had as {', '.join(OFFERS)}.")
    return chosen


@dataclass
class Report:
    """Counts by name, failures by object name (quoted), and the outcome of the whole."""

    counts: dict[str, int] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    body: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def fail(self, name: str, status: int | str) -> None:
        """One object failed; name is quoted. A status of 5xx makes the whole a 502."""
        if isinstance(status, int):
            self.errors.append((name, status_line(status)))
            if is_server_error(status):
                self.status = 502
                return
        else:
            self.errors.append((name, status))
        if self.status < 400:
            self.status = 400

    def render(self, content_type: str, root: str) -> bytes:
        """The report in a form of OFFERS; root names the XML element."""
        facts: dict[str, str | int] = {
            **self.counts,
            **self.more,
            "Response Status": status_line(self.status),
            "Response Body": self.body,
        }
        if content_type == JSON:
            return json.dumps({**facts, "Errors": [list(error) for error in self.errors]}).encode()
        if content_type.endswith("/xml"):
            return _xml(facts, self.errors, root).encode("utf-8", "replace")
        lines = [f"{name}: {facts[name]}\n" for name in sorted(facts)]
        lines.append("Errors:\n")
        lines.extend(f"{name}, {status}\n" for name, status in self.errors)
        return "".join(lines).encode("utf-8", "replace")


def _xml(facts: dict[str, str | int], errors: list[tuple[str, str]], root: str) -> str:
    parts = [f"<{root}>\n"]
    for name in sorted(facts):
        tag = name.replace(" ", "_").lower()
        parts.append(f"<{tag}>{escape(str(facts[name]))}</{tag}>\n")
    parts.append("<errors>\n")
    parts.extend(
        f"<object><name>{escape(name)}</name><status>{escape(status)}</status></object>\n"
        for name, status in errors
    )
    parts.append(f"</errors>\n</{root}>\n")
    return "".join(parts)
