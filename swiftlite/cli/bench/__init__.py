"""A load on any Swift endpoint, and what it cost. `swiftlite bench`, and tools/bench/versus.py."""
