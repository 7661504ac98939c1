"""Conversations without I/O: bytes in, values out. Imports nothing that acts."""
