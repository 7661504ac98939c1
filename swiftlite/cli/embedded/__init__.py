"""A whole cluster in one folder, made of the same server processes as a cluster of many machines."""
