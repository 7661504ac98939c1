"""What the files of one hash dir mean together, under a replicated policy.

Pure: names in; chosen, obsolete and reclaimable out. Knows neither a disk nor a clock, so the
rules that decide what an object is can be tested as a table. Source: doc/formats/object-files.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swiftlite.formats.ondisk_names import (
    DATA,
    META,
    TOMBSTONE,
    NameUnreadable,
    ObjectFile,
    parse_object_file,
)
from swiftlite.formats.suffix_hashes import HashedFiles
from swiftlite.vocab.timestamp import ZERO, Timestamp


@dataclass(slots=True)  # never changed; frozen, it would take twice as long to make
class Fileset:
    """The object's state. data and tombstone exclude each other; meta comes with data only.

    content_type: the `.meta` whose content type is newer than the data; often the same as meta.
    obsolete: names that no longer count; they may be removed as soon as the rest is durable.
    stray: `.meta` files that wait for data; they may go once they are older than reclaim age.
    strangers: names that are no object files (rsync's temporaries among them); left alone.
    """

    data: ObjectFile | None = None
    meta: ObjectFile | None = None
    content_type: ObjectFile | None = None
    tombstone: ObjectFile | None = None
    obsolete: tuple[str, ...] = ()
    stray: tuple[ObjectFile, ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def timestamp(self) -> Timestamp:
        """Of the newest file in use; zero when there is none."""
        newest = self.meta or self.data or self.tombstone
        return newest.timestamp if newest else ZERO

    @property
    def data_timestamp(self) -> Timestamp:
        """When the body was written or deleted; zero when neither ever happened."""
        newest = self.data or self.tombstone
        return newest.timestamp if newest else ZERO

    def in_use(self) -> Iterator[ObjectFile]:
        """The files that decide the state, each once."""
        for file in (self.data, self.meta, self.tombstone):
            if file is not None:
                yield file
        if self.content_type is not None and self.content_type is not self.meta:
            yield self.content_type

    def hashed(self) -> HashedFiles:
        """What of it goes into the suffix hash."""
        return HashedFiles(
            meta=_time(self.meta),
            tombstone=_time(self.tombstone),
            data=_time(self.data),
            content_type=self.content_type.content_type_timestamp if self.content_type else None,
        )


EMPTY = Fileset()


def choose(names: Iterable[str]) -> Fileset:
    """Decide by the names alone."""
    by_extension: dict[str, list[ObjectFile]] = {DATA: [], META: [], TOMBSTONE: []}
    strangers: list[str] = []
    for name in names:
        try:
            file = parse_object_file(name)
        except NameUnreadable:
            strangers.append(name)
        else:
            by_extension[file.extension].append(file)
    data, metas, tombstones = by_extension[DATA], by_extension[META], by_extension[TOMBSTONE]
    if len(data) == 1 and not metas and not tombstones:  # most hash dirs there are
        return Fileset(data=data[0], strangers=tuple(strangers))
    return _judge(data, metas, tombstones, strangers)


def _judge(
    data: list[ObjectFile],
    metas: list[ObjectFile],
    tombstones: list[ObjectFile],
    strangers: list[str],
) -> Fileset:
    obsolete: list[ObjectFile] = []
    tombstone = _newest(tombstones, obsolete)
    if tombstone is not None:
        # A tombstone hides everything at or before its time.
        data = _later(data, tombstone.timestamp, obsolete)
        metas = _later(metas, tombstone.timestamp, obsolete)
    metas = _kept_metas(metas, obsolete)
    newest_data = _newest(data, obsolete)
    if newest_data is None:
        return Fileset(
            tombstone=tombstone,
            obsolete=_names(obsolete),
            stray=tuple(metas),
            strangers=tuple(strangers),
        )
    if tombstone is not None:
        obsolete.append(tombstone)
    metas = _later(metas, newest_data.timestamp, obsolete)
    content_type = _newer_content_type(metas, newest_data)
    if content_type is None:
        obsolete.extend(metas[1:])  # Swift leaves it where it is, of no use to anybody
    return Fileset(
        data=newest_data,
        meta=metas[0] if metas else None,
        content_type=content_type,
        obsolete=_names(obsolete),
        strangers=tuple(strangers),
    )


def _kept_metas(metas: list[ObjectFile], obsolete: list[ObjectFile]) -> list[ObjectFile]:
    """The newest `.meta`, and a second one if it carries a later content type than the first.

    At the same time the one with the later content type replaces the other.
    """
    if len(metas) < 2:
        return metas
    newest = max(metas, key=lambda file: (file.timestamp, _content_type_time(file)))
    second = max(metas, key=lambda file: (_content_type_time(file), file.timestamp))
    kept = [newest]
    if _content_type_time(second) > _content_type_time(newest):
        kept.append(second)
    obsolete.extend(file for file in metas if file not in kept)
    return kept


def _newer_content_type(metas: list[ObjectFile], data: ObjectFile) -> ObjectFile | None:
    """The last of the kept metas, if its content type was set after the data was written."""
    if metas and _content_type_time(metas[-1]) > data.timestamp:
        return metas[-1]
    return None


def _newest(files: list[ObjectFile], obsolete: list[ObjectFile]) -> ObjectFile | None:
    if not files:
        return None
    newest = max(files, key=lambda file: file.timestamp)
    obsolete.extend(file for file in files if file is not newest)
    return newest


def _later(
    files: list[ObjectFile], than: Timestamp, obsolete: list[ObjectFile]
) -> list[ObjectFile]:
    kept = [file for file in files if file.timestamp > than]
    obsolete.extend(file for file in files if file.timestamp <= than)
    return kept


def _names(files: Iterable[ObjectFile]) -> tuple[str, ...]:
    return tuple(file.name for file in files)


def _content_type_time(file: ObjectFile) -> Timestamp:
    return file.content_type_timestamp or ZERO


def _time(file: ObjectFile | None) -> Timestamp | None:
    return None if file is None else file.timestamp
