"""GET /recon/<check>: what this node knows of itself, as JSON, for the tools of operators."""

from swiftlite.middleware.recon.filter import filter_factory

__all__ = ["filter_factory"]
