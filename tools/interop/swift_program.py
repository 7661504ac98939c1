"""A program of an installed OpenStack Swift, with its swift.conf anywhere: run under its Python.

swift_program.py SWIFT_DIR object-server|object-replicator|object-auditor|... CONF [more words]
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    swift_dir, name, *words = sys.argv[1:]
    from swift.common import constraints, storage_policy, utils

    utils.set_swift_dir(swift_dir)
    utils.validate_hash_conf()
    constraints.reload_constraints()
    storage_policy.reload_storage_policies()
    sys.argv = [f"swift-{name}", *words]
    kind, _, daemon = name.partition("-")
    if daemon == "server":
        from swift.common.wsgi import run_wsgi

        sys.exit(run_wsgi(words[0], name, default_port=6200))
    package = {"object": "obj"}.get(kind, kind)
    importlib.import_module(f"swift.{package}.{daemon}").main()


if __name__ == "__main__":
    main()
