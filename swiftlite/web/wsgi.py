"""The types of PEP 3333, as this house writes them down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
"""A WSGI application: environ and start_response in, an iterable body out."""

HeaderList = list[tuple[str, str]]
