"""A whole cluster in one folder, of the same server processes as one of many machines."""
