"""Containers: the server that keeps their databases, and what it tells their accounts."""
