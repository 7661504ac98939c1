"""Access lines and request metrics."""

from swiftlite.middleware.proxy_logging.filter import ProxyLogging, filter_factory

__all__ = ["ProxyLogging", "filter_factory"]
