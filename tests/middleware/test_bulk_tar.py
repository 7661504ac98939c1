"""Archives as tools write them, and as attackers do."""

from __future__ import annotations

import bz2
import gzip
import io
import random
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftlite.middleware.bulk.tar import (
    FORMATS,
    PAX_MAX,
    ArchiveInvalid,
    Member,
    TarStream,
    parse_header,
    parse_pax,
)

LONG = "d/" + "x" * 150 + "/" + "ü" * 120


def trickle(data: bytes, step: int = 100) -> Callable[[int], bytes]:
    """A source that gives little at a time."""
    stream = io.BytesIO(data)
    return lambda n: stream.read(min(n, step))


def archive(
    *files: tuple[str, bytes], form: int = tarfile.PAX_FORMAT, pax: dict[str, str] | None = None
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, body in files:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            info.pax_headers = pax or {}
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def members(data: bytes, form: str = "tar") -> list[tuple[Member, bytes]]:
    stream = TarStream(FORMATS[form](trickle(data)))
    found = []
    while (member := stream.next()) is not None:
        body = b""
        while block := stream.read(77):
            body += block
        found.append((member, body))
    return found


def header(name: bytes = b"f", size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[257:263] = b"ustar\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_of_every_name_and_size(form: int) -> None:
    files = [("a/b", b"x" * 700), (LONG, b""), ("ü", b"y" * 512), ("./c", b"z")]
    found = members(archive(*files, form=form))
    assert [(member.name, member.size, body) for member, body in found] == [
        (name, len(body), body) for name, body in files
    ]
    assert all(member.is_file for member, _ in found)


def test_ustar_splits_long_names() -> None:
    name = "d" * 90 + "/" + "f" * 90
    assert members(archive((name, b"x"), form=tarfile.USTAR_FORMAT))[0][0].name == name


@pytest.mark.parametrize(
    ("form", "squeeze"),
    [("tar", bytes), ("tar.gz", gzip.compress), ("tar.bz2", bz2.compress)],
)
def test_compressed_archives(form: str, squeeze: Callable[[bytes], bytes]) -> None:
    data = archive(("a/b", b"x" * 100_000), ("c", b"y"))
    assert [body for _, body in members(squeeze(data), form)] == [b"x" * 100_000, b"y"]
    if form != "tar":
        both = squeeze(data[:5000]) + squeeze(data[5000:])
        assert len(members(both, form)) == 2


def test_what_is_not_read_is_skipped() -> None:
    stream = TarStream(trickle(archive(("a", b"x" * 5000), ("b", b"y"))))
    stream.next()
    stream.read(10)
    member = stream.next()
    assert member is not None
    assert member.name == "b"


def test_directories_links_and_devices_are_no_files() -> None:
    for kind in (b"1", b"2", b"3", b"4", b"5", b"6"):
        found = members(header(kind=kind, size=b"77777777777\0") + bytes(1024))
        assert [(member.is_file, member.size) for member, _ in found] == [(False, 0)]
    assert members(header(name=b"old-dir/", kind=b"\0") + bytes(1024))[0][0].is_file is False


def test_extended_attributes() -> None:
    pax = {
        "SCHILY.xattr.user.mime_type": "text/fox",
        "SCHILY.xattr.user.meta.color": "röd",
        "SCHILY.xattr.security.selinux": "x",
        "LIBARCHIVE.xattr.user.meta.size": "YmlnCg",
        "LIBARCHIVE.xattr.user.bad": "?",
    }
    member = members(archive(("a/b", b"x"), pax=pax))[0][0]
    assert member.attributes == {"mime_type": "text/fox", "meta.color": "röd", "meta.size": "big\n"}


def test_sparse_files_are_told_apart() -> None:
    assert members(header(kind=b"S") + bytes(1024))[0][0].is_sparse
    assert members(archive(("a", b"x"), pax={"GNU.sparse.major": "1"}))[0][0].is_sparse


def test_an_archive_may_end_without_its_empty_blocks() -> None:
    assert len(members(archive(("a", b"x"))[:1024])) == 1
    assert members(b"") == []
    assert members(bytes(512)) == []


def pax_member(records: bytes) -> bytes:
    block = header(name=b"pax", size=b"%011o\0" % len(records), kind=b"x")
    return block + records + bytes(-len(records) % 512)


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 100,
        b"x" * 512,
        header()[:100] + b"!" + header()[101:],
        header(size=b"0000000008\0"),
        header(size=b"-0000000001\0"),
        header(size=b"1_000000000\0"),
        header(size=b"\xff" * 12),
        header(size=b"\x80" + b"\xff" * 11),
        header(size=b"77777777777\0"),
        header(size=b"00000001000\0") + b"x" * 10,
        header(kind=b"L", size=b"77777777777\0"),
        header(kind=b"x", size=b"%011o\0" % (PAX_MAX + 1)),
        (header(kind=b"L", size=b"00000000001\0") + b"x" + bytes(511)) * 40,
        pax_member(b"99999999999999 size=1\n"),
        pax_member(b"x path=y\n"),
        pax_member(b"-5 path=y\n"),
        pax_member(b"\xc2\xb2 a=b\n"),
        pax_member(b"3 a"),
        pax_member(b"0 \n"),
        pax_member(b"7 path\n"),
        pax_member(b"6 a=b\n"[:-1] + b"x"),
        pax_member(b"9 size=-1\n") + header(),
        pax_member(b"10 size=1e9\n") + header(),
        pax_member(b"8 size=\n") + header(),
        pax_member(b"34 size=" + b"9" * 25 + b"\n") + header(),
    ],
)
def test_hostile_archives_are_refused(data: bytes) -> None:
    with pytest.raises(ArchiveInvalid):
        members(data)


