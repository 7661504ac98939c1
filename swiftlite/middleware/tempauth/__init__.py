"""Users, keys and groups out of the conf file: an authentication for small clusters and tests."""

from swiftlite.middleware.tempauth.filter import TempAuth, filter_factory

__all__ = ["TempAuth", "filter_factory"]
