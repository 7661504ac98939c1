"""Containers as web sites: index pages, error pages, listings."""

from swiftlite.middleware.staticweb.filter import StaticWeb, filter_factory

__all__ = ["StaticWeb", "filter_factory"]
