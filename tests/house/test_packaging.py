"""What an installation gets: every command, sample, unit and manual page."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.source import REPOSITORY
from tools.render_commands import commands

PLACES = {
    "share/swiftlite": "etc/*.conf-sample",
    "share/swiftlite/haproxy": "etc/haproxy/*",
    "share/swiftlite/prometheus": "etc/prometheus/*",
    "share/swiftlite/grafana": "etc/grafana/*",
    "lib/systemd/system": "etc/systemd/*",
    "share/man/man1": "doc/man/*",
    "share/bash-completion/completions": "etc/completion/swiftlite.bash",
    "share/zsh/site-functions": "etc/completion/_swiftlite",
}


@pytest.mark.slow
def test_a_wheel_has_everything(tmp_path: Path) -> None:
    copy = tmp_path / "source"  # a build writes beside the sources
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout.decode().split("\0")  # fmt: skip
    for name in names:
        if name and not name.startswith("tests/") and (REPOSITORY / name).is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((REPOSITORY / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(tmp_path), str(copy)],
        check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        (entry_points,) = [name for name in inside if name.endswith("entry_points.txt")]
        declared = archive.read(entry_points).decode()
    data = entry_points.replace(".dist-info/entry_points.txt", ".data/data")
    for place, pattern in PLACES.items():
        for path in REPOSITORY.glob(pattern):
            assert f"{data}/{place}/{path.name}" in inside
    for command, module in commands().items():
        assert f"{command} = {module}:main" in declared
        assert f"{module.replace('.', '/')}.py" in inside
