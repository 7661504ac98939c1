"""The headers of the protocol: a constant for each, and the tests that tell metadata apart.

Names are Title-Case as Swift writes them. Tests take a name in any case. server_type is one of
"account", "container", "object".
"""

from __future__ import annotations

# General HTTP
ACCEPT_RANGES = "Accept-Ranges"
CACHE_CONTROL = "Cache-Control"
CONTENT_DISPOSITION = "Content-Disposition"
CONTENT_ENCODING = "Content-Encoding"
CONTENT_LANGUAGE = "Content-Language"
CONTENT_LENGTH = "Content-Length"
CONTENT_RANGE = "Content-Range"
CONTENT_TYPE = "Content-Type"
DATE = "Date"
ETAG = "ETag"
EXPECT = "Expect"
EXPIRES = "Expires"
LAST_MODIFIED = "Last-Modified"
LOCATION = "Location"
RANGE = "Range"
RETRY_AFTER = "Retry-After"
TRANSFER_ENCODING = "Transfer-Encoding"
X_ROBOTS_TAG = "X-Robots-Tag"

# Clients
X_AUTH_TOKEN = "X-Auth-Token"
X_COPY_FROM = "X-Copy-From"
X_DELETE_AFTER = "X-Delete-After"
X_DELETE_AT = "X-Delete-At"
X_FRESH_METADATA = "X-Fresh-Metadata"
X_IF_DELETE_AT = "X-If-Delete-At"
X_NEWEST = "X-Newest"
X_OBJECT_MANIFEST = "X-Object-Manifest"
X_OPENSTACK_REQUEST_ID = "X-Openstack-Request-Id"
X_STATIC_LARGE_OBJECT = "X-Static-Large-Object"
X_STORAGE_POLICY = "X-Storage-Policy"
X_STORAGE_TOKEN = "X-Storage-Token"
X_STORAGE_URL = "X-Storage-Url"
X_TIMESTAMP = "X-Timestamp"
X_TRANS_ID = "X-Trans-Id"
X_TRANS_ID_EXTRA = "X-Trans-Id-Extra"
X_CONTAINER_READ = "X-Container-Read"
X_CONTAINER_WRITE = "X-Container-Write"
X_CONTAINER_SYNC_KEY = "X-Container-Sync-Key"
X_CONTAINER_SYNC_TO = "X-Container-Sync-To"
X_CONTAINER_OBJECT_COUNT = "X-Container-Object-Count"
X_CONTAINER_BYTES_USED = "X-Container-Bytes-Used"
X_ACCOUNT_CONTAINER_COUNT = "X-Account-Container-Count"
X_ACCOUNT_OBJECT_COUNT = "X-Account-Object-Count"
X_ACCOUNT_BYTES_USED = "X-Account-Bytes-Used"
X_ACCOUNT_STATUS = "X-Account-Status"
X_VERSIONS_LOCATION = "X-Versions-Location"
X_HISTORY_LOCATION = "X-History-Location"

# A listing row, sent by an object server to a container server
X_SIZE = "X-Size"
X_CONTENT_TYPE = "X-Content-Type"
X_ETAG = "X-Etag"
X_CONTENT_TYPE_TIMESTAMP = "X-Content-Type-Timestamp"
X_META_TIMESTAMP = "X-Meta-Timestamp"
CONTENT_TYPE_TIMESTAMP = "Content-Type-Timestamp"  # the key stored in `.meta`

# A container's report to an account server
X_PUT_TIMESTAMP = "X-Put-Timestamp"
X_DELETE_TIMESTAMP = "X-Delete-Timestamp"
X_OBJECT_COUNT = "X-Object-Count"
X_BYTES_USED = "X-Bytes-Used"
X_ACCOUNT_OVERRIDE_DELETED = "X-Account-Override-Deleted"

# Where a storage server sends its updates; set by the proxy
X_ACCOUNT_DEVICE = "X-Account-Device"
X_ACCOUNT_HOST = "X-Account-Host"
X_ACCOUNT_PARTITION = "X-Account-Partition"
X_CONTAINER_DEVICE = "X-Container-Device"
X_CONTAINER_HOST = "X-Container-Host"
X_CONTAINER_PARTITION = "X-Container-Partition"
X_CONTAINER_ROOT_DB_STATE = "X-Container-Root-Db-State"
X_DELETE_AT_CONTAINER = "X-Delete-At-Container"
X_DELETE_AT_DEVICE = "X-Delete-At-Device"
X_DELETE_AT_HOST = "X-Delete-At-Host"
X_DELETE_AT_PARTITION = "X-Delete-At-Partition"

