"""One node's objects on its devices: files and their metadata, durable before acknowledged.

Knows the disk, and neither HTTP nor the ring. See `api` for the words, `manager` for the door.
"""