def test_a_header_that_claims_99_terabytes_ends_with_the_data() -> None:
    """A reader that believed it would be busy for weeks."""
    record = b"size=99000000000000\n"
    record = b"%d " % (len(record) + 3) + record
    data = io.BytesIO(pax_member(record) + header() + b"x" * 900)
    reads = 0

    def source(n: int) -> bytes:
        nonlocal reads
        reads += 1
        return data.read(n)

    stream = TarStream(source)
    member = stream.next()
    assert member is not None
    assert member.size == 99_000_000_000_000
    with pytest.raises(ArchiveInvalid):
        stream.next()
    assert reads < 100


@pytest.mark.parametrize("form", ["tar.gz", "tar.bz2"])
def test_compressed_data_that_end_early_or_are_none(form: str) -> None:
    squeeze = gzip.compress if form == "tar.gz" else bz2.compress
    data = squeeze(archive(("a", random.Random(1).randbytes(3000))))
    for cut in range(1, 2500, 99):
        with pytest.raises(ArchiveInvalid):
            members(data[:cut], form)
    with pytest.raises(ArchiveInvalid):
        members(b"no such thing", form)


def test_a_bomb_swells_only_as_far_as_it_is_read() -> None:
    bomb = io.BytesIO(gzip.compress(bytes(20_000_000), 9))
    taken = 0

    def source(n: int) -> bytes:
        nonlocal taken
        block = bomb.read(min(n, 1000))
        taken += len(block)
        return block

    read = FORMATS["tar.gz"](source)
    assert len(read(512)) <= 512
    assert taken <= 2000


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=1500))
def test_no_bytes_do_worse_than_a_refusal(data: bytes) -> None:
    for form in FORMATS:
        try:
            members(data, form)
        except ArchiveInvalid:
            continue


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 255))
def test_no_changed_byte_does_worse_than_a_refusal(at: int, byte: int) -> None:
    data = bytearray(archive((LONG, b"x" * 600), ("b", b"y"), pax={"SCHILY.xattr.user.a": "b"}))
    data[at % len(data)] = byte
    try:
        members(bytes(data))
    except ArchiveInvalid:
        return


@given(st.dictionaries(st.text(min_size=1).filter(lambda key: "=" not in key), st.binary()))
def test_pax_records_are_read_as_they_are_written(records: dict[str, bytes]) -> None:
    data = b""
    expected = {}
    for key, value in records.items():
        if any(0xD800 <= ord(sign) < 0xE000 for sign in key):
            continue
        expected[key] = value
        body = b" " + key.encode() + b"=" + value + b"\n"
        size = len(body) + 1
        while len(str(size)) + len(body) != size:
            size += 1
        data += str(size).encode() + body
    assert parse_pax(data) == expected


def test_a_header_with_a_signed_checksum_is_read() -> None:
    block = bytearray(header(name=b"\xff" * 20))
    plain = sum(block) - sum(block[148:156]) + 8 * 32
    signed = plain - 256 * 20
    block[148:156] = b"%06o\0 " % signed
    assert parse_header(bytes(block))[1] == b"\xff" * 20
