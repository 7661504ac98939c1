"""The HTML of a listing. Every name, label and setting of a user is escaped on its way in: pages
of all users come from one origin, and a name must not run as a script of another's site.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from swiftlite.vocab.names import quote_path

_DOCTYPE = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" '
    '"http://www.w3.org/TR/html4/loose.dtd">\n'
)
_OWN_STYLE = (
    '<style type="text/css">\n'
    "h1 {font-size: 1em; font-weight: bold;}\n"
    "th {text-align: left; padding: 0px 1em 0px 1em;}\n"
    "td {padding: 0px 1em 0px 1em;}\n"
    "a {text-decoration: none;}\n"
    "</style>\n"
)
_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi")


@dataclass(frozen=True, slots=True)
class Style:
    """css: the URL of a style sheet, text; "" for a style of our own."""

    css: str = ""

    def element(self) -> str:
        if not self.css:
            return _OWN_STYLE
        return f'<link rel="stylesheet" type="text/css" href="{escape(self.css)}" />\n'


def listing_page(
    label: str,
    prefix: str,
    rows: Iterable[dict[str, Any]],
    style: Style,
    *,
    query: str = "",
    linked_prefix: str = "",
) -> str:
    """A page of a listing made with delimiter=/.

    query: what every link gets behind it ("?…"), for a bearer of a temporary URL; only names
    that begin with linked_prefix are links then.
    """
    rows = list(rows)
    parts = [
        f"{_DOCTYPE}<html>\n<head>\n<title>Listing of {escape(label)}</title>\n",
        '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />\n',
        f'{style.element()}</head>\n<body>\n<h1 id="title">Listing of {escape(label)}</h1>\n',
        '<table id="listing">\n<tr id="heading">\n<th class="colname">Name</th>\n'
        '<th class="colsize">Size</th>\n<th class="coldate">Date</th>\n</tr>\n',
    ]
    if prefix and (not linked_prefix or prefix != linked_prefix):
        parts.append(
            f'<tr id="parent" class="item">\n<td class="colname"><a href="../{escape(query)}">'
            '../</a></td>\n<td class="colsize">&nbsp;</td>\n<td class="coldate">&nbsp;</td>\n'
            "</tr>\n"
        )
    parts.extend(
        _directory_row(str(row["subdir"]), prefix, query, linked_prefix)
        for row in rows
        if "subdir" in row
    )
    parts.extend(_object_row(row, prefix, query, linked_prefix) for row in rows if "name" in row)
    parts.append("</table>\n</body>\n</html>\n")
    return "".join(parts)


def disabled_page(label: str, style: Style) -> str:
    """Instead of a listing that the owner does not want to be shown."""
    return (
        f"{_DOCTYPE}<html>\n<head>\n<title>Listing of {escape(label)}</title>\n{style.element()}"
        '</head>\n<body>\n<h1 id="title">Web Listing Disabled</h1>\n'
        "<p>The owner of this web site has disabled web listing.</p>\n"
        "<p>If you are the owner of this web site, you can enable web listing by setting "
        "X-Container-Meta-Web-Listings.</p>\n</body>\n</html>\n"
    )


def _directory_row(name: str, prefix: str, query: str, linked_prefix: str) -> str:
    shown = name[len(prefix) :]
    link = _link(shown, name, query, linked_prefix)
    return (
        f'<tr class="item subdir">\n<td class="colname">{link}</td>\n'
        '<td class="colsize">&nbsp;</td>\n<td class="coldate">&nbsp;</td>\n</tr>\n'
    )


def _object_row(row: dict[str, Any], prefix: str, query: str, linked_prefix: str) -> str:
    name = str(row["name"])
    shown = name[len(prefix) :]
    kinds = " ".join(
        f"type-{escape(word.lower())}"
        for word in str(row.get("content_type", "")).partition(";")[0].split("/")
        if word
    )
    date = str(row.get("last_modified", "")).partition(".")[0].replace("T", " ")
    return (
        f'<tr class="item {kinds}">\n'
        f'<td class="colname">{_link(shown, name, query, linked_prefix)}</td>\n'
        f'<td class="colsize">{human_size(row.get("bytes"))}</td>\n'
        f'<td class="coldate">{escape(date)}</td>\n</tr>\n'
    )


def _link(shown: str, name: str, query: str, linked_prefix: str) -> str:
    if not name.startswith(linked_prefix):
        return escape(shown)
    # "./" in front, so that a name such as "javascript:x" or "//host" stays a name.
    return f'<a href="./{escape(quote_path(shown))}{escape(query)}">{escape(shown)}</a>'


def human_size(size: object) -> str:
    """`512`, `2Ki`, `10Mi`: in powers of 1024, rounded."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        return "&nbsp;"
    value = float(size)
    unit = 0
    while round(value) >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{round(value)}{_UNITS[unit]}"


def css_url(css: str, depth: int) -> str:
    """The style sheet's URL as seen from so many directories below the container."""
    if css.startswith(("/", "http://", "https://")):
        return css
    return "../" * depth + quote_path(css)
