"""Objects move between our nodes and OpenStack Swift's, in both directions and by either method."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.mixed import START, Files, Mixed

pytestmark = [pytest.mark.interop, pytest.mark.slow]
METADATA = {
    "X-Object-Meta-Color": "bl\xc3\xa4u",
    "X-Object-Sysmeta-Kept": "1",
    "Content-Encoding": "gzip",
}


@pytest.fixture(params=["ssync", "rsync"])
def mixed(request: pytest.FixtureRequest, swift_python: str, tmp_path: Path) -> Iterator[Mixed]:
    if request.param == "rsync" and shutil.which("rsync") is None:
        pytest.skip("there is no rsync here")
    made = Mixed(tmp_path, swift_python, ["ours", "theirs", "ours", "theirs"], request.param)
    made.start()
    yield made
    made.stop()


def test_replicas_become_equal_and_handoffs_go(mixed: Mixed) -> None:
    body = bytes(range(256)) * 600
    names = [f"o{index} ü" for index in range(12)]
    for index, name in enumerate(names):
        one = mixed.primaries(name)[index % 3]
        assert mixed.ask(one, "PUT", name, START, body + name.encode(), METADATA).status == 201
    away = [f"h{index}" for index in range(8)]
    for name in away:
        assert mixed.ask(mixed.handoff(name), "PUT", name, START, body, METADATA).status == 201
    senders = {mixed.primaries(name)[index % 3] for index, name in enumerate(names)}
    assert {mixed.sides[number - 1] for number in senders} == {"ours", "theirs"}
    assert {mixed.sides[mixed.handoff(name) - 1] for name in away} == {"ours", "theirs"}

    logged = [mixed.replicate(number) for number in (*mixed.nodes, *mixed.nodes)]

    for name in (*names, *away):
        found = {number: mixed.files(number, name) for number in mixed.nodes}
        holders = sorted(number for number, files in found.items() if files)
        assert holders == sorted(mixed.primaries(name)), (name, logged)
        assert len({_comparable(found[number]) for number in holders}) == 1
        for number in holders:
            answer = mixed.ask(number, "GET", name)
            assert answer.status == 200
            assert answer.body == (body if name in away else body + name.encode())
            assert answer.headers["content-encoding"] == "gzip"


def _comparable(files: Files) -> str:
    return repr([(name, files[name][0], sorted(files[name][1].items())) for name in sorted(files)])


def test_what_is_newest_wins_on_all_nodes(mixed: Mixed) -> None:
    names = [f"o{index}" for index in range(6)]
    for index, name in enumerate(names):
        for number in mixed.primaries(name):
            mixed.ask(number, "PUT", name, START, b"old", METADATA)
        changer = mixed.primaries(name)[index % 3]
        later = START.plus(500_000)
        if index < 2:
            answer = mixed.ask(changer, "DELETE", name, later)
            assert answer.status == 204
        elif index < 4:
            posted = {"X-Object-Meta-New": "1", "Content-Type": "new/type"}
            assert mixed.ask(changer, "POST", name, later, headers=posted).status == 202
        else:
            mixed.ask(changer, "PUT", name, later, b"new")
        other = mixed.primaries(name)[(index + 1) % 3]
        if index == 3:  # a later POST elsewhere, without a type
            headers = {"X-Object-Meta-Newer": "1"}
            mixed.ask(other, "POST", name, START.plus(700_000), headers=headers)

    for number in (*mixed.nodes, *mixed.nodes):
        mixed.replicate(number)

    for index, name in enumerate(names):
        found = [mixed.files(number, name) for number in mixed.primaries(name)]
        assert len({_comparable(files) for files in found}) == 1, found
        answer = mixed.ask(mixed.primaries(name)[0], "GET", name)
        if index < 2:
            assert answer.status == 404
        elif index < 4:
            assert answer.body == b"old"
            assert answer.headers["content-type"] == "new/type"
            assert ("x-object-meta-newer" in answer.headers) == (index == 3)
        else:
            assert answer.body == b"new"
    for number in mixed.nodes:  # and everybody agrees that nothing is left to do
        logged = mixed.replicate(number)
        assert "0 failures" in logged
