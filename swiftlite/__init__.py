"""swiftlite: an object store in Swift's manner."""

__version__ = "0.1.0"
