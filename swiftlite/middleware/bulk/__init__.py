"""Many objects by one request: deletion of a list of names, extraction of an archive."""

from swiftlite.middleware.bulk.filter import Bulk, filter_factory

__all__ = ["Bulk", "filter_factory"]
