"""What watchers see, and what becomes of objects that they want gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from swiftlite.config.load import ConfError
from swiftlite.obj.auditor.watchers import WatcherContext, Wish
from tests.obj.auditor.worlds import SimAuditing
from tests.objectstore.stores import NOW


class Notes:
    """A watcher that notes what it sees, and answers as told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.conf: Mapping[str, str] = {}
        self.wishes: dict[str, Wish | None] = {}
        self.failing = ""

    def made(self, context: WatcherContext) -> Notes:
        self.conf = context.conf
        return self

    def start(self, audit_type: str) -> None:
        self._call("start", audit_type)

    def see_object(self, object_metadata: Mapping[str, str], data_file_path: str) -> Wish | None:
        self._call("see", object_metadata["name"], data_file_path)
        return self.wishes.get(object_metadata["name"])

    def end(self) -> None:
        self._call("end")

    def _call(self, *what: Any) -> None:  # noqa: ANN401
        self.calls.append(what)
        if what[0] == self.failing:
            raise RuntimeError("a bug of its own")


class Entry:
    name = "notes"

    def __init__(self, notes: Notes) -> None:
        self.notes = notes

    def load(self) -> Any:  # noqa: ANN401 - what makes a watcher
        return self.notes.made


@pytest.fixture
def node() -> SimAuditing:
    return SimAuditing()


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    made = Notes()
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Entry(made)])
    return made


def seen(notes: Notes) -> list[str]:
    return sorted(call[1] for call in notes.calls if call[0] == "see")


def test_a_watcher_sees_each_sound_object_and_begin_and_end_of_each_pass(
    node: SimAuditing, notes: Notes
) -> None:
    def act() -> None:
        for name in ("a", "b", "rotten"):
            node.put(name, b"12345")
        node.overwrite(node.data("rotten"), 2)
        node.store.diskfile("gone").delete(NOW)
        node.audit(watchers=("notes",), context={"conf": {"colour": "red"}})

    node.run(act)
    assert notes.calls[0] == ("start", "ALL")
    assert notes.calls[-1] == ("end",)
    assert seen(notes) == ["/a/c/a", "/a/c/b"]
    assert {call[2] for call in notes.calls if call[0] == "see"} == {node.data("a"), node.data("b")}


def test_a_watchers_own_section_wins(node: SimAuditing, notes: Notes) -> None:
    sections = {"object-auditor:watcher:notes": {"colour": "blue"}}
    node.run(
        lambda: node.audit(
            watchers=("swift#notes",),
            context={"sections": sections, "conf": {"colour": "red", "size": "3"}},
        )
    )
    assert notes.conf == {"colour": "blue", "size": "3"}


def test_the_metadata_shown_has_what_a_post_changed(
    node: SimAuditing, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Mapping[str, str]] = []
    monkeypatch.setattr(notes, "see_object", lambda metadata, path: shown.append(metadata))

    def act() -> None:
        node.put("o", b"x", X_Object_Meta_Color="red")
        posted = {"X-Timestamp": NOW.plus(1).internal, "X-Object-Meta-Color": "blue"}
        node.store.diskfile("o").write_metadata(posted, NOW.plus(1))
        node.audit(watchers=("notes",))

    node.run(act)
    (metadata,) = shown
    assert metadata["X-Object-Meta-Color"] == "blue"
    assert metadata["Content-Length"] == "1"


def test_what_a_watcher_wants_quarantined_is(node: SimAuditing, notes: Notes) -> None:
    notes.wishes["/a/c/o"] = Wish.QUARANTINE

    def act() -> None:
        node.put("o", b"x")
        node.put("p", b"x")
        node.audit(watchers=("notes",))

    node.run(act)
    node.expect_quarantined("o")
    assert node.stats()["quarantined"] == 1


def test_what_a_watcher_wants_deleted_is_gone_and_its_suffix_marked(
    node: SimAuditing, notes: Notes
) -> None:
    notes.wishes["/a/c/o"] = Wish.DELETE

    def act() -> None:
        node.put("o", b"x")
        node.put("p", b"x")
        node.host.disk.unlink(f"{node.root}/sda1/objects/7/hashes.invalid")
        node.audit(watchers=("notes",))

    node.run(act)
    assert node.store.files("o") == []
    assert node.store.files("p") != []
    assert node.marked() == [node.place("o").suffix]
    assert node.quarantined() == []


@pytest.mark.parametrize(("failing", "sees"), [("start", 0), ("see", 2), ("end", 2)])
def test_a_watcher_that_fails_harms_neither_pass_nor_objects(
    node: SimAuditing, notes: Notes, failing: str, sees: int
) -> None:
    notes.failing = failing
    notes.wishes["/a/c/o"] = Wish.DELETE

    def act() -> None:
        node.put("o", b"x")
        node.put("p", b"x")
        if failing != "see":
            notes.wishes.clear()
        node.audit(watchers=("notes",))

    node.run(act)
    assert node.store.files("o") != []
    assert len(seen(notes)) == sees
    assert (node.stats()["passes"], node.stats()["errors"]) == (2, 0)
    assert any("Audit watcher notes failed" in line for line in node.sink.lines)


def test_a_watcher_that_is_not_installed_is_refused_with_a_hint(
    node: SimAuditing, notes: Notes
) -> None:
    with pytest.raises(ConfError, match="no audit watcher is called note; notes is"):
        node.run(lambda: node.auditor(watchers=("note",)))
