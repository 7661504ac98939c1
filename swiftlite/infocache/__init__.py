"""What the cluster knows of accounts, containers and objects, from request, cache or backend.

The door for middleware, which never imports the proxy.
"""

from swiftlite.infocache.cache import clear_info
from swiftlite.infocache.info import AccountInfo, ContainerInfo, Cors, ObjectInfo
from swiftlite.infocache.lookup import get_account_info, get_container_info, get_object_info

__all__ = [
    "AccountInfo",
    "ContainerInfo",
    "Cors",
    "ObjectInfo",
    "clear_info",
    "get_account_info",
    "get_container_info",
    "get_object_info",
]
