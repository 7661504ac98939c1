from __future__ import annotations

import pytest

from swiftlite.config.load import ConfError, options
from swiftlite.config.units import Reserve
from swiftlite.obj.options import ObjectServerOptions
from swiftlite.vocab.headers import ALLOWED_OBJECT_HEADERS


def read(**conf: str) -> ObjectServerOptions:
    return options(ObjectServerOptions, conf, where="a test")


def test_defaults_are_swifts() -> None:
    found = read()
    assert found.allowed_headers == ALLOWED_OBJECT_HEADERS
    assert (found.node_timeout, found.conn_timeout, found.container_update_timeout) == (3, 0.5, 1)
    settings = found.store_settings()
    assert settings.fallocate_reserve == Reserve(percent=1.0)
    assert settings.bytes_per_sync == 512 << 20
    assert settings.keep_cache_size == 5 << 20
    assert settings.reclaim_age == 7 * 86_400
    assert settings.etag_validate_fraction == 1.0


def test_what_an_operator_may_write() -> None:
    found = read(
        allowed_headers="x-Foo, content-length, ETag ,cache-control",
        fallocate_reserve="10G",
        mb_per_sync="0",
        etag_validate_pct="12.5",
        devices="/srv/node/",
        metadata_format="swift",
    )
    assert found.allowed_headers == ("X-Foo", "Cache-Control")
    settings = found.store_settings()
    assert settings.fallocate_reserve == Reserve(bytes=10 << 30)
    assert settings.bytes_per_sync > 1 << 60
    assert settings.etag_validate_fraction == 0.125
    assert settings.devices == "/srv/node"
    assert settings.metadata_format == "swift"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metadata_format", "json"),
        ("etag_validate_pct", "101"),
        ("etag_validate_pct", "all"),
        ("fallocate_reserve", "lots"),
        ("node_timeout", "-1"),
    ],
)
def test_what_an_operator_may_not(key: str, value: str) -> None:
    with pytest.raises(ConfError, match=key):
        read(**{key: value})
