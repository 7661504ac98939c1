"""Processes and pipelines: how a server starts, serves, and stops. Knows what no server does."""
