"""Switching the fast lanes off in an embedded cluster, for tests that run both ways."""

from __future__ import annotations

from swiftlite.cli.embedded.layout import Layout

PROXY = ("relay_by_splice", "hash_once", "borrow_files", "local_sockets")
OBJECT = ("lend_files", "send_rows_together")
STORAGE = ("local_sockets",)


def switch_off(layout: Layout) -> None:
    """Once, after the confs have been made; servers that run know nothing of it."""
    for server in layout.servers:
        path = layout.conf(server)
        text = path.read_text()
        section = f"use = egg:swiftlite#{server.kind}\n"
        own = {"proxy": PROXY, "object": OBJECT}.get(server.kind, ())
        assert section in text
        text = text.replace(section, section + _off(own))
        if server.kind != "proxy":
            text = text.replace("[DEFAULT]\n", "[DEFAULT]\n" + _off(STORAGE))
        path.write_text(text)


def _off(options: tuple[str, ...]) -> str:
    return "".join(f"{option} = false\n" for option in options)
