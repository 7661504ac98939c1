"""A Prometheus of one's own: started on a conf, asked over its API, stopped again."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
_READY_S = 60.0

CONF = """\
global: {{scrape_interval: {interval}, evaluation_interval: {interval}}}
scrape_configs:
  - job_name: swiftlite
    static_configs:
      - targets: {targets}
rule_files: [{rules}]
"""


class Prometheus:
    """folder: for its conf, its data and its log. rules: a file of rules, as they are shipped."""

    def __init__(
        self, program: str, folder: Path, port: int, targets: Sequence[str], rules: Path
    ) -> None:
        self.conf = folder / "prometheus.yml"
        self._url = f"http://{HOST}:{port}/api/v1"
        self.conf.write_text(
            CONF.format(interval="1s", targets=json.dumps(list(targets)), rules=rules)
        )
        self._command = [
            program,
            f"--config.file={self.conf}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ]
        self._log = folder / "prometheus.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Prometheus:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + _READY_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                self._ask("status/buildinfo")
                return self
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        self.__exit__()
        raise SystemExit(f"Prometheus did not start, see {self._log}")

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=60)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Samples as they are now: {"metric": labels, "value": [time, text]}."""
        found: list[dict[str, Any]] = self._ask("query", query=expression)["result"]
        return found

    def health(self) -> dict[str, str]:
        """How the last scrape of each instance went."""
        active = self._ask("targets", state="active")["activeTargets"]
        return {target["labels"]["instance"]: target["health"] for target in active}

    def rules(self) -> dict[str, str]:
        """The health of each rule, by name."""
        groups = self._ask("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def firing(self) -> list[dict[str, str]]:
        """The labels of each alert that fires."""
        alerts = self._ask("alerts")["alerts"]
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]

    def _ask(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        url = f"{self._url}/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            content = json.load(answer)
        assert content["status"] == "success", content
        return content["data"]
