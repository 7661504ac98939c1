"""Which account servers a request to the container server wants to be told, from its headers."""

from __future__ import annotations

from swiftlite.container.account_update import Target
from swiftlite.host.net import Address
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request


def targets_of(request: Request) -> list[Target]:
    """The account servers that the proxy wants to be told; Refusal 400 when they do not add up."""
    hosts = _csv(request.get_header("X-Account-Host"))
    devices = _csv(request.get_header("X-Account-Device"))
    partition = request.get_header("X-Account-Partition") or ""
    if len(hosts) != len(devices):
        raise Refusal(400, "X-Account-Host and X-Account-Device differ in length.")
    if not partition:
        return []
    return [
        Target(_address(host), device, partition)
        for host, device in zip(hosts, devices, strict=True)
    ]


def _csv(text: str | None) -> list[str]:
    return [piece.strip() for piece in text.split(",")] if text else []


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port[:6]) < 65536:
        raise Refusal(400, f"X-Account-Host is not an address: {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)
