"""Uploads by an HTML form that the owner of an account has signed."""

from swiftlite.middleware.formpost.filter import FormPost, filter_factory

__all__ = ["FormPost", "filter_factory"]
