"""The examples of doc/embedding-the-ring.md, run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "doc" / "embedding-the-ring.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run(number: int, **names: object) -> dict[str, Any]:
    space: dict[str, Any] = {"now": 1_700_000_000.0} | names
    exec(compile(EXAMPLES[number], f"example {number}", "exec"), space)
    return space


def test_keys_are_routed_and_a_watcher_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    routed = run(0)
    assert len(routed["primaries"]) == 2
    assert routed["port"] == 11211
    assert routed["backup"] not in [device.address for device in routed["primaries"]]
    watched = run(1)
    assert watched["address"] == (routed["host"], routed["port"])
    assert watched["faults"] == []


def test_a_rack_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    space = run(2)
    assert space["moved_share"] == pytest.approx(0.2, abs=0.01)
    assert "into the new rack: True" in capsys.readouterr().out
    assert space["builder"].rows() == space["found"].after.rows()


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


def test_the_library_imports_nothing_else() -> None:
    """No event loop, no other package, nothing above the ring's floor."""
    code = (
        "import sys, swiftlite.ring\n"
        "print(*sorted(m for m in sys.modules if not m.startswith('_')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    own = {name.split(".")[1] for name in loaded if name.startswith("swiftlite.")}
    assert own <= {"ring", "formats", "vocab"}
    for name in ("eventlet", "pickle", "socket", "threading", "logging", "xattr", "webob"):
        assert name not in loaded
