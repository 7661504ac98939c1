"""Files without a body: the tombstone of a DELETE, the `.meta` of a POST.

Both keep to the writer's order. Neither heeds the reserve: a full device must still let go of
objects, and a POST takes no room to speak of.
"""

from __future__ import annotations

from collections.abc import Mapping

from swiftlite.objectstore.attributes import write_metadata
from swiftlite.objectstore.commits import Steps
from swiftlite.objectstore.context import Context
from swiftlite.objectstore.hash_dir import HashDir
from swiftlite.objectstore.publish import published
from swiftlite.objectstore.writer import create_file


def write_marker(context: Context, place: HashDir, name: str, metadata: Mapping[str, str]) -> None:
    """Durable on return; one disk job. Raises Superseded and the other StoreErrors."""
    context.commit(place.device, _written(context, place, name, metadata))


def _written(
    context: Context, place: HashDir, name: str, metadata: Mapping[str, str]
) -> Steps[None]:
    disk, settings = context.host.disk, context.settings
    in_order = context.keeps_order(place.device)
    file = create_file(context, place)
    try:
        write_metadata(disk, file.fd, metadata, settings.metadata_format)
        yield from published(
            disk, place, file, name, settings.lock_timeout, empty=True, in_order=in_order
        )
    finally:
        file.close()
