"""Our commands beside OpenStack Swift's, with the same words: lines and exit codes.

Sentences for people are our own; they are left out before the comparison.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.nodes import make_swift_dir
from tests.cli.test_info import data_file, database

SWIFT_PYTHON = os.environ.get("SWIFT_PYTHON", "")
BIN = Path(__file__).parents[2] / "bin"
PROSE = re.compile(
    r"DEVICE=|^Use your own|such as|^note:|`devices`|To look on|^$|^NOTE|^You should|^Sample form"
    r"|^A form|<!--|Hash: |Storage Policy:|Use -v|-v shows"
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not SWIFT_PYTHON, reason="needs SWIFT_PYTHON, with swift installed"),
]


def told(command: list[str]) -> tuple[int, list[str]]:
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode, [line for line in done.stdout.splitlines() if not PROSE.search(line)]


def both(name: str, *words: object) -> tuple[tuple[int, list[str]], tuple[int, list[str]]]:
    arguments = [str(word) for word in words]
    theirs = told([str(Path(SWIFT_PYTHON).parent / f"swift-{name}"), *arguments])
    ours = told([sys.executable, str(BIN / f"swiftlite-{name}"), *arguments])
    return ours, theirs


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return make_swift_dir(tmp_path / "etc")


@pytest.mark.parametrize(
    "words",
    [
        ["{etc}/object.ring.gz", "a", "c", "o x/ü"],
        ["{etc}/object-1.ring.gz", "a", "c", "o"],
        ["-a", "{etc}/container.ring.gz", "/a/c"],
        ["{etc}/account.ring.gz", "a"],
        ["{etc}/account.ring.gz", "a", "c"],
        ["{etc}/object-1.ring.gz", "-p", "17"],
        ["-P", "silver", "-p", "17"],
        ["-P", "silver", "a", "c", "o"],
        ["-P", "gold", "a"],
        ["-Q", "{etc}/object.ring.gz", "a", "c", "o%20x"],
    ],
)
def test_get_nodes(etc: Path, words: list[str]) -> None:
    ours, theirs = both("get-nodes", "-d", etc, *(word.format(etc=etc) for word in words))
    assert ours == theirs


@pytest.mark.parametrize(
    "words", [[], ["-P", "gold"], ["none.ring.gz", "a"], ["-P", "bronze", "a"]]
)
def test_get_nodes_refuses_the_same(etc: Path, words: list[str]) -> None:
    ours, theirs = both("get-nodes", "-d", etc, *words)
    assert ours[0] == theirs[0] == 1


@pytest.mark.parametrize("options", [[], ["-n"], ["--drop-prefixes"], ["-P", "gold"]])
def test_object_info(etc: Path, tmp_path: Path, options: list[str]) -> None:
    path = data_file(tmp_path, "swift")
    ours, theirs = both("object-info", "-d", etc, *options, path)
    # Our ring lines come with theirs; Swift finds the policy's ring as well.
    assert ours == theirs


def test_object_info_of_changed_bytes(etc: Path, tmp_path: Path) -> None:
    path = data_file(tmp_path, "swift", b"hellooo")
    ours, theirs = both("object-info", "-d", etc, path)
    assert ours == theirs


@pytest.mark.parametrize("kind", ["account", "container"])
@pytest.mark.parametrize("options", [[], ["-s"], ["--drop-prefixes"]])
def test_database_info(etc: Path, tmp_path: Path, kind: str, options: list[str]) -> None:
    path = database(tmp_path, kind)
    ours, theirs = both(f"{kind}-info", "-d", etc, *options, path)
    # Swift looks for the hash settings in /etc/swift alone, and then has no ring to show.
    assert ours[0] == theirs[0]
    assert ours[1][: len(theirs[1])] == theirs[1]


def test_config(tmp_path: Path) -> None:
    conf = tmp_path / "object-server.conf"
    conf.write_text(
        "[DEFAULT]\nbind_port = 1\n[pipeline:main]\npipeline = x\n[app:x]\nuse = y\nkey = v\n"
    )
    ours, theirs = both("config", "-s", "app:x", conf)
    assert ours[0] == theirs[0]
    assert {"use = y", "key = v", "bind_port = 1", "[app:x]"} <= set(ours[1]) & set(theirs[1])


@pytest.mark.parametrize(
    "words",
    [
        ["/v1/a/c/p", "http://x/", "100", "2", "60", "key"],
        ["/v1/a", "http://x/", "100", "2", "60", "key"],
        ["/v1/a/c", "", "x", "2", "60", "key"],
        ["/v1/a/c", "", "1", "0", "60", "key"],
    ],
)
def test_form_signature(words: list[str]) -> None:
    ours = told([sys.executable, str(BIN / "swiftlite-form-signature"), *words])
    # Its console script forgets to hand over the command line, and always fails.
    script = "import sys; from swift.cli.form_signature import main; sys.exit(main(sys.argv))"
    theirs = told([SWIFT_PYTHON, "-c", script, *words])
    assert ours[0] == theirs[0]
    if ours[0] == 0:
        fields = [line for line in ours[1] if "<input" in line and "expires" not in line]
        expected = [line for line in theirs[1] if "<input" in line and "expires" not in line]
        assert [f for f in fields if "signature" not in f] == [
            f for f in expected if "signature" not in f
        ]