# Between nodes
X_BACKEND_ACCEPT_QUOTED_LOCATION = "X-Backend-Accept-Quoted-Location"
X_BACKEND_ACCEPT_REDIRECT = "X-Backend-Accept-Redirect"
X_BACKEND_ALLOW_PRIVATE_METHODS = "X-Backend-Allow-Private-Methods"
X_BACKEND_ALLOW_RESERVED_NAMES = "X-Backend-Allow-Reserved-Names"
X_BACKEND_AUTO_CREATE = "X-Backend-Auto-Create"
X_BACKEND_CLEAN_EXPIRING_OBJECT_QUEUE = "X-Backend-Clean-Expiring-Object-Queue"
X_BACKEND_CONTAINER_UPDATE_OVERRIDE_PREFIX = "X-Backend-Container-Update-Override-"
X_BACKEND_CONTENT_TYPE = "X-Backend-Content-Type"
X_BACKEND_DATA_TIMESTAMP = "X-Backend-Data-Timestamp"
X_BACKEND_DELETE_TIMESTAMP = "X-Backend-Delete-Timestamp"
X_BACKEND_DURABLE_TIMESTAMP = "X-Backend-Durable-Timestamp"
X_BACKEND_ETAG_IS_AT = "X-Backend-Etag-Is-At"
X_BACKEND_FAKE_ACCOUNT_LISTING = "X-Backend-Fake-Account-Listing"
X_BACKEND_FRAGMENT_PREFERENCES = "X-Backend-Fragment-Preferences"
X_BACKEND_FRAGMENTS = "X-Backend-Fragments"
X_BACKEND_IGNORE_RANGE_IF_METADATA_PRESENT = "X-Backend-Ignore-Range-If-Metadata-Present"
X_BACKEND_INBOUND_X_TIMESTAMP = "X-Backend-Inbound-X-Timestamp"
X_BACKEND_INCLUDE_DELETED = "X-Backend-Include-Deleted"
X_BACKEND_LOCATION_IS_QUOTED = "X-Backend-Location-Is-Quoted"
X_BACKEND_NEXT_PART_POWER = "X-Backend-Next-Part-Power"
X_BACKEND_NO_COMMIT = "X-Backend-No-Commit"
X_BACKEND_NO_TIMESTAMP_UPDATE = "X-Backend-No-Timestamp-Update"
X_BACKEND_OBJ_CONTENT_LENGTH = "X-Backend-Obj-Content-Length"
X_BACKEND_OBJ_METADATA_FOOTER = "X-Backend-Obj-Metadata-Footer"
X_BACKEND_OBJ_MULTIPART_MIME_BOUNDARY = "X-Backend-Obj-Multipart-Mime-Boundary"
X_BACKEND_OBJ_MULTIPHASE_COMMIT = "X-Backend-Obj-Multiphase-Commit"
X_BACKEND_OPEN_EXPIRED = "X-Backend-Open-Expired"
X_BACKEND_OVERRIDE_DELETED = "X-Backend-Override-Deleted"
X_BACKEND_OVERRIDE_SHARD_NAME_FILTER = "X-Backend-Override-Shard-Name-Filter"
X_BACKEND_PUT_TIMESTAMP = "X-Backend-Put-Timestamp"
X_BACKEND_QUOTED_CONTAINER_PATH = "X-Backend-Quoted-Container-Path"
X_BACKEND_RECHECK_ACCOUNT_EXISTENCE = "X-Backend-Recheck-Account-Existence"
X_BACKEND_RECHECK_CONTAINER_EXISTENCE = "X-Backend-Recheck-Container-Existence"
X_BACKEND_RECORD_SHARD_FORMAT = "X-Backend-Record-Shard-Format"
X_BACKEND_RECORD_STORAGE_POLICY_INDEX = "X-Backend-Record-Storage-Policy-Index"
X_BACKEND_RECORD_TYPE = "X-Backend-Record-Type"
X_BACKEND_REDIRECT_TIMESTAMP = "X-Backend-Redirect-Timestamp"
X_BACKEND_REPLICATION = "X-Backend-Replication"
X_BACKEND_REPLICATION_HEADERS = "X-Backend-Replication-Headers"
X_BACKEND_SHARDING_STATE = "X-Backend-Sharding-State"
X_BACKEND_STATUS_CHANGED_AT = "X-Backend-Status-Changed-At"
X_BACKEND_STORAGE_POLICY_DEFAULT = "X-Backend-Storage-Policy-Default"
X_BACKEND_STORAGE_POLICY_INDEX = "X-Backend-Storage-Policy-Index"
X_BACKEND_TIMESTAMP = "X-Backend-Timestamp"
X_BACKEND_USE_REPLICATION_NETWORK = "X-Backend-Use-Replication-Network"
X_OBJ_METADATA_FOOTER = "X-Obj-Metadata-Footer"  # in the 100 of an object server
X_OBJ_MULTIPHASE_COMMIT = "X-Obj-Multiphase-Commit"

