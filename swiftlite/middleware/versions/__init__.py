"""Containers that keep what was overwritten or deleted in another container."""

from swiftlite.middleware.versions.filter import VersionedWrites, filter_factory

__all__ = ["VersionedWrites", "filter_factory"]
