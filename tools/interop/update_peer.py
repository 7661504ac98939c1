"""Writes container updates as OpenStack Swift does, under the Python that has it.

update_peer.py SWIFT_DIR DEVICES DEVICE < JSON list of [op, account, container, object, headers,
                                           timestamp, container path or null]
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    swift_dir, devices, device = sys.argv[1:]
    from swift.common import utils

    utils.set_swift_dir(swift_dir)
    from swift.common import storage_policy, swob

    storage_policy.reload_storage_policies()
    from swift.obj.diskfile import DiskFileManager

    conf = {"devices": devices, "mount_check": "false", "swift_dir": swift_dir}
    manager = DiskFileManager(conf, utils.get_logger(conf))
    policy = storage_policy.POLICIES[0]
    for op, account, container, name, headers, moment, path in json.load(sys.stdin):
        data = {
            "op": op,
            "account": account,
            "container": container,
            "obj": name,
            "headers": swob.HeaderKeyDict(headers),
            "db_state": None,
        }
        if path is not None:
            data["container_path"] = path
        manager.pickle_async_update(device, account, container, name, data, moment, policy)


if __name__ == "__main__":
    main()
