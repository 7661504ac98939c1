"""Calls to other nodes over HTTP: kept connections, one conversation a time on each."""
