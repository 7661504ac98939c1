"""`swiftlite plan`."""
