"""`swiftlite-container-deleter ACCOUNT CONTAINER`: leaves the deletion of objects to the expirer.

Exit codes: 0 all marked, 1 it failed on the way (what was said last tells from where to go on), 2
wrong usage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from swiftlite.config.load import ConfError
from swiftlite.formats.expirer_task import ACCOUNT, ASYNC_DELETE_TYPE
from swiftlite.host import bundle, green
from swiftlite.host.os_clock import monotonic, sleep, wall
from swiftlite.service.internal_client import InternalClient, UnexpectedAnswer
from swiftlite.service.servers import SWIFT_DIR
from swiftlite.vocab.errors import SwiftliteError
from swiftlite.vocab.timestamp import Timestamp

AT_A_TIME = 10_000
WORD_EVERY_S = 10.0
_NOTHING_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()
_CONF = f"{SWIFT_DIR}/internal-client.conf"


def _moment(text: str) -> Timestamp:
    return Timestamp.from_text(text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="swiftlite-container-deleter",
        description="Hand the objects of a container, or a part of them, to the object expirer, "
        "which deletes them in its own time. Until then listings show them.",
    )
    made.add_argument("account")
    made.add_argument("container")
    made.add_argument("--config", default=_CONF, metavar="CONF", help=f"({_CONF})")
    made.add_argument("--request-tries", type=int, default=3, help="of each request (3)")
    made.add_argument("--prefix", default="", help="only names that begin so")
    made.add_argument("--marker", default="", help="only names after this one")
    made.add_argument("--end-marker", default="", help="only names before this one")
    made.add_argument(
        "--timestamp", type=_moment, help="delete objects as they were at this time (now)"
    )
    made.add_argument("--json", action="store_true", help="a JSON object per line said")
    return made


@dataclass(frozen=True, slots=True)
class Share:
    """Which objects of which container."""

    account: str
    container: str
    prefix: str = ""
    marker: str = ""
    end_marker: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    bundle.install(green.make_host())
    share = Share(
        options.account, options.container, options.prefix, options.marker, options.end_marker
    )
    try:
        client = InternalClient.load(
            options.config,
            "Swiftlite Container Deleter",
            tries=options.request_tries,
            pause=sleep,
            defaults={"log_name": "container-deleter"},
        )
        moment = options.timestamp or Timestamp.from_seconds(wall())
        for count, last in mark(client, share, moment):
            _tell(count, last, as_json=options.json)
    except (UnexpectedAnswer, ConfError, SwiftliteError) as error:
        print(f"swiftlite-container-deleter: {error}", file=sys.stderr)
        return 1
    return 0


def _tell(count: int, last: str | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"marked": count, "through": last, "finished": last is None}))
    elif last is None:
        print(f"Finished. Marked {count} objects for deletion.")
    else:
        print(f"Marked {count} objects for deletion, through {last!r}", flush=True)


def mark(
    client: InternalClient, share: Share, moment: Timestamp
) -> Iterator[tuple[int, str | None]]:
    """Now and then how many are marked and up to which name; None at the end."""
    names = (
        entry["name"]
        for entry in client.listing(
            share.account,
            share.container,
            prefix=share.prefix,
            marker=share.marker,
            end_marker=share.end_marker,
        )
        if "name" in entry
    )
    count, spoke = 0, monotonic()
    while batch := list(islice(names, AT_A_TIME)):
        _enqueue(client, share, batch, moment)
        count += len(batch)
        if monotonic() - spoke > WORD_EVERY_S:
            yield count, batch[-1]
            spoke = monotonic()
    yield count, None


def _enqueue(client: InternalClient, share: Share, names: list[str], moment: Timestamp) -> None:
    """Rows of a container of the expirer's account, which is made by them."""
    rows = [
        {
            # With all its digits, unlike an expiry: the object as it was at that moment.
            "name": f"{moment.normal}-{share.account}/{share.container}/{name}",
            "deleted": 0,
            "created_at": moment.internal,
            "etag": _NOTHING_MD5,
            "size": 0,
            "storage_policy_index": 0,
            "content_type": ASYNC_DELETE_TYPE,
        }
        for name in names
    ]
    client.request(
        "UPDATE",
        ACCOUNT,
        str(int(moment.seconds)),
        headers={
            "X-Backend-Allow-Private-Methods": "True",
            "X-Backend-Storage-Policy-Index": "0",
            "X-Timestamp": moment.internal,
        },
        body=json.dumps(rows).encode("ascii"),
    )
