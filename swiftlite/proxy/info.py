"""GET /info: what this cluster offers, and more of it to whoever signs the request."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from hashlib import sha1

from swiftlite.proxy.options import ProxyOptions
from swiftlite.web import Refusal, Request, Response
from swiftlite.web.info_registry import facts

_METHODS = "GET, HEAD, OPTIONS"
_SIGNED_AS = {"GET": ("GET",), "HEAD": ("HEAD", "GET")}


class InfoController:
    """Answers /info; wall: the clock's."""

    def __init__(self, options: ProxyOptions, wall: Callable[[], float]) -> None:
        self._options = options
        self._wall = wall

    def answer(self, request: Request) -> Response:
        verb = request.verb
        if verb == "OPTIONS":
            return Response(200, [("Allow", _METHODS)])
        if verb not in _SIGNED_AS:
            raise Refusal(405, None, {"Allow": _METHODS})
        if not self._options.expose_info:
            raise Refusal(403)
        admin = self._signed(request)
        told = facts(admin=admin, disallowed=self._options.disallowed_sections)
        headers = [("Content-Type", "application/json; charset=UTF-8")]
        origin = request.get_header("Origin")
        if origin is not None:
            headers.append(("Access-Control-Allow-Origin", origin))
            headers.append(("Access-Control-Expose-Headers", "x-trans-id, x-openstack-request-id"))
        return Response(200, headers, json.dumps(told))

    def _signed(self, request: Request) -> bool:
        """Whether admin facts may be told; a signature that does not hold is refused."""
        params = request.params_text
        signature, expires = params.get("swiftinfo_sig", ""), params.get("swiftinfo_expires", "")
        if not signature and not expires:
            return False
        if not self._options.admin_key:
            raise Refusal(403)
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 15):
            raise Refusal(401)
        if int(expires) < self._wall():
            raise Refusal(401)
        key = self._options.admin_key.encode()
        given = signature.encode("utf-8", "surrogateescape")
        valid = [
            hmac.compare_digest(_signature(method, int(expires), key), given)
            for method in _SIGNED_AS[request.verb]
        ]
        if not any(valid):
            raise Refusal(401)
        return True


def _signature(method: str, expires: int, key: bytes) -> bytes:
    text = f"{method}\n{expires}\n/info".encode()
    return hmac.new(key, text, sha1).hexdigest().encode()
