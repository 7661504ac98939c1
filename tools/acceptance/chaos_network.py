"""A network of its own for each storage node, whose cable can be pulled.

Each node is a network namespace with one cable (a veth pair) to a switch in a namespace of its own,
the hub, where proxy and clients are. A node that is cut off hears and is heard by nobody, and
nobody is told: no connection is refused or closed. One that is set apart still talks to the hub,
but to no other node. Needs root and ip(8) with bridge(8).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
_PREFIX = "10.77.0"


class Network:
    """name: of this cluster, so that several can stand side by side."""

    def __init__(self, name: str, nodes: int) -> None:
        self.name = name
        self._nodes = range(1, nodes + 1)

    def make(self) -> None:
        self.remove()  # what a run that was killed has left
        hub = self.namespace(0)
        _run("ip", "netns", "add", hub)
        self._in_hub("ip", "link", "set", "lo", "up")
        self._in_hub("ip", "link", "add", "switch", "type", "bridge")
        self._in_hub("ip", "address", "add", f"{address(0)}/24", "dev", "switch")
        self._in_hub("ip", "link", "set", "switch", "up")
        for node in self._nodes:
            self._make_node(node)

    def _make_node(self, node: int) -> None:
        space = self.namespace(node)
        _run("ip", "netns", "add", space)
        peer = ("peer", "name", "cable", "netns", space)
        self._in_hub("ip", "link", "add", _plug(node), "type", "veth", *peer)
        self._in_hub("ip", "link", "set", _plug(node), "master", "switch", "up")
        _run("ip", "-n", space, "link", "set", "lo", "up")
        _run("ip", "-n", space, "address", "add", f"{address(node)}/24", "dev", "cable")
        _run("ip", "-n", space, "link", "set", "cable", "up")

    def remove(self) -> None:
        for node in (0, *self._nodes):
            subprocess.run(["ip", "netns", "del", self.namespace(node)], capture_output=True)

    def namespace(self, node: int) -> str:
        """0: the hub."""
        return f"{self.name}-{node or 'hub'}"

    def cut_off(self, node: int) -> None:
        self._in_hub("ip", "link", "set", _plug(node), "down")

    def join(self, node: int) -> None:
        """Undo cut_off and set_apart."""
        self._in_hub("ip", "link", "set", _plug(node), "up")
        self._in_hub("bridge", "link", "set", "dev", _plug(node), "isolated", "off")

    def set_apart(self, one: int, other: int) -> None:
        """The two no longer reach each other; all else does."""
        for node in (one, other):
            self._in_hub("bridge", "link", "set", "dev", _plug(node), "isolated", "on")

    def _in_hub(self, *words: str) -> None:
        _run("ip", "netns", "exec", self.namespace(0), *words)


def address(node: int) -> str:
    return f"{_PREFIX}.{node or 254}"


def enter(namespace: str) -> None:
    """This thread, and every process that it starts from now on, is in that network."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    with contextlib.closing(os.fdopen(descriptor)):
        if libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {namespace}")


def _plug(node: int) -> str:
    return f"plug{node}"


def _run(*words: str) -> None:
    subprocess.run(words, check=True)
