"""A swift_dir with rings and a swift.conf, for tests of commands."""

from __future__ import annotations

from pathlib import Path

from swiftlite.ring import RingBuilder

SUFFIX = "changeme"


def make_swift_dir(folder: Path, *, devices: int = 4, replicas: int = 3) -> Path:
    """Rings account, container, object and object-1 over 127.0.0.1, .2, ...; two policies."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_suffix = {SUFFIX}\n"
        "[storage-policy:0]\nname = gold\ndefault = yes\n[storage-policy:1]\nname = silver\n"
    )
    for name, port in (
        ("account", 6202),
        ("container", 6201),
        ("object", 6200),
        ("object-1", 6200),
    ):
        builder = RingBuilder.create(6, replicas, 0)
        for number in range(1, devices + 1):
            builder.add_device(
                zone=number, ip=f"127.0.0.{number}", port=port, device=f"sd{number}", weight=1
            )
        builder.rebalance(1, seed="1")
        builder.write_ring(str(folder / f"{name}.ring.gz"))
    return folder
