"""The object server and the background passes over its devices."""
