"""What a person is told when the cluster is ready: where it is, for whom, and what to try."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from swiftlite import __version__
from swiftlite.cli.embedded.confs import OWNER_USER, Front
from swiftlite.cli.embedded.layout import Layout
from swiftlite.cli.embedded.marker import Marker, write_private


def auth_url(front: Front) -> str:
    return f"{base_url(front)}/auth/v1.0"


def base_url(front: Front) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(front.bind_ip, front.bind_ip)
    return f"http://[{host}]:{front.port}" if ":" in host else f"http://{host}:{front.port}"


def write_openrc(layout: Layout, front: Front) -> None:
    """Credentials of the owner in the variables that the swift client reads; mode 0600."""
    write_private(
        layout.openrc,
        f"export ST_AUTH={auth_url(front)}\n"
        f"export ST_USER={OWNER_USER}\n"
        f"export ST_KEY={front.owner_key}\n",
    )


def ready_text(layout: Layout, marker: Marker, front: Front, seconds: float) -> str:
    if front.test_users:
        credentials = "user test:tester, key testing, and Swift's other test users"
        log_in = f"export ST_AUTH={auth_url(front)} ST_USER=test:tester ST_KEY=testing"
        curl_user, curl_key = "test:tester", "testing"
    else:
        credentials = f"user {OWNER_USER}, its key is in {layout.openrc}"
        log_in = f". {shlex.quote(str(layout.openrc))}"
        curl_user, curl_key = "$ST_USER", "$ST_KEY"
    return f"""\
swiftlite {__version__} is ready ({seconds:.1f} s): {marker.devices} devices, \
{marker.replicas:g} replicas.

  object store  {base_url(front)}
  log in at     {auth_url(front)}
                {credentials}
  data, confs   {layout.root}  (logs in {layout.logs})

Try, in another terminal:

  {log_in}
  {_client()} upload photos README.md
  {_client()} list photos
  curl -i -H "X-Auth-User: {curl_user}" -H "X-Auth-Key: {curl_key}" {auth_url(front)}

Ctrl-C stops everything; the data stays.
"""


def _client() -> str:
    """How the stock client is called here: by its name, or by the path of our own environment."""
    if shutil.which("swift"):
        return "swift"
    beside = Path(sys.executable).with_name("swift")
    if not beside.exists():
        return "swift"
    near = os.path.relpath(beside)
    return near if len(near) < len(str(beside)) else str(beside)
