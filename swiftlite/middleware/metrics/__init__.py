"""GET /metrics: requests, this process and this node's devices, as Prometheus reads them."""

from swiftlite.middleware.metrics.filter import filter_factory

__all__ = ["filter_factory"]
