"""The operators' pages as something that can be run: what is read in them, what counts as told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.acceptance.pages import ADDRESSES, ORDER, PAGES
from tools.datacentre.page import Act, Block, Command, read_page, unanswered

PAGE = """\
# A page

<!-- act: insert storage1 sdb1 -->
Words.

*storage1, storage2*

```console within=20 status=1
# for disk in sdb1; do
>     mkfs.xfs \\
        /dev/$disk
> done
# ls
one
...two...
```

    not # run
"""


def test_a_page_is_read_as_an_operator_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    page = read_page(path)
    loop = Command("for disk in sdb1; do\n    mkfs.xfs \\\n        /dev/$disk\ndone")
    assert page.steps == [
        Act(3, ["insert", "storage1", "sdb1"]),
        Block(
            8, ["storage1", "storage2"], 20.0, 1, [loop, Command("ls", ["one", "...two..."])]
        ),
    ]  # fmt: skip
    assert page.count == 2


@pytest.mark.parametrize(
    ("answers", "output", "missing"),
    [
        ([], "anything", None),
        (["OK"], "OK", None),
        (["OK"], "OKAY", "OK"),
        (["one", "two"], "zero\none\nand\ntwo\n", None),
        (["two", "one"], "one\ntwo\n", "one"),
        (["active", "active"], "active\n", "active"),
        (["...100.00%... of 3"], "  1: 100.00% found of 3", None),
        (["[x] (...)"], "[x] (yes)", None),
    ],
)
def test_what_a_page_says_has_to_be_answered_in_its_order(
    answers: list[str], output: str, missing: str | None
) -> None:
    assert unanswered(answers, output) == missing


def test_every_page_is_run() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*ORDER, "README"}


@pytest.mark.parametrize("name", ORDER)
def test_a_page_names_machines_that_there_are(name: str) -> None:
    page = read_page(PAGES / f"{name}.md")
    assert page.count
    for step in page.steps:
        machines = step.words[1:2] if isinstance(step, Act) else step.machines
        assert machines
        assert set(machines) <= set(ADDRESSES)


def test_the_index_names_every_page() -> None:
    index = (PAGES / "README.md").read_text()
    assert [name for name in ORDER if f"({name}.md)" not in index] == []