# Offers between two swiftlite processes; Swift ignores them
X_BACKEND_SWIFTLITE = "X-Backend-Swiftlite"
X_BACKEND_SWIFTLITE_ROWS = "X-Backend-Swiftlite-Rows"
X_BACKEND_SWIFTLITE_LEND = "X-Backend-Swiftlite-Lend"
X_BACKEND_SWIFTLITE_LENT = "X-Backend-Swiftlite-Lent"
X_BACKEND_SWIFTLITE_TRAILER = "X-Backend-Swiftlite-Trailer"

# Headers beside user metadata that an object keeps unless the operator says otherwise
ALLOWED_OBJECT_HEADERS = (
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    X_DELETE_AT,
    X_OBJECT_MANIFEST,
    X_STATIC_LARGE_OBJECT,
    CACHE_CONTROL,
    CONTENT_LANGUAGE,
    EXPIRES,
    X_ROBOTS_TAG,
)

# Headers that no client may send and none may see: the gatekeeper's list, lower case
INTERNAL_PREFIXES = (
    "x-account-sysmeta-",
    "x-container-sysmeta-",
    "x-object-sysmeta-",
    "x-object-transient-sysmeta-",
    "x-backend-",
)
INTERNAL_NAMES = frozenset(
    name.lower()
    for name in (
        X_ACCOUNT_DEVICE,
        X_ACCOUNT_HOST,
        X_ACCOUNT_PARTITION,
        X_CONTAINER_DEVICE,
        X_CONTAINER_HOST,
        X_CONTAINER_PARTITION,
        X_CONTAINER_ROOT_DB_STATE,
        X_DELETE_AT_CONTAINER,
        X_DELETE_AT_DEVICE,
        X_DELETE_AT_HOST,
        X_DELETE_AT_PARTITION,
    )
)

TRANSIENT_SYSMETA_PREFIX = "X-Object-Transient-Sysmeta-"
_TRANSIENT = TRANSIENT_SYSMETA_PREFIX.lower()
_USER_META = {kind: f"x-{kind}-meta-" for kind in ("account", "container", "object")}
_SYSMETA = {kind: f"x-{kind}-sysmeta-" for kind in ("account", "container", "object")}
_BOTH = {kind: (_USER_META[kind], _SYSMETA[kind]) for kind in _USER_META}


def user_meta_prefix(server_type: str) -> str:
    """`X-Container-Meta-`, and so on."""
    return f"X-{server_type.title()}-Meta-"


def sysmeta_prefix(server_type: str) -> str:
    """`X-Container-Sysmeta-`, and so on."""
    return f"X-{server_type.title()}-Sysmeta-"


def is_user_meta(server_type: str, name: str) -> bool:
    """Metadata that clients set. A prefix with nothing behind it is not metadata."""
    prefix = _USER_META[server_type]
    return len(name) > len(prefix) and name.lower().startswith(prefix)


def is_sysmeta(server_type: str, name: str) -> bool:
    """Metadata that middleware sets and clients never see."""
    prefix = _SYSMETA[server_type]
    return len(name) > len(prefix) and name.lower().startswith(prefix)


def is_sys_or_user_meta(server_type: str, name: str) -> bool:
    lowered = name.lower()
    if not lowered.startswith(_BOTH[server_type]):
        return False
    return lowered not in _BOTH[server_type]


def is_object_transient_sysmeta(name: str) -> bool:
    """System metadata that a POST replaces, as it replaces user metadata."""
    return len(name) > len(_TRANSIENT) and name.lower().startswith(_TRANSIENT)


def is_internal(name: str) -> bool:
    """A header that must not cross the cluster's edge in either direction."""
    lowered = name.lower()
    return lowered.startswith(INTERNAL_PREFIXES) or lowered in INTERNAL_NAMES


def strip_user_meta_prefix(server_type: str, name: str) -> str:
    """`X-Object-Meta-Color` -> `Color`. name must be user metadata."""
    assert is_user_meta(server_type, name)
    return name[len(_USER_META[server_type]) :]


def strip_sysmeta_prefix(server_type: str, name: str) -> str:
    """`X-Container-Sysmeta-Versions-Enabled` -> `Versions-Enabled`. name must be sysmeta."""
    assert is_sysmeta(server_type, name)
    return name[len(_SYSMETA[server_type]) :]


def title_case(name: str) -> str:
    """The one spelling under which a header is kept: `x-object-meta-2nd` -> `X-Object-Meta-2Nd`.

    ASCII letters only, a letter after anything else is a capital, as in Swift; a name may be text
    or a WSGI string. ETag keeps its own spelling, because that is how object metadata stores it.
    """
    if name.isascii():
        titled = name.title()
        return ETAG if titled == "Etag" else titled
    return name.encode("utf-8", "surrogateescape").title().decode("utf-8", "surrogateescape")
