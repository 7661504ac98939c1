"""Static large objects: a manifest names segments, and reading it reads them."""

from swiftlite.middleware.slo.filter import StaticLargeObjects, filter_factory

__all__ = ["StaticLargeObjects", "filter_factory"]
