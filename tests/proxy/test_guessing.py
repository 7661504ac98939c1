"""Types by names' endings: the same as the standard library would say, name by name."""

from __future__ import annotations

import mimetypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftlite.proxy.obj.guessing import guessed_type


def told_by_the_library(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


NAMES = [
    "a",
    "a.txt",
    "A.TXT",
    "a.tar.gz",
    "a.b.c.tgz",
    "a.svgz",
    ".txt",
    "..txt",
    ".a.txt",
    "a.",
    "a..",
    "a.txt.",
    "a.gz",
    ".gz",
    "x.txt.gz",
    "a.unheardof",
    "d.txt/a",
    "data:a.txt",
    "a.b:c.txt",
    "a.Z",
]


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    assert guessed_type(f"/v1/a/c/{name}") == told_by_the_library(f"/v1/a/c/{name}")


@given(
    st.lists(
        st.sampled_from(["", "a", "txt", "gz", "tgz", "tar", "html", "Z", "svgz", "b:c", "x,y"])
    )
)
def test_any_name(pieces: list[str]) -> None:
    path = "/v1/a/c/" + ".".join(pieces)
    assert guessed_type(path) == told_by_the_library(path)
