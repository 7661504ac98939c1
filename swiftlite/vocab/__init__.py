"""The words everyone shares: timestamps, name hashes, header names, limits."""
