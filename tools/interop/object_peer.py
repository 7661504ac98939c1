"""The other side of object_versus.py: runs under the Python that has OpenStack Swift installed.

Reads one JSON request per line, answers one JSON line.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any


class _Quiet:
    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # any call, any answer
        return lambda *_, **__: None


def _manager(root: str) -> tuple[Any, Any]:
    from swift.common import utils
    from swift.common.storage_policy import POLICIES
    from swift.obj.diskfile import DiskFileManager

    utils.HASH_PATH_PREFIX, utils.HASH_PATH_SUFFIX = b"", b"changeme"
    conf = {"devices": root, "mount_check": "no", "fallocate_reserve": "0", "reclaim_age": 1 << 40}
    return DiskFileManager(conf, _Quiet()), POLICIES[0]


def act(request: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    from swift.common.utils import Timestamp
    from swift.obj.diskfile import DiskFileDeleted, DiskFileNotExist

    manager, policy = _manager(request["root"])
    if request["act"] == "hashes":
        return manager.get_hashes("sda1", "7", request.get("recalculate", []), policy)
    if request["act"] == "choose":
        return [_choice(manager, policy, names) for names in request["listings"]]
    diskfile = manager.get_diskfile("sda1", "7", "a", "c", request["name"], policy=policy)
    if request["act"] == "put":
        body = bytes.fromhex(request["body"])
        metadata = {
            "X-Timestamp": request["at"],
            "Content-Length": str(len(body)),
            "ETag": hashlib.md5(body).hexdigest(),
            **request["metadata"],
        }
        with diskfile.create() as writer:
            writer.write(body)
            writer.put(metadata)
            writer.commit(Timestamp(request["at"]))
    elif request["act"] == "post":
        diskfile.write_metadata({"X-Timestamp": request["at"], **request["metadata"]})
    elif request["act"] == "delete":
        diskfile.delete(Timestamp(request["at"]))
    else:
        assert request["act"] == "get"
        try:
            with diskfile.open(current_time=float(request["at"])):
                body = b"".join(diskfile.reader())
                return [diskfile.get_metadata(), body.hex()]
        except DiskFileDeleted as error:
            return ["deleted", error.timestamp.internal]
        except DiskFileNotExist:
            return ["missing", None]
    return None


def _choice(manager: Any, policy: Any, names: list[str]) -> list[str | None]:  # noqa: ANN401  # Swift's
    found = manager.get_ondisk_files(names, "/x", policy=policy)
    return [
        found[key]["filename"] if key in found else None
        for key in ("data_info", "meta_info", "ctype_info", "ts_info")
    ]


for line in sys.stdin:
    print(json.dumps(act(json.loads(line))), flush=True)
