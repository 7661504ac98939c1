"""Symbolic links: small objects that stand for others."""

from swiftlite.middleware.symlink.filter import Symlinks, filter_factory

__all__ = ["Symlinks", "filter_factory"]
